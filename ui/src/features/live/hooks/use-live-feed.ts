import { skipToken, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { fetchBacklog, liveUrl } from "@/lib/api/messages";
import type { Message } from "@/lib/api/types";
import type { Filters } from "@/lib/filters";
import { LiveFeed, type FeedView } from "@/lib/live/feed";
import { fits } from "@/lib/live/fits";

const BACKLOG = 1000;

/** The feed of these filters, kept in the query cache while the view is there. */
export function useLiveFeed(filters: Filters): FeedView | undefined {
  const client = useQueryClient();
  const key = JSON.stringify(filters);
  const queryKey = useMemo(() => ["live", key], [key]);
  const { data } = useQuery<FeedView>({ queryKey, queryFn: skipToken, staleTime: Infinity, gcTime: 0, structuralSharing: false });
  useEffect(() => {
    const wanted = JSON.parse(key) as Filters;
    // Through the client, so that everybody learns when the token is no longer good.
    // It asks by itself: what is already on its way is not asked for twice.
    const ask = (what: string, messages: () => Promise<Message[]>) =>
      client.fetchQuery({ queryKey: [what, key], queryFn: messages, staleTime: 0, gcTime: 0, retry: false });
    const feed = new LiveFeed({
      url: liveUrl(wanted),
      backlog: () => ask("backlog", () => fetchBacklog(wanted, BACKLOG)),
      probe: () => ask("probe", () => fetchBacklog(wanted, 1)),
      fits: (message) => fits(wanted, message),
      onView: (view) => client.setQueryData(queryKey, view),
    });
    return () => {
      feed.close();
      client.removeQueries({ queryKey });
    };
  }, [client, key, queryKey]);
  return data;
}
