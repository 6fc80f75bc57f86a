import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { fetchMessages } from "@/lib/api/messages";
import { fetchSession, fetchSessions, isOpen, type SessionQuery } from "@/lib/api/sessions";

export function useSessions(query: SessionQuery) {
  return useInfiniteQuery({
    queryKey: ["sessions", query],
    queryFn: ({ pageParam, signal }) => fetchSessions(query, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (old) => old,
    refetchInterval: 5000,
  });
}

/** A closed session does not change any more. */
export function useSession(id: string, series: string | undefined) {
  return useQuery({
    queryKey: ["session", id, series],
    queryFn: ({ signal }) => fetchSession(id, series, signal),
    refetchInterval: ({ state }) => (!state.data || isOpen(state.data) ? 4000 : false),
  });
}

/** Something that changes a session; what is shown of it is asked for anew. */
export function useSessionChange<T>(id: string, change: (value: T) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: () => Promise.all(["session", "auto-replay"].map((what) => client.invalidateQueries({ queryKey: [what, id] })).concat(client.invalidateQueries({ queryKey: ["sessions"] }))),
  });
}

/** Looks up the newest share that the miner itself sent. */
export function useLastShare(id: string, onFound: (messageId: string) => void) {
  return useMutation({
    mutationFn: async () => {
      const { items } = await fetchMessages({ session_id: id, method: "mining.submit", direction: "miner_to_pool", order: "newest", limit: 1 });
      if (!items[0]) throw new Error("This session has sent no share yet.");
      return items[0].id;
    },
    onSuccess: onFound,
  });
}
