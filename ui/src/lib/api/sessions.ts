/** Sessions, as more than one view asks for them. */
import { get, post } from "./client";
import type { Session } from "./types";

interface SessionPage {
  items?: Session[];
  sessions?: Session[];
  next_cursor?: string | null;
}

export async function fetchSessions(cursor: string | undefined, signal?: AbortSignal) {
  const page = await get<SessionPage>("/api/sessions", { limit: 200, cursor }, signal);
  return { sessions: page.items ?? page.sessions ?? [], next: page.next_cursor ?? null };
}

export function fetchSession(id: string, signal?: AbortSignal): Promise<Session> {
  return get<Session>(`/api/sessions/${encodeURIComponent(id)}`, undefined, signal);
}

export function disconnectSession(id: string): Promise<unknown> {
  return post(`/api/sessions/${encodeURIComponent(id)}/disconnect`);
}

export function workersOf(session: Session): string[] {
  return session.worker_names ?? session.workers ?? [];
}

export function isOpen(session: Session): boolean {
  return session.state !== "closed";
}
