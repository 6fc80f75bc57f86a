import { useQuery } from "@tanstack/react-query";
import { BookOpen } from "lucide-react";
import { PageHeader } from "@/components/page-header";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Facts, Panel } from "@/components/ui/facts";
import { Failure, Loading } from "@/components/ui/states";
import { fetchConfig, fetchHealth, fetchStatus } from "@/lib/api/status";
import type { Setting, Status } from "@/lib/api/types";
import { routesOf } from "@/lib/routes";
import { factsOf, groupsOf, readable } from "../hooks/readable";
import { SegmentsPanel } from "./segments-panel";
import { StatusFigures } from "./status-figures";

const TONES: Record<string, Tone> = { ok: "good", degraded: "warn" };

function HealthBadge() {
  const { data, error } = useQuery({ queryKey: ["health"], queryFn: ({ signal }) => fetchHealth(signal), refetchInterval: 5000, retry: false });
  if (error) return <Badge tone="bad">not answering</Badge>;
  if (!data) return null;
  return (
    <span role="status" className="flex flex-wrap items-center gap-2">
      <Badge tone={TONES[data.status] ?? "bad"} className="h-5">{data.status}</Badge>
      {data.reasons.map((reason) => <span key={reason} className="text-xs text-warn">{reason}</span>)}
    </span>
  );
}

function Routes({ recorder }: { recorder: Status["recorder"] }) {
  const routes = routesOf(recorder);
  if (routes.length === 0) return null;
  return (
    <Panel title="Routes" className="break-inside-avoid">
      <dl className="space-y-1">
        {routes.map((route) => (
          <div key={`${route.name} ${route.listen}`} className="font-mono text-xs">
            <dt className="inline text-muted-foreground">{route.name} </dt>
            <dd className="inline break-all">{route.listen}{route.tls && " (TLS)"} → {route.pools.join(", ") || "–"}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

const FACTS = "tabular gap-y-0.5 text-xs [&_dd]:text-right";
const MANY = 6;

/** What has not happened is put away where there is much of it. */
function Counts({ values }: { values: Record<string, unknown> }) {
  const entries = Object.entries(values);
  const still = entries.filter(([, value]) => value === 0 || value === false);
  if (still.length < MANY) return <Facts facts={factsOf(values)} className={FACTS} />;
  return (
    <div className="space-y-1">
      <Facts facts={factsOf(Object.fromEntries(entries.filter((entry) => !still.includes(entry))))} className={FACTS} />
      <details className="text-xs">
        <summary className="cursor-pointer text-muted-foreground hover:text-foreground">{still.length} more are zero</summary>
        <Facts facts={factsOf(Object.fromEntries(still))} className={`${FACTS} pt-1`} />
      </details>
    </div>
  );
}

function StatusPanels() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["status"], queryFn: ({ signal }) => fetchStatus(signal), refetchInterval: 3000 });
  if (isPending) return <Loading label="Loading status" />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} className="rounded-md border" />;
  const { recorder, api, live, version, now } = data;
  const groups = [...groupsOf("Recorder", recorder), ...groupsOf("API", { version, now, ...api }), ...groupsOf("Messages in memory", live)];
  return (
    <>
      <StatusFigures status={data} />
      <div className="columns-1 gap-4 space-y-4 md:columns-2 xl:columns-3 min-[1720px]:columns-4">
        <Routes recorder={recorder} />
        {groups.map(([name, values]) => (
          <Panel key={name} title={name} className="break-inside-avoid">
            <Counts values={values} />
          </Panel>
        ))}
      </div>
    </>
  );
}

function SettingRow({ setting: { name, value, source, help, secret } }: { setting: Setting }) {
  return (
    <div className="flex items-baseline gap-3 border-b border-border/60 py-1" title={help}>
      <dt className="shrink-0 font-mono text-xs text-muted-foreground">{name}</dt>
      <dd className="ml-auto min-w-0 text-right font-mono text-xs break-all">
        {secret && value === null ? "–" : readable(name, value)}
        {source !== "default" && <Badge className="ml-2 font-sans">{source}</Badge>}
      </dd>
    </div>
  );
}

function Configuration() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["config"], queryFn: ({ signal }) => fetchConfig(signal) });
  if (isPending) return <Loading label="Loading configuration" />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} className="rounded-md border" />;
  return (
    <Panel title="Configuration in force">
      <dl className="grid gap-x-8 lg:grid-cols-2 2xl:grid-cols-3">
        {data.map((setting) => <SettingRow key={setting.name} setting={setting} />)}
      </dl>
    </Panel>
  );
}

export function StatusView() {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title="Status" info={<HealthBadge />}>
        <Button asChild><a href="/docs"><BookOpen aria-hidden /> API documentation</a></Button>
      </PageHeader>
      <div className="min-h-0 flex-1 space-y-4 overflow-y-auto p-4" tabIndex={0} role="region" aria-label="Status">
        <StatusPanels />
        <SegmentsPanel />
        <Configuration />
      </div>
    </div>
  );
}
