import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { fetchMessages, type Source } from "@/lib/api/messages";
import { hasFilters, type Filters } from "@/lib/filters";
import { foldRows } from "@/lib/live/rows";

const PAGE = 200;
/** An archive that is empty is looked at again, until something is in it. */
export const UNTIL_FIRST_MS = 4000;

/** Recorded messages, newest first, a page at a time as somebody scrolls. */
export function useRecordedMessages(filters: Filters, source: Source, every: number | false = false) {
  const query = useInfiniteQuery({
    queryKey: ["messages", source, filters],
    queryFn: ({ pageParam, signal }) => fetchMessages({ ...filters, source, order: "newest", limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchOnWindowFocus: false,
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      // Only while somebody looks at the newest page: all pages are asked for anew.
      if (pages.length > 1) return false;
      return pages[0]?.items.length === 0 && !hasFilters(filters) ? UNTIL_FIRST_MS : every;
    },
  });
  const rows = useMemo(() => foldRows(query.data?.pages.flatMap((page) => page.items) ?? []), [query.data]);
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const rowAt = useCallback((index: number) => rows[index], [rows]);
  return { ...query, rows, rowAt, more };
}
