/**
 * The one WebSocket of a view: connects, checks each frame, gathers what arrives between two paints
 * and hands it over at once, and connects again when it is cut off, sooner first, then every 10 s.
 * A link may die without a word (a cable, a machine that sleeps, a server that hangs): silence counts
 * as its end, and nobody waits for the browser to notice that nothing answers its close.
 *
 * A hidden page paints nothing, so a timer stands in for the frame there.
 */
import type { Message } from "@/lib/api/types";
import { parseFrame } from "./frames";

export type LinkState = "connecting" | "connected" | "reconnecting" | "refused";

export interface Batch {
  messages: Message[];
  skipped: number;
  malformed: number;
}

export interface LiveSocketOptions {
  url: string;
  onBatch: (batch: Batch) => void;
  onState: (state: LinkState, retryAt: number | null) => void;
  /** Injected by tests. */
  open?: (url: string) => WebSocket;
  schedule?: (run: () => void) => void;
}

const RETRY_MS = [250, 500, 1000, 2000, 5000, 10_000];
/** The server speaks at least every 4 s; a link that is silent for longer, or does not open, is dead. */
const SILENCE_MS = 8000;
const HIDDEN_MS = 250;

function nextPaint(run: () => void): void {
  if (document.hidden) setTimeout(run, HIDDEN_MS);
  else requestAnimationFrame(run);
}

export class LiveSocket {
  #socket: WebSocket | null = null;
  #batch: Batch = { messages: [], skipped: 0, malformed: 0 };
  #scheduled = false;
  #closed = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: LiveSocketOptions) {
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#socket?.close();
  }

  #connect(): void {
    this.options.onState(this.#failures === 0 ? "connecting" : "reconnecting", null);
    const socket = (this.options.open ?? ((url) => new WebSocket(url)))(this.options.url);
    this.#socket = socket;
    this.#listen();
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#failures = 0;
      this.#listen();
      this.options.onState("connected", null);
    };
    socket.onmessage = (event) => socket === this.#socket && this.#take(event.data);
    socket.onclose = () => this.#lost(socket);
  }

  #listen(): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#silence = setTimeout(() => {
      if (!socket) return;
      this.#lost(socket);
      socket.close();
    }, SILENCE_MS);
  }

  #lost(socket: WebSocket): void {
    if (this.#closed || socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#silence);
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)]!;
    this.#failures++;
    this.options.onState("reconnecting", Date.now() + wait);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #take(data: unknown): void {
    this.#listen();
    const frame = parseFrame(data);
    if (!frame) this.#batch.malformed++;
    else if (frame.type === "messages") for (const m of frame.messages) this.#batch.messages.push(m);
    else if (frame.type === "skipped") this.#batch.skipped += frame.count;
    else return;
    if (this.#scheduled) return;
    this.#scheduled = true;
    (this.options.schedule ?? nextPaint)(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const batch = this.#batch;
    this.#batch = { messages: [], skipped: 0, malformed: 0 };
    this.options.onBatch(batch);
  }
}
