import { useMemo } from "react";
import { useSearchParams } from "react-router-dom";
import { LazyInput } from "@/components/lazy-input";
import { PageHeader } from "@/components/page-header";
import { PointAMiner } from "@/components/point-a-miner";
import { SeriesSelect } from "@/components/series-select";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { Empty, Failure, Loading } from "@/components/ui/states";
import { isOpen, type SessionQuery } from "@/lib/api/sessions";
import { formatCount } from "@/lib/format";
import { useHotkeys } from "@/lib/use-hotkeys";
import { useSessions } from "../hooks/use-sessions";
import { SessionTable } from "./session-table";

const NAMES = ["q", "state", "source", "series"] as const;

/** The filters, as they stand in the URL; the API takes them by the same names. */
function useSessionQuery(): [SessionQuery, (name: (typeof NAMES)[number], value: string) => void, () => void] {
  const [params, setParams] = useSearchParams();
  const query = useMemo(() => Object.fromEntries(NAMES.map((name) => [name, params.get(name) || undefined])) as SessionQuery, [params]);
  const set = (name: string, value: string) =>
    setParams((old) => {
      const next = new URLSearchParams(old);
      if (value) next.set(name, value);
      else next.delete(name);
      return next;
    }, { replace: true });
  return [query, set, () => setParams({}, { replace: true })];
}

export function SessionsView() {
  const [query, set, clear] = useSessionQuery();
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useSessions(query);
  const all = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const filtered = NAMES.some((name) => query[name]);
  const open = all.filter(isOpen).length;
  useHotkeys({ "/": () => document.getElementById("find-session")?.focus() });
  return (
    <div className="flex h-full min-h-0 flex-col">
      <PageHeader title="Sessions" info={data && <span className="tabular text-xs text-muted-foreground">{formatCount(open)} open, {formatCount(all.length - open)} closed{hasNextPage && ", more to load"}</span>} />
      <form role="search" className="flex flex-wrap gap-2 border-b bg-panel px-4 py-2" onSubmit={(e) => e.preventDefault()}>
        <LazyInput id="find-session" aria-label="Find a session" placeholder="Worker, user agent, address, pool ( / )" className="w-full max-w-md min-w-44 flex-1 basis-full sm:basis-56" value={query.q ?? ""} onValue={(text) => set("q", text)} />
        <Select aria-label="State" value={query.state ?? ""} onChange={(e) => set("state", e.target.value)}>
          <option value="">Open and closed</option>
          <option value="open">Open</option>
          <option value="closed">Closed</option>
        </Select>
        <Select aria-label="From where" value={query.source ?? ""} onChange={(e) => set("source", e.target.value)}>
          <option value="">Live and archived</option>
          <option value="live">Live</option>
          <option value="archive">Archived</option>
        </Select>
        <SeriesSelect value={query.series ?? ""} onValue={(series) => set("series", series ?? "")} />
      </form>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      <div className="min-h-0 flex-1 overflow-auto">
        {isPending && <Loading label="Loading sessions" />}
        {data && all.length === 0 && !filtered && <Empty title="No sessions yet"><PointAMiner /></Empty>}
        {data && all.length === 0 && filtered && <Empty title="No session fits">{<Button onClick={clear}>Show all</Button>}</Empty>}
        {all.length > 0 && <SessionTable sessions={all} />}
        {hasNextPage && (
          <div className="p-4 text-center">
            <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>Load older sessions</Button>
          </div>
        )}
      </div>
    </div>
  );
}
