import { useInfiniteQuery } from "@tanstack/react-query";
import { Moment } from "@/components/moment";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/facts";
import { Failure, Loading } from "@/components/ui/states";
import { fetchSegments } from "@/lib/api/segments";
import type { Segment } from "@/lib/api/types";
import { formatBytes, formatCount } from "@/lib/format";

const TONES: Record<Segment["state"], Tone> = { sealed: "neutral", open: "good", torn: "warn" };
const NUMBER = "tabular text-right";

function Row({ segment }: { segment: Segment }) {
  const ratio = segment.text_bytes && segment.bytes ? `${(segment.text_bytes / segment.bytes).toFixed(1)} : 1` : "–";
  return (
    <tr className="border-b border-border/60 last:border-b-0">
      <td className="max-w-64 truncate font-mono" title={segment.path}>{segment.file}</td>
      <td><Badge tone={TONES[segment.state]}>{segment.state}</Badge></td>
      <td className={NUMBER}>{formatBytes(segment.bytes)}</td>
      <td className={`${NUMBER} hidden md:table-cell`}>{ratio}</td>
      <td className={`${NUMBER} hidden sm:table-cell`}>{segment.lines === null ? "–" : formatCount(segment.lines)}</td>
      <td className={`${NUMBER} hidden lg:table-cell`}>{segment.sessions === null ? "–" : formatCount(segment.sessions)}</td>
      <td className="hidden text-right md:table-cell"><Moment at={segment.from} /></td>
      <td className="hidden text-right lg:table-cell"><Moment at={segment.to} /></td>
    </tr>
  );
}

/** The files that the archive consists of. */
export function SegmentsPanel() {
  const query = useInfiniteQuery({
    queryKey: ["segments"],
    queryFn: ({ pageParam, signal }) => fetchSegments(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= 1 ? 10_000 : false),
  });
  const segments = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title="Files of the archive">
      {query.error && <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading label="Loading files" />}
      {query.data && segments.length === 0 && <p className="text-muted-foreground">Nothing has been recorded yet.</p>}
      {segments.length > 0 && (
        <table className="w-full text-xs [&_td]:h-7 [&_td]:px-2 [&_td]:first:pl-0 [&_td]:last:pr-0 [&_th]:h-7 [&_th]:px-2 [&_th]:font-normal [&_th]:first:pl-0 [&_th]:last:pr-0">
          <thead className="text-2xs text-muted-foreground">
            <tr className="border-b text-left">
              <th scope="col">File</th>
              <th scope="col">State</th>
              <th scope="col" className="text-right">Size</th>
              <th scope="col" className="hidden text-right md:table-cell">Compressed</th>
              <th scope="col" className="hidden text-right sm:table-cell">Lines</th>
              <th scope="col" className="hidden text-right lg:table-cell">Sessions</th>
              <th scope="col" className="hidden text-right md:table-cell">From</th>
              <th scope="col" className="hidden text-right lg:table-cell">To</th>
            </tr>
          </thead>
          <tbody>{segments.map((segment) => <Row key={segment.path} segment={segment} />)}</tbody>
        </table>
      )}
      {query.hasNextPage && <div className="pt-3 text-center"><Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>More</Button></div>}
    </Panel>
  );
}
