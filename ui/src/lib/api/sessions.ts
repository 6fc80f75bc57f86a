/** Sessions, as more than one view asks for them. */
import { get, post } from "./client";
import type { AutoReplay, Session, SessionDetail, SessionList } from "./types";

export interface SessionQuery {
  q?: string;
  state?: string;
  source?: string;
  series?: string;
}

/** A farm at once: what is sorted is what is loaded. */
const PAGE = 500;

const path = (id: string, rest = "") => `/api/sessions/${encodeURIComponent(id)}${rest}`;

export function fetchSessions(query: SessionQuery, cursor: string | undefined, signal?: AbortSignal): Promise<SessionList> {
  return get<SessionList>("/api/sessions", { ...query, limit: PAGE, cursor }, signal);
}

export function fetchSession(id: string, series: string | undefined, signal?: AbortSignal): Promise<SessionDetail> {
  return get<SessionDetail>(path(id), { series }, signal);
}

/** Where the page of a session is; one of an import may have the id of one that was recorded here. */
export function sessionPath({ session_id, imported_as }: { session_id: string; imported_as: string | null }): string {
  return `/sessions/${session_id}${imported_as ? `?series=${imported_as}` : ""}`;
}

export function disconnectSession(id: string): Promise<unknown> {
  return post(path(id, "/disconnect"));
}

export function setBroadcast(id: string, on: boolean): Promise<unknown> {
  return post(path(id, `/broadcast/${on ? "enable" : "disable"}`));
}

export function setRepeatCount(id: string, repeat_count: number): Promise<unknown> {
  return post(path(id, "/repeat-count"), { repeat_count });
}

export function setAutoReplay(id: string, on: boolean): Promise<unknown> {
  return post(path(id, `/auto-replay/${on ? "enable" : "disable"}`));
}

export function setAutoReplayCount(id: string, auto_replay_count: number): Promise<unknown> {
  return post(path(id, "/auto-replay-count"), { auto_replay_count });
}

export function fetchAutoReplay(id: string, signal?: AbortSignal): Promise<AutoReplay> {
  return get<AutoReplay>(path(id, "/auto-replay/status"), undefined, signal);
}

export function isOpen(session: Session): boolean {
  return session.state !== "closed" && session.imported_as === null;
}

export function poolOf(session: Session): string | null {
  return session.pool_host && `${session.pool_host}${session.pool_port === null ? "" : `:${session.pool_port}`}`;
}
