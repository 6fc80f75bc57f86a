/** Where in the archive a message is found: its session, or what all sessions said around it. */
import type { Message } from "@/lib/api/types";

const BEFORE_MS = 10_000;
const BEHIND_MS = 1000;

const archive = (params: Record<string, string>) => `/archive?${new URLSearchParams(params)}`;

const seriesOf = ({ imported_as }: Message): Record<string, string> => (imported_as ? { series: imported_as } : {});

export function sessionOf(message: Message): string {
  return archive({ ...seriesOf(message), session_id: message.session_id, message: message.id });
}

/** The seconds that led to it, and the one behind it; all sessions. */
export function aroundOf(message: Message): string | null {
  const at = Date.parse(message.ts_recv);
  if (Number.isNaN(at)) return null;
  return archive({ ...seriesOf(message), from: new Date(at - BEFORE_MS).toISOString(), to: new Date(at + BEHIND_MS).toISOString(), message: message.id });
}
