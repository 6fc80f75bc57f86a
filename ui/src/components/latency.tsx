import { cn } from "@/lib/cn";
import { formatLatency, latencyLevel } from "@/lib/format";

const COLOURS = { good: "text-good", warn: "text-warn", bad: "text-bad" };

export function Latency({ ms }: { ms: number | null | undefined }) {
  if (ms == null) return null;
  return <span className={cn("tabular", COLOURS[latencyLevel(ms)])}>{formatLatency(ms)}</span>;
}
