import { useQuery } from "@tanstack/react-query";
import { ZoomOut } from "lucide-react";
import { useCallback } from "react";
import { FilterBar } from "@/components/messages/filter-bar";
import { MessageTable } from "@/components/messages/message-table";
import { UNTIL_FIRST_MS, useRecordedMessages } from "@/components/messages/use-archive-messages";
import { PageHeader } from "@/components/page-header";
import { PointAMiner } from "@/components/point-a-miner";
import { SeriesSelect } from "@/components/series-select";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { fetchTimeline } from "@/lib/api/timeline";
import { contradicts, hasFilters, NO_METHOD, type Filters } from "@/lib/filters";
import { formatCount } from "@/lib/format";
import { useFilters, useSelection } from "@/lib/use-filters";
import { ExportButtons } from "@/components/export-buttons";
import { OverviewChart } from "./overview-chart";
import { RangeFields } from "./range-fields";
import { RangeSelect } from "./range-select";

const BUCKETS = 120;

interface OverviewProps {
  filters: Filters;
  onRange: (from?: string, to?: string) => void;
  onType: (some: Partial<Filters>) => void;
  /** The list below says already what is wrong. */
  quiet: boolean;
}

function Overview({ filters, onRange, onType, quiet }: OverviewProps) {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["timeline", filters],
    queryFn: ({ signal }) => fetchTimeline(filters, BUCKETS, signal),
    placeholderData: (old) => old,
    refetchInterval: ({ state }) => (!hasFilters(filters) && state.data?.buckets.every((b) => b.total === 0) ? UNTIL_FIRST_MS : false),
  });
  const total = data?.buckets.reduce((sum, b) => sum + b.total, 0) ?? 0;
  return (
    <section aria-label="Overview" className="@container border-b bg-panel px-4 pt-2 pb-1">
      <div className="flex h-8 items-center gap-2 text-xs text-muted-foreground">
        {data && <span className="tabular" title={data?.exact === false ? "From the archive's index: beginning and end of the range are rounded" : undefined}>
          {data?.exact === false && "about "}<b className="font-medium text-foreground" data-testid="archive-total">{formatCount(total)}</b> messages
        </span>}
        {data?.complete === false && <Badge tone="warn" title="Counting took too long; choose a shorter range">not all counted</Badge>}
        <span className="ml-auto" />
        {filters.from || filters.to ? (
          <Button variant="ghost" title="Whole archive" className="px-2" onClick={() => onRange()}><ZoomOut aria-hidden /><span className="sr-only @3xl:not-sr-only">Whole archive</span></Button>
        ) : (
          <span className="hidden truncate @4xl:inline">Drag across the chart to zoom in, or</span>
        )}
        <RangeFields filters={filters} onRange={onType} />
        <RangeSelect onRange={onRange} />
      </div>
      {error && !quiet && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <div className="h-[120px]"><Loading label="Loading overview" /></div>}
      {data && <OverviewChart timeline={data} onRange={onRange} />}
    </section>
  );
}

export function ArchiveView() {
  const [filters, change, clear] = useFilters();
  const { selected, select } = useSelection();
  const only = useCallback((session_id: string) => change({ session_id }), [change]);
  const { rows, rowAt, more, error, isPending, isFetchingNextPage, refetch } = useRecordedMessages(filters, "all");
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title="Archive"><ExportButtons filters={filters} /></PageHeader>
      <FilterBar withSeries>
        <SeriesSelect className="w-36 min-w-24 flex-1 basis-24 @lg:flex-none @lg:basis-auto" value={filters.series ?? ""} onValue={(series) => change({ series, session_id: undefined })} />
      </FilterBar>
      <Overview filters={filters} onRange={(from, to) => change({ from, to })} onType={(some) => change(some, true)} quiet={error !== null} />
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {isPending && <Loading label="Searching the archive" />}
      {!isPending && !error && rows.length === 0 && (
        <Empty title={hasFilters(filters) ? "Nothing in the archive fits" : "The archive is empty"}>
          {contradicts(filters) && <p>{NO_METHOD}</p>}
          {hasFilters(filters) ? <Button onClick={clear}>Clear the filters</Button> : <PointAMiner />}
        </Empty>
      )}
      {rows.length > 0 && (
        <MessageTable key={JSON.stringify(filters)} label="Recorded messages" count={rows.length} rowAt={rowAt} selected={selected} onSelect={select} onSession={only} onEnd={more}
          footer={isFetchingNextPage && <p role="status" className="p-3 text-center text-muted-foreground">Loading older messages</p>} />
      )}
    </div>
  );
}
