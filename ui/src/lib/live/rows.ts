/**
 * Rows of messages: a request and its answer share one. The log keeps the newest rows in a ring of
 * fixed size, so that a page that stays open for days does not grow.
 */
import type { Message } from "@/lib/api/types";
import { writeExact } from "@/lib/exact-json";
import { answerText } from "@/lib/stratum/summary";

/** What a row shows of the answer. */
export interface Answer {
  id: string;
  raw: string | null;
  latency_ms: number | null;
}

export interface Row {
  message: Message;
  answer: Answer | null;
}

function embeddedAnswer(message: Message): Answer | null {
  const answered = message.response != null || message.response_raw != null;
  if (!message.is_request || !answered) return null;
  return {
    id: message.paired_message_id ?? "",
    raw: message.response_raw ?? writeExact(message.response),
    latency_ms: message.latency_ms,
  };
}

export function rowOf(message: Message): Row {
  return { message, answer: embeddedAnswer(message) };
}

export function answerOf(message: Message): Answer {
  return { id: message.id, raw: answerText(message), latency_ms: message.latency_ms };
}

/** A page of the archive as rows: answers whose request is on the page join it. */
export function foldRows(messages: Message[]): Row[] {
  const requests = new Map<string, Row>();
  for (const m of messages) if (m.is_request) requests.set(m.id, rowOf(m));
  const rows: Row[] = [];
  for (const message of messages) {
    const request = message.is_response ? requests.get(message.paired_message_id ?? "") : undefined;
    if (request) request.answer ??= answerOf(message);
    else rows.push(requests.get(message.id) ?? rowOf(message));
  }
  return rows;
}

export class RowLog {
  readonly capacity: number;
  #rows: (Row | undefined)[] = [];
  #next = 0; // number of the row that comes next; rows are numbered from 0 and never again
  #open = new Map<string, Row>(); // requests whose answer has not passed yet

  constructor(capacity = 100_000) {
    this.capacity = capacity;
  }

  /** Number of the oldest row that is kept, and of the one after the newest. */
  get first(): number {
    return Math.max(0, this.#next - this.capacity);
  }
  get end(): number {
    return this.#next;
  }
  get size(): number {
    return this.#next - this.first;
  }

  at(number: number): Row | undefined {
    return number < this.first || number >= this.#next ? undefined : this.#rows[number % this.capacity];
  }

  /** Whether it answers a request whose row waits for that. */
  awaits(message: Message): boolean {
    return message.is_response && this.#open.has(message.paired_message_id ?? "");
  }

  /** False when it became part of its request's row. */
  add(message: Message): boolean {
    const paired = message.is_response ? this.#open.get(message.paired_message_id ?? "") : undefined;
    if (paired) {
      paired.answer = answerOf(message);
      this.#open.delete(paired.message.id);
      return false;
    }
    const slot = this.#next % this.capacity;
    const old = this.#rows[slot];
    if (old) this.#open.delete(old.message.id);
    const row = rowOf(message);
    this.#rows[slot] = row;
    this.#next++;
    if (message.is_request) this.#open.set(message.id, row);
    return true;
  }

  /** The rows now, oldest first; what a paused view goes on showing. */
  snapshot(): Row[] {
    const rows: Row[] = [];
    for (let n = this.first; n < this.#next; n++) rows.push(this.at(n)!);
    return rows;
  }
}
