import { Moment } from "@/components/moment";
import { Facts, Figure, Panel } from "@/components/ui/facts";
import { isOpen, workersOf } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { formatCount, formatLatency, formatSi } from "@/lib/format";

interface Stats {
  total?: number;
  parse_errors?: number;
  accepted?: number;
  rejected?: number | Record<string, number>;
  hashrate?: number | null;
  latency?: { p50?: number | null; p99?: number | null } | null;
}

/** Statistics stand in a part of their own, or beside the other members. */
export function statsOf(session: Session): Stats {
  return (session.stats ?? {}) as Stats;
}

function rejectedOf(stats: Stats): number {
  if (typeof stats.rejected === "number") return stats.rejected;
  return Object.values(stats.rejected ?? {}).reduce((sum, n) => sum + n, 0);
}

export function SessionFigures({ session }: { session: Session }) {
  const stats = statsOf(session);
  const rejected = rejectedOf(stats);
  const accepted = stats.accepted ?? 0;
  const share = accepted + rejected ? `${((100 * rejected) / (accepted + rejected)).toFixed(2)} % rejected` : "no shares yet";
  return (
    <div className="flex flex-wrap gap-y-3 border-b bg-panel px-4 py-3">
      <Figure label="Messages" value={formatCount(stats.total ?? session.message_count ?? 0)} hint={`${stats.parse_errors ?? 0} cannot be read`} />
      <Figure label="Shares accepted" value={formatCount(accepted)} hint={share} />
      <Figure label="Difficulty" value={session.difficulty == null ? "–" : formatSi(session.difficulty)} hint="asked for by the pool" />
      <Figure label="Hashrate" value={stats.hashrate == null ? "–" : formatSi(stats.hashrate, "H/s")} hint="from accepted shares" />
      <Figure label="Latency" value={stats.latency?.p50 == null ? "–" : formatLatency(stats.latency.p50)} hint={stats.latency?.p99 == null ? "median" : `median; ${formatLatency(stats.latency.p99)} at 99 %`} />
    </div>
  );
}

export function SessionFacts({ session }: { session: Session }) {
  const pool = session.pool_host ? `${session.pool_host}:${session.pool_port ?? ""}` : "–";
  return (
    <Panel title="Session">
      <Facts
        facts={[
          { label: "State", value: isOpen(session) ? (session.pool_connected === false ? "open, waiting for the pool" : "open") : "closed" },
          { label: "Workers", value: workersOf(session).join(", ") || "–" },
          { label: "User agent", value: session.user_agent ?? "–" },
          { label: "Miner", value: session.peer ?? "–", mono: true },
          { label: "Pool", value: pool, mono: true },
          { label: "Extranonce1", value: session.extranonce1 ?? "–", mono: true },
          { label: "Version mask", value: session.version_mask ?? "–", mono: true },
          { label: "First message", value: <Moment at={session.first_seen} /> },
          { label: "Last message", value: <Moment at={session.last_seen} /> },
          { label: "Id", value: session.session_id, mono: true },
        ]}
      />
    </Panel>
  );
}
