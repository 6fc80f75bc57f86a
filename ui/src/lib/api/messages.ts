/** Messages, as more than one view asks for them. */
import type { Filters } from "@/lib/filters";
import { get, post, urlOf, type Query } from "./client";
import type { Message, MessageList, ReplayResult } from "./types";

export type Source = "live" | "archive" | "all";

export function fetchMessages(query: Query, signal?: AbortSignal): Promise<MessageList> {
  return get<MessageList>("/api/messages", query, signal);
}

export function fetchMessage(id: string, signal?: AbortSignal): Promise<Message> {
  return get<Message>(`/api/messages/${encodeURIComponent(id)}`, undefined, signal);
}

/** The newest messages that the API holds in memory, oldest first. */
export async function fetchBacklog(filters: Filters, limit: number): Promise<Message[]> {
  const { items } = await fetchMessages({ ...filters, source: "live", order: "newest", limit });
  return items.reverse();
}

/**
 * What the page follows. An answer has no method of its own and goes the other way, so the server's
 * filters would part it from its request: they are applied here, where both are known (live/fits.ts).
 */
export function liveUrl(filters: Filters): string {
  const base = location.origin.replace(/^http/, "ws");
  return base + urlOf("/api/ws", { session_id: filters.session_id, errors: filters.errors, latency_min_ms: filters.latency_min_ms, latency_max_ms: filters.latency_max_ms, batch: "1" });
}

export type ExportFormat = "pcapng" | "pcap" | "ndjson" | "ndjson.zst" | "csv";

export function exportUrl(filters: Filters, format: ExportFormat): string {
  return urlOf("/api/export", { ...filters, format });
}

/** Sends a share once more into its session; `modified` is the line to send in its place. */
export function replayMessage(id: string, modified?: string): Promise<ReplayResult> {
  return post<ReplayResult>(`/api/messages/${encodeURIComponent(id)}/replay`, modified === undefined ? {} : { modified_message: modified });
}
