import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { fetchMessages, type Source } from "@/lib/api/messages";
import type { Filters } from "@/lib/filters";
import { foldRows } from "@/lib/live/rows";

const PAGE = 200;

/** Recorded messages, newest first, a page at a time as somebody scrolls. */
export function useRecordedMessages(filters: Filters, source: Source, every: number | false = false) {
  const query = useInfiniteQuery({
    queryKey: ["messages", source, filters],
    queryFn: ({ pageParam, signal }) => fetchMessages({ ...filters, source, order: "newest", limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchOnWindowFocus: false,
    // Only while somebody looks at the newest page: all pages are asked for anew.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) <= 1 ? every : false),
  });
  const rows = useMemo(() => foldRows(query.data?.pages.flatMap((page) => page.items) ?? []), [query.data]);
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const rowAt = useCallback((index: number) => rows[index], [rows]);
  return { ...query, rows, rowAt, more };
}
