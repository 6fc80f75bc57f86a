import { createColumnHelper } from "@tanstack/react-table";
import { Link } from "react-router-dom";
import { Latency } from "@/components/latency";
import { Moment } from "@/components/moment";
import { isOpen, poolOf, sessionPath } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { inLine } from "@/lib/bidi";
import { formatBytes, formatCount, formatSi, shortSession } from "@/lib/format";
import { nameParts } from "@/lib/worker-name";
import { RowControls } from "./row-controls";
import { StateBadge } from "./state-badge";

const helper = createColumnHelper<Session>();

/** Cut in its middle where the column is too narrow. */
function Worker({ name }: { name: string }) {
  const [head, tail] = nameParts(name);
  if (!tail) return inLine(name);
  return <span className="flex"><span className="truncate">{inLine(head)}</span><span className="shrink-0">{inLine(tail)}</span></span>;
}

/** Who mines; of a session in which nobody does, who was not let in. */
export function namesOf({ workers, refused }: Pick<Session, "workers" | "refused">): string {
  if (workers.length > 0 || refused.length === 0) return workers.map(inLine).join(", ");
  return `refused: ${refused.map(inLine).join(", ")}`;
}

/** What narrower screens leave out, and which columns are numbers. */
export const FROM_WIDTH: Record<string, string> = {
  session_id: "hidden sm:table-cell",
  user_agent: "hidden lg:table-cell",
  peer: "hidden min-[1600px]:table-cell",
  pool: "hidden min-[1720px]:table-cell",
  difficulty: "hidden min-[1440px]:table-cell",
  latency: "hidden md:table-cell",
  message_count: "hidden min-[1440px]:table-cell",
  traffic: "hidden min-[1900px]:table-cell",
  first_seen: "hidden min-[1900px]:table-cell",
  last_seen: "hidden min-[1200px]:table-cell",
  controls: "hidden md:table-cell",
};
/** Texts of miners, which may be long: all of them on hover. */
export const CUT = new Set(["worker", "user_agent", "peer", "pool"]);
export const SORTABLE = ["state", "session_id", "worker", "user_agent", "peer", "pool", "difficulty", "hashrate", "latency", "accepted", "rejected", "message_count", "traffic", "first_seen", "last_seen"];
export const NUMBERS = new Set(["hashrate", "latency", "message_count", "difficulty", "accepted", "rejected", "traffic"]);

function Rejected({ session }: { session: Session }) {
  const judged = session.accepted + session.rejected;
  if (session.rejected === 0) return <span className="text-muted-foreground">0</span>;
  return <span className="text-bad">{formatCount(session.rejected)} <span className="text-2xs">{((100 * session.rejected) / judged).toFixed(1)} %</span></span>;
}

export const columns = [
  helper.accessor((s) => (isOpen(s) ? 0 : 1), {
    id: "state",
    header: "State",
    cell: ({ row }) => <StateBadge session={row.original} />,
  }),
  helper.accessor("session_id", {
    header: "Session",
    cell: ({ row }) => (
      <Link to={sessionPath(row.original)} className="font-mono text-xs text-primary hover:underline" title={row.original.session_id}>
        {shortSession(row.original.session_id)}
      </Link>
    ),
  }),
  helper.accessor(namesOf, {
    id: "worker",
    header: "Worker",
    cell: ({ row, getValue }) => row.original.workers.length === 1 ? <Worker name={row.original.workers[0] ?? ""} /> : getValue() || <span className="font-mono text-xs text-muted-foreground sm:hidden">{shortSession(row.original.session_id)}</span>,
  }),
  helper.accessor((s) => inLine(s.user_agent ?? ""), { id: "user_agent", header: "User agent" }),
  helper.accessor((s) => s.peer ?? "", { id: "peer", header: "Miner" }),
  helper.accessor((s) => poolOf(s) ?? "", { id: "pool", header: "Pool" }),
  helper.accessor((s) => s.difficulty ?? 0, {
    id: "difficulty",
    header: "Difficulty",
    cell: ({ row }) => (row.original.difficulty === null ? "–" : formatSi(row.original.difficulty)),
  }),
  helper.accessor((s) => s.hashrate ?? -1, {
    id: "hashrate",
    header: "Hashrate",
    cell: ({ row }) => (row.original.hashrate === null ? "–" : formatSi(row.original.hashrate, "H/s")),
  }),
  helper.accessor((s) => s.latency_ms ?? -1, { id: "latency", header: "Latency", cell: ({ row }) => <Latency ms={row.original.latency_ms} /> }),
  helper.accessor("accepted", { header: "Accepted", cell: ({ row }) => formatCount(row.original.accepted) }),
  helper.accessor("rejected", { header: "Rejected", cell: ({ row }) => <Rejected session={row.original} /> }),
  helper.accessor("message_count", { header: "Messages", cell: ({ row }) => formatCount(row.original.message_count) }),
  helper.accessor((s) => s.bytes_up + s.bytes_down, { id: "traffic", header: "Traffic", cell: ({ getValue }) => formatBytes(getValue()) }),
  helper.accessor((s) => s.first_seen ?? "", { id: "first_seen", header: "Since", cell: ({ row }) => <Moment at={row.original.first_seen} /> }),
  helper.accessor((s) => s.last_seen ?? "", { id: "last_seen", header: "Last message", cell: ({ row }) => <Moment at={row.original.last_seen} /> }),
  helper.display({ id: "controls", header: () => <span className="sr-only">Controls</span>, cell: ({ row }) => isOpen(row.original) && <RowControls session={row.original} /> }),
];
