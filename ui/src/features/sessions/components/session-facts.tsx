import { Moment } from "@/components/moment";
import { Facts, Figure, Figures, Panel } from "@/components/ui/facts";
import { poolOf } from "@/lib/api/sessions";
import type { Session, SessionDetail, SessionStats } from "@/lib/api/types";
import { formatBytes, formatCount, formatDuration, formatLatency, formatSi } from "@/lib/format";
import { plain } from "@/lib/stratum/explain";

/** Not every number that a pool may write is one of ours. */
const codeText = (code: number | null) => (code === null ? "" : plain(code));
const latency = (ms: number | null) => (ms === null ? "–" : formatLatency(ms));

export function SessionFigures({ session }: { session: SessionDetail }) {
  const { stats } = session;
  const judged = stats.accepted + stats.rejected;
  return (
    <Figures className="border-b">
      <Figure label="Hashrate" value={stats.hashrate_estimate === null ? "–" : formatSi(stats.hashrate_estimate, "H/s")} hint="from accepted shares" />
      <Figure label="Shares accepted" value={formatCount(stats.accepted)} hint={`of ${formatCount(stats.submits)} sent`} />
      <Figure label="Rejected" value={<span className={stats.rejected ? "text-bad" : undefined}>{formatCount(stats.rejected)}</span>} hint={judged ? `${((100 * stats.rejected) / judged).toFixed(2)} % of shares` : stats.submits ? "no share was judged" : "no shares"} />
      <Figure label="Difficulty" value={session.difficulty === null ? "–" : formatSi(session.difficulty)} hint="set by the pool" />
      <Figure label="Median latency" value={latency(stats.latency_ms.p50)} hint={`p99 ${latency(stats.latency_ms.p99)} · max ${latency(stats.latency_ms.max)}`} />
      <Figure label="Messages" value={formatCount(stats.total)} hint={stats.parse_errors ? `${formatCount(stats.parse_errors)} cannot be read` : "all readable"} />
      <Figure label="Duration" value={formatDuration(session.lasted_ms / 1000)} hint={`${formatBytes(session.bytes_up)} ↑ ${formatBytes(session.bytes_down)} ↓`} />
    </Figures>
  );
}

export function Rejects({ stats }: { stats: SessionStats }) {
  if (stats.rejected_by_code.length === 0) return null;
  return (
    <Panel title="Why shares were rejected">
      <table className="w-full">
        <thead className="sr-only"><tr><th>Reason</th><th>Code</th><th>Shares</th></tr></thead>
        <tbody>
          {stats.rejected_by_code.map(({ code, text, count }) => (
            <tr key={`${codeText(code)} ${text}`}>
              <td className="py-0.5 break-words">{text ?? "without a reason"}</td>
              <td className="tabular w-12 text-right text-muted-foreground">{codeText(code)}</td>
              <td className="tabular w-16 text-right text-bad">{formatCount(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function endingOf({ closed_by, reason }: Session): string {
  return [closed_by && `by ${closed_by}`, reason].filter(Boolean).join(": ") || "not known";
}

const side = (address: string | null, tls: boolean | null) => (address ? `${address}${tls ? " (TLS)" : ""}` : "–");

export function SessionFacts({ session }: { session: Session }) {
  const { messages } = session;
  return (
    <Panel title="Session">
      <Facts
        facts={[
          { label: "Workers", value: session.workers.join(", ") || "–" },
          ...(session.refused.length ? [{ label: "Refused names", value: session.refused.join(", ") }] : []),
          { label: "User agent", value: session.user_agent ?? "–" },
          { label: "Miner", value: side(session.peer, session.miner_tls), mono: true },
          ...(session.via ? [{ label: "By way of", value: session.via, mono: true }] : []),
          { label: "Pool", value: side(poolOf(session), session.pool_tls), mono: true },
          { label: "Pool's address", value: session.pool_address ?? "–", mono: true },
          { label: "Route", value: session.route ?? "–", mono: true },
          { label: "Extranonce1", value: session.extranonce1 ?? "–", mono: true },
          { label: "Version mask", value: session.version_mask ?? "–", mono: true },
          { label: "First message", value: <Moment at={session.first_seen} /> },
          { label: "Last message", value: <Moment at={session.last_seen} /> },
          ...(session.state === "closed" ? [{ label: "Ended", value: endingOf(session) }] : []),
          { label: "From miner", value: `${formatCount(messages.miner_to_pool)} messages` },
          { label: "From pool", value: `${formatCount(messages.pool_to_miner)} messages` },
          { label: "Sent by HashScope", value: formatCount(messages.hashscope_to_pool) },
          { label: "Other refusals", value: formatCount(session.other_errors) },
          { label: "Id", value: session.session_id, mono: true },
          ...(session.imported_as ? [{ label: "Imported as", value: session.imported_as, mono: true }] : []),
        ]}
      />
    </Panel>
  );
}
