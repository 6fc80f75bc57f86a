/** Sessions by what somebody types: an id, a part of it, or the name of a worker. */
import type { Session } from "./api/types";
import { shortSession } from "./format";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const isSessionId = (text: string) => ID.test(text);

type Known = Pick<Session, "session_id" | "workers" | "state" | "peer">;

const alone = <T,>(list: T[]): T | null => (list.length === 1 ? list[0] ?? null : null);

/**
 * The session that is meant, of those that fit: the only one; else the only one of this worker's, or
 * the only one of those that is open, since miners come back under their name.
 */
export function theOne<S extends Known>(found: S[], typed: string): S | null {
  const named = found.filter((session) => session.workers.includes(typed));
  return alone(found) ?? alone(named) ?? alone(named.filter((session) => session.state !== "closed"));
}

export function sessionLabel(session: Known): string {
  return [session.workers.at(-1), shortSession(session.session_id), session.peer, session.state].filter(Boolean).join(" · ");
}
