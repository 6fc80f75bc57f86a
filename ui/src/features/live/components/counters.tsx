import { ArrowDown, ArrowUp } from "lucide-react";
import type { FeedView } from "@/lib/live/feed";
import { cn } from "@/lib/cn";
import { formatCount } from "@/lib/format";

/** What has come since the view was opened. */
export function CountersLine({ view }: { view: FeedView }) {
  const { counters, rate } = view;
  return (
    <div className="tabular hidden items-center gap-4 text-xs text-muted-foreground sm:flex" title="Since this view was opened">
      <span><b className="font-medium text-foreground" data-testid="rate">{rate < 10 ? rate.toFixed(1) : formatCount(rate)}</b> msg/s</span>
      <span><b className="font-medium text-foreground" data-testid="total">{formatCount(counters.total)}</b> messages</span>
      <span className="hidden items-center gap-1 lg:flex"><ArrowUp aria-label="from miners" className="size-3.5 text-up" />{formatCount(counters.up)}</span>
      <span className="hidden items-center gap-1 lg:flex"><ArrowDown aria-label="from pools" className="size-3.5 text-down" />{formatCount(counters.down)}</span>
      <span className={cn("hidden md:inline", counters.errors > 0 && "text-bad")}>{formatCount(counters.errors)} {counters.errors === 1 ? "error" : "errors"}</span>
    </div>
  );
}
