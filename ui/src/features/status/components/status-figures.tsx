import { Figure, Figures } from "@/components/ui/facts";
import type { Status } from "@/lib/api/types";
import { formatBytes, formatCount, formatDuration, formatMoment } from "@/lib/format";
import { numberAt } from "../hooks/readable";

const count = (n: number | null) => (n === null ? "–" : formatCount(n));

/** How much of the disk the archive takes, and how much is left. */
function DiskBar({ used, free }: { used: number; free: number | null }) {
  if (free === null) return null;
  const share = Math.min(100, Math.max(1, (100 * used) / (used + free)));
  return <div aria-hidden className="mt-1.5 h-1 overflow-hidden rounded-full bg-muted"><div className="h-full bg-primary" style={{ width: `${share}%` }} /></div>;
}

function Running({ recorder }: { recorder: Status["recorder"] }) {
  const uptime = numberAt(recorder, "uptime_seconds");
  if (recorder.running) return <Figure label="Recorder" value={<span className="text-good">running</span>} hint={uptime === null ? undefined : `for ${formatDuration(uptime)}`} />;
  return <Figure label="Recorder" value={<span className="text-bad">not running</span>} hint={recorder.error ?? undefined} />;
}

export function StatusFigures({ status }: { status: Status }) {
  const { recorder, archive } = status;
  const lag = numberAt(recorder, "archive", "lag_bytes");
  return (
    <Figures className="rounded-md border">
      <Running recorder={recorder} />
      <Figure label="Miners connected" value={count(numberAt(recorder, "sessions_open"))} hint={`at most ${count(numberAt(recorder, "max_sessions"))}`} />
      <Figure label="Lines recorded" value={count(numberAt(recorder, "last_seq"))} hint={lag === null ? "in this series" : `${formatBytes(lag)} not on disk yet`} />
      <Figure label="Archive" value={formatBytes(archive.bytes)} hint={`${formatCount(archive.segments)} ${archive.segments === 1 ? "file" : "files"}${archive.from ? `, since ${formatMoment(archive.from)}` : ""}`} />
      <Figure label="Disk free" value={archive.free_bytes === null ? "–" : formatBytes(archive.free_bytes)} hint={<DiskBar used={archive.bytes} free={archive.free_bytes} />} />
    </Figures>
  );
}
