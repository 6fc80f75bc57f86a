import { useQuery } from "@tanstack/react-query";
import { fetchMessage } from "@/lib/api/messages";

export function useMessage(id: string | null) {
  return useQuery({
    queryKey: ["message", id],
    queryFn: ({ signal }) => fetchMessage(id!, signal),
    enabled: id !== null,
    // A request is looked at again until its answer is there.
    refetchInterval: ({ state }) => (state.data?.is_request && state.data.response == null && fresh(state.data.ts_recv) ? 1000 : false),
  });
}

const fresh = (iso: string) => Date.now() - Date.parse(iso) < 30_000;
