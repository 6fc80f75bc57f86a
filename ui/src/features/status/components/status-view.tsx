import { useQuery } from "@tanstack/react-query";
import { BookOpen } from "lucide-react";
import { PageHeader } from "@/components/page-header";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Facts, Panel } from "@/components/ui/facts";
import { Failure, Loading } from "@/components/ui/states";
import { fetchConfig, fetchHealth, fetchStatus } from "@/lib/api/status";
import { factsOf, groupsOf, humanName, readable } from "../hooks/readable";

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

function StatusPanels() {
  const { data, error, isPending, refetch } = useQuery({ queryKey: ["status"], queryFn: ({ signal }) => fetchStatus(signal), refetchInterval: 3000 });
  if (isPending) return <Loading label="Loading status" />;
  if (error) return <Failure error={error} onRetry={() => void refetch()} className="rounded-md border" />;
  return (
    <div className="columns-1 gap-4 space-y-4 lg:columns-2 2xl:columns-3">
      {groupsOf(data).map(([name, values]) => (
        <Panel key={name} title={humanName(name)} className="break-inside-avoid">
          <Facts facts={factsOf(values)} className="tabular" />
        </Panel>
      ))}
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
        {data.map(({ name, value, source }) => (
          <div key={name} className="flex items-baseline gap-3 border-b border-border/60 py-1">
            <dt className="shrink-0 font-mono text-xs text-muted-foreground">{name}</dt>
            <dd className="ml-auto min-w-0 text-right font-mono text-xs break-all">
              {readable(name, value)}
              {source && source !== "default" && <Badge className="ml-2">{source}</Badge>}
            </dd>
          </div>
        ))}
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
      <div className="min-h-0 flex-1 space-y-4 overflow-y-auto p-4">
        <StatusPanels />
        <Configuration />
      </div>
    </div>
  );
}
