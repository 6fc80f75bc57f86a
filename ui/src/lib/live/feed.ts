/**
 * A view's feed: what was there already (by REST), and what comes (by WebSocket), in order and once
 * each. After a break what was missed is fetched; where more was missed than is fetched, the number
 * is counted as skipped instead of being passed over in silence.
 */
import type { Message } from "@/lib/api/types";
import { Rate } from "./rate";
import { RowLog } from "./rows";
import { LiveSocket, type Batch, type LinkState, type LiveSocketOptions } from "./socket";

export interface Counters {
  total: number;
  up: number;
  down: number;
  errors: number;
  skipped: number;
}

/** A new object for each change; `log` and its rows stay the same. */
export interface FeedView {
  log: RowLog;
  counters: Counters;
  rate: number;
  link: LinkState;
  retryAt: number | null;
  loaded: boolean;
  problem: unknown;
}

export interface FeedOptions extends Pick<LiveSocketOptions, "open" | "schedule"> {
  url: string;
  /** The newest messages that fit, oldest first. */
  backlog: () => Promise<Message[]>;
  /** Asks for something small: a link that fails does not say why, an answer does. */
  probe: () => Promise<unknown>;
  onView: (view: FeedView) => void;
  /** What is shown of all that comes; answers are when their request is. */
  fits?: (message: Message) => boolean;
  capacity?: number;
}

export function refusal(message: Message): boolean {
  return message.parse_error != null || message.decoded?.refused != null;
}

const PUBLISH_MS = 100;

const instanceOf = (id: string) => id.slice(0, id.lastIndexOf("-"));

export class LiveFeed {
  #log: RowLog;
  #rate = new Rate();
  #counters: Counters = { total: 0, up: 0, down: 0, errors: 0, skipped: 0 };
  #highest = new Map<string, number>(); // per series: nothing is taken twice
  #waiting: Batch[] | null = []; // what came while the backlog is on its way
  #link: LinkState = "connecting";
  #retryAt: number | null = null;
  #loaded = false;
  #problem: unknown = null;
  #socket: LiveSocket;
  #tick: ReturnType<typeof setInterval>;
  #due: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(private readonly options: FeedOptions) {
    this.#log = new RowLog(options.capacity);
    this.#socket = new LiveSocket({
      ...options,
      onBatch: (batch) => this.#take(batch),
      onState: (state, retryAt) => this.#state(state, retryAt),
    });
    this.#tick = setInterval(() => this.#publish(), 1000);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#tick);
    clearTimeout(this.#due);
    this.#socket.close();
  }

  #state(state: LinkState, retryAt: number | null): void {
    this.#link = state;
    this.#retryAt = retryAt;
    if (state === "connected") void this.#fill();
    if (state === "reconnecting") this.#waiting ??= [];
    if (retryAt !== null) void this.#explain();
    // The constructor of the socket reports before this object is complete.
    queueMicrotask(() => this.#publish());
  }

  async #explain(): Promise<void> {
    this.#problem = await this.options.probe().then(() => null, (problem: unknown) => problem);
    this.#publish();
  }

  async #fill(): Promise<void> {
    try {
      const messages = await this.options.backlog();
      this.#problem = null;
      if (this.#loaded) this.#countHole(messages[0]);
      for (const message of messages) this.#add(message, false);
    } catch (problem) {
      this.#problem = problem;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.#loaded = true;
    for (const batch of waiting) this.#apply(batch);
    this.#publish();
  }

  /** What came before the oldest that could be fetched again; an upper bound when filters are set. */
  #countHole(oldest: Message | undefined): void {
    if (!oldest) return;
    const seen = this.#highest.get(instanceOf(oldest.id));
    if (seen !== undefined && oldest.seq > seen + 1) this.#counters.skipped += oldest.seq - seen - 1;
  }

  #take(batch: Batch): void {
    if (this.#waiting) {
      this.#waiting.push(batch);
      return;
    }
    this.#apply(batch);
    this.#publishSoon();
  }

  /** Ten times a second is as fast as anybody reads; the page stays free for whoever uses it. */
  #publishSoon(): void {
    this.#due ??= setTimeout(() => this.#publish(), PUBLISH_MS);
  }

  #apply(batch: Batch): void {
    let fresh = 0;
    for (const message of batch.messages) if (this.#add(message, true)) fresh++;
    this.#counters.skipped += batch.skipped;
    this.#rate.add(fresh + batch.skipped, Date.now());
  }

  #add(message: Message, live: boolean): boolean {
    const series = instanceOf(message.id);
    if (message.seq <= (this.#highest.get(series) ?? 0)) return false;
    this.#highest.set(series, message.seq);
    if (live && this.options.fits?.(message) === false && !this.#log.awaits(message)) return false;
    this.#log.add(message);
    if (live || this.#loaded) this.#count(message);
    return true;
  }

  #count(message: Message): void {
    this.#counters.total++;
    if (message.direction === "miner_to_pool" || message.direction === "hashscope_to_pool") this.#counters.up++;
    else this.#counters.down++;
    if (refusal(message)) this.#counters.errors++;
  }

  #publish(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    if (this.#closed) return;
    this.options.onView({
      log: this.#log,
      counters: { ...this.#counters },
      rate: this.#rate.perSecond(Date.now()),
      link: this.#link,
      retryAt: this.#retryAt,
      loaded: this.#loaded,
      problem: this.#problem,
    });
  }
}
