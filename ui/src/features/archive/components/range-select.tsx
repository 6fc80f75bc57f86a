import { Select } from "@/components/ui/input";

const RANGES: [seconds: number, name: string][] = [
  [15 * 60, "Last 15 minutes"],
  [3600, "Last hour"],
  [6 * 3600, "Last 6 hours"],
  [24 * 3600, "Last 24 hours"],
  [7 * 86_400, "Last 7 days"],
  [30 * 86_400, "Last 30 days"],
];

/** Chooses a range that ends now. It is written down as a time, so that a link means the same later. */
export function RangeSelect({ onRange }: { onRange: (from: string) => void }) {
  return (
    <Select aria-label="Choose a range" className="h-7 text-xs @lg:hidden @2xl:block" value="" onChange={(e) => onRange(new Date(Date.now() - Number(e.target.value) * 1000).toISOString())}>
      <option value="" disabled>Choose a range</option>
      {RANGES.map(([seconds, name]) => <option key={seconds} value={seconds}>{name}</option>)}
    </Select>
  );
}
