import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { disconnectSession, fetchSession, fetchSessions } from "@/lib/api/sessions";

export function useSessions() {
  return useInfiniteQuery({
    queryKey: ["sessions"],
    queryFn: ({ pageParam, signal }) => fetchSessions(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: 5000,
  });
}

export function useSession(id: string) {
  return useQuery({ queryKey: ["session", id], queryFn: ({ signal }) => fetchSession(id, signal), refetchInterval: 3000 });
}

export function useDisconnect(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => disconnectSession(id),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: ["session", id] }), client.invalidateQueries({ queryKey: ["sessions"] })]),
  });
}
