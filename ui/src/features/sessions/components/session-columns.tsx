import { createColumnHelper, createSortedRowModel, rowSortingFeature, sortFns, tableFeatures } from "@tanstack/react-table";
import { Link } from "react-router";
import { Moment } from "@/components/moment";
import { Badge } from "@/components/ui/badge";
import { isOpen, workersOf } from "@/lib/api/sessions";
import type { Session } from "@/lib/api/types";
import { formatCount, formatSi, shortSession } from "@/lib/format";

export const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns });
const helper = createColumnHelper<typeof features, Session>();

/** What a narrow screen leaves out, and which columns are numbers. */
export const WIDE_ONLY = new Set(["peer", "pool", "user_agent", "first_seen", "difficulty"]);
export const NUMBERS = new Set(["message_count", "difficulty"]);

export const columns = helper.columns([
  helper.accessor((s) => (isOpen(s) ? 0 : 1), {
    id: "state",
    header: "State",
    cell: ({ row }) => <Badge tone={isOpen(row.original) ? "good" : "neutral"}>{isOpen(row.original) ? "open" : "closed"}</Badge>,
  }),
  helper.accessor("session_id", {
    header: "Session",
    cell: ({ row }) => (
      <Link to={`/sessions/${row.original.session_id}`} className="font-mono text-xs text-primary hover:underline" title={row.original.session_id}>
        {shortSession(row.original.session_id)}
      </Link>
    ),
  }),
  helper.accessor((s) => workersOf(s).join(", "), { id: "worker", header: "Worker" }),
  helper.accessor((s) => s.user_agent ?? "", { id: "user_agent", header: "User agent" }),
  helper.accessor((s) => s.peer ?? "", { id: "peer", header: "Miner" }),
  helper.accessor((s) => (s.pool_host ? `${s.pool_host}:${s.pool_port ?? ""}` : ""), { id: "pool", header: "Pool" }),
  helper.accessor((s) => s.difficulty ?? 0, {
    id: "difficulty",
    header: "Difficulty",
    cell: ({ row }) => (row.original.difficulty == null ? "–" : formatSi(row.original.difficulty)),
  }),
  helper.accessor((s) => s.message_count ?? 0, {
    id: "message_count",
    header: "Messages",
    cell: ({ row }) => formatCount(row.original.message_count ?? 0),
  }),
  helper.accessor((s) => s.first_seen ?? "", { id: "first_seen", header: "Since", cell: ({ row }) => <Moment at={row.original.first_seen} /> }),
  helper.accessor((s) => s.last_seen ?? "", { id: "last_seen", header: "Last message", cell: ({ row }) => <Moment at={row.original.last_seen} /> }),
]);
