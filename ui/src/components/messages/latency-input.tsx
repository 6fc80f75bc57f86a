import { useState } from "react";
import { LazyInput } from "@/components/lazy-input";
import { latencyRangeText, parseLatencyRange, type LatencyRange } from "@/lib/latency-range";

const HINT = "Answers that took so long, in milliseconds: >500 and longer, <5 and shorter, 100-500";

/** How long an answer took. What is no range is marked, and changes nothing. */
export function LatencyInput({ value, onValue, className }: { value: LatencyRange; onValue: (range: LatencyRange) => void; className?: string }) {
  const [wrong, setWrong] = useState(false);
  const take = (text: string) => {
    const range = parseLatencyRange(text);
    setWrong(!range);
    if (range) onValue(range);
  };
  return <LazyInput aria-label="Latency in milliseconds" aria-invalid={wrong} title={HINT} placeholder="> ms" inputMode="text" className={className} value={latencyRangeText(value)} onValue={take} />;
}
