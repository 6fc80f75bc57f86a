import { useQuery } from "@tanstack/react-query";
import { Badge, type Tone } from "@/components/ui/badge";
import { fetchStatus } from "@/lib/api/status";
import { cn } from "@/lib/cn";
import type { FeedView } from "@/lib/live/feed";

function describe(view: FeedView | undefined): [Tone, string] {
  if (!view || view.link === "connecting") return ["neutral", "Connecting"];
  if (view.link === "connected") return ["good", "Connected"];
  const seconds = view.retryAt ? Math.max(0, Math.ceil((view.retryAt - Date.now()) / 1000)) : 0;
  return ["warn", seconds > 0 ? `Disconnected, trying again in ${seconds} s` : "Reconnecting"];
}

/** The API may be there while nothing is recorded any more. */
function RecorderBadge() {
  const { data } = useQuery({ queryKey: ["status"], queryFn: ({ signal }) => fetchStatus(signal), refetchInterval: 5000 });
  if (!data || data.recorder.running) return null;
  return <Badge tone="warn" className="h-5" title={data.recorder.error ?? undefined}>Recorder not running</Badge>;
}

/** Whether what is shown is what happens: never green while nothing comes. */
export function LinkBadge({ view }: { view: FeedView | undefined }) {
  const [tone, text] = describe(view);
  return (
    <span role="status" className="flex gap-2">
      <Badge tone={tone} className="h-5">
        <span aria-hidden className={cn("size-1.5 rounded-full bg-current", tone === "warn" && "animate-pulse")} />
        {text}
      </Badge>
      {view?.link === "connected" && <RecorderBadge />}
      {view && view.counters.skipped > 0 && (
        <Badge tone="warn" className="h-5" title="Messages that came faster than this page could take them. They are in the archive.">
          {view.counters.skipped.toLocaleString("en-US")} skipped
        </Badge>
      )}
    </span>
  );
}
