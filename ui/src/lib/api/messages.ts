/** Messages, as more than one view asks for them. */
import type { Filters } from "@/lib/filters";
import { get, urlOf, type Query } from "./client";
import type { Message } from "./types";

export interface MessagePage {
  messages: Message[];
  next: string | null;
}

/** A page may be named in more than one way; everything that reads one goes through here. */
interface PageAnswer {
  items?: Message[];
  messages?: Message[];
  next_cursor?: string | null;
}

export type Source = "live" | "archive" | "all";

export async function fetchMessages(query: Query, signal?: AbortSignal): Promise<MessagePage> {
  const page = await get<PageAnswer>("/api/messages", query, signal);
  return { messages: page.items ?? page.messages ?? [], next: page.next_cursor ?? null };
}

export function fetchMessage(id: string, signal?: AbortSignal): Promise<Message> {
  return get<Message>(`/api/messages/${encodeURIComponent(id)}`, undefined, signal);
}

/** The newest messages of the live ring, oldest first. */
export async function fetchBacklog(filters: Filters, limit: number): Promise<Message[]> {
  const { messages } = await fetchMessages({ ...filters, source: "live", order: "desc", limit });
  return messages.reverse();
}

export function liveUrl(filters: Filters): string {
  const { from: _from, to: _to, ...live } = filters;
  const base = location.origin.replace(/^http/, "ws");
  return base + urlOf("/api/ws", { ...live, batch: "1" });
}

export type ExportFormat = "pcapng" | "ndjson" | "csv";

export function exportUrl(filters: Filters, format: ExportFormat): string {
  return urlOf("/api/export", { ...filters, format });
}
