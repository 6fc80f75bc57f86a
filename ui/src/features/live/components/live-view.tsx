import { Pause, Play } from "lucide-react";
import { useCallback, useMemo, useRef } from "react";
import { FilterBar } from "@/components/messages/filter-bar";
import { MessageTable } from "@/components/messages/message-table";
import { PageHeader } from "@/components/page-header";
import { PointAMiner } from "@/components/point-a-miner";
import { Button } from "@/components/ui/button";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { contradicts, hasFilters, NO_METHOD, type Filters } from "@/lib/filters";
import { formatCount } from "@/lib/format";
import type { Row } from "@/lib/live/rows";
import { useFilters, useSelection } from "@/lib/use-filters";
import { useHotkeys } from "@/lib/use-hotkeys";
import { useLiveFeed } from "../hooks/use-live-feed";
import { usePause } from "../hooks/use-pause";
import { CountersLine } from "./counters";
import { LinkBadge } from "./link-badge";

/** Above this rate rows no longer flash: everything would. */
const CALM_RATE = 15;
const FLASH_MS = 900;

function Nothing({ filters, clear }: { filters: Filters; clear: () => void }) {
  if (!hasFilters(filters)) return <Empty title="No messages yet"><PointAMiner /></Empty>;
  return (
    <Empty title="Nothing fits these filters yet">
      <p>{contradicts(filters) ? NO_METHOD : "New messages that fit appear here as they pass. The archive may have older ones."}</p>
      <Button onClick={clear}>Clear the filters</Button>
    </Empty>
  );
}

export function LiveView() {
  const [all, change, clear] = useFilters();
  const filters = useMemo<Filters>(() => ({ ...all, from: undefined, to: undefined, series: undefined }), [all]);
  const { selected, select } = useSelection();
  const view = useLiveFeed(filters);
  const stream = usePause(view);
  const { paused, pause, resume } = stream;
  const toggle = paused ? resume : pause;
  useHotkeys({ " ": toggle });
  const opened = useRef(Date.now());
  const calm = (view?.rate ?? 0) < CALM_RATE && Date.now() - opened.current > 1500;
  const isFresh = useCallback((row: Row) => calm && Date.now() - Date.parse(row.message.ts_recv) < FLASH_MS, [calm]);
  const only = useCallback((session_id: string) => change({ session_id }), [change]);
  const away = useCallback((yes: boolean) => yes && pause(), [pause]);
  const choose = useCallback(
    (id: string | null) => {
      if (id) pause();
      select(id);
    },
    [pause, select],
  );
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title="Live" info={<LinkBadge view={view} />}>
        {view && <CountersLine view={view} />}
        <Button onClick={toggle} aria-pressed={paused} variant={paused ? "default" : "outline"} className="tabular">
          {paused ? <Play aria-hidden /> : <Pause aria-hidden />}
          {paused ? (stream.waiting ? `Resume · ${formatCount(stream.waiting)} new` : "Resume") : "Pause"}
        </Button>
      </PageHeader>
      <FilterBar />
      {view?.problem != null && <Failure error={view.problem} />}
      {!view?.loaded ? (
        <Loading label="Loading messages" />
      ) : stream.count === 0 ? (
        <Nothing filters={filters} clear={clear} />
      ) : (
        <MessageTable label="Live messages" count={stream.count} rowAt={stream.rowAt} selected={selected} onSelect={choose} onSession={only} onScrollAway={away} isFresh={isFresh} />
      )}
    </div>
  );
}
