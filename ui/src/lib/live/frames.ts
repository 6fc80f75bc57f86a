/** What the WebSocket sends, checked before anything believes it. */
import { DIRECTIONS, type Message } from "@/lib/api/types";
import { parseExact } from "@/lib/exact-json";

export type Frame =
  | { type: "messages"; messages: Message[] }
  | { type: "skipped"; count: number }
  | { type: "ping" };

function isMessage(value: unknown): value is Message {
  if (typeof value !== "object" || value === null) return false;
  const m = value as Record<string, unknown>;
  return (
    typeof m.id === "string" &&
    typeof m.seq === "number" &&
    typeof m.ts_recv === "string" &&
    typeof m.session_id === "string" &&
    typeof m.size_bytes === "number" &&
    typeof m.is_request === "boolean" &&
    typeof m.is_response === "boolean" &&
    DIRECTIONS.some((d) => d === m.direction)
  );
}

/** Null for what is no frame of ours, or holds a message that is none. */
export function parseFrame(text: unknown): Frame | null {
  if (typeof text !== "string") return null;
  let frame: Record<string, unknown>;
  try {
    frame = parseExact(text) as Record<string, unknown>;
  } catch {
    return null;
  }
  switch (frame?.type) {
    case "message":
      return isMessage(frame.message) ? { type: "messages", messages: [frame.message] } : null;
    case "messages":
      return Array.isArray(frame.messages) && frame.messages.every(isMessage)
        ? { type: "messages", messages: frame.messages }
        : null;
    case "skipped":
      return Number.isSafeInteger(frame.count) ? { type: "skipped", count: frame.count as number } : null;
    case "ping":
      return { type: "ping" };
    default:
      return null;
  }
}
