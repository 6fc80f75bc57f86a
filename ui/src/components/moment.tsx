import { formatClock, formatMoment } from "@/lib/format";

/** A time in the local zone; UTC, with all its digits, on hover. */
export function Moment({ at, clock = false, className }: { at: string | null | undefined; clock?: boolean; className?: string }) {
  if (!at) return <span className={className}>–</span>;
  return (
    <time dateTime={at} title={`${at.replace("T", " ").replace("Z", "")} UTC`} className={className}>
      {clock ? formatClock(at) : formatMoment(at)}
    </time>
  );
}
