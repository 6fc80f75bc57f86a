import { useQuery } from "@tanstack/react-query";
import { isReachable } from "@/lib/api/status";

/** Asked so often, and given so long: what stops answering is told within 10 s. */
const EVERY_MS = 4000;
const WITHIN_MS = 4000;

/** Says on every view that what is shown may be old, while nothing answers. */
export function Unreachable() {
  const { data: reachable = true } = useQuery({
    queryKey: ["reachable"],
    queryFn: () => isReachable(WITHIN_MS),
    refetchInterval: EVERY_MS,
    staleTime: 0,
    retry: false,
  });
  if (reachable) return null;
  return (
    <p role="alert" className="border-b border-warn/40 bg-warn/10 px-4 py-1.5 text-xs text-warn">
      HashScope does not answer: what is shown here may be old. It is asked again every few seconds.
    </p>
  );
}
