import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "@/lib/api/types";
import { LiveFeed, type FeedView } from "./feed";
import { Rate } from "./rate";
import { testMessage } from "./test-messages";

class FakeSocket {
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  closed = false;
  close() {
    this.closed = true;
  }
  say(...seqs: number[]) {
    this.onmessage?.({ data: JSON.stringify({ type: "messages", messages: seqs.map((n) => testMessage(n)) }) });
  }
}

let sockets: FakeSocket[];
let paints: (() => void)[];
let view: FeedView;
let feed: LiveFeed;
let stored: Message[];
let probe: () => Promise<unknown>;
const paint = () => paints.splice(0).forEach((run) => run());

beforeEach(() => {
  vi.useFakeTimers();
  probe = () => Promise.resolve();
  [sockets, paints, stored] = [[], [], []];
  feed = new LiveFeed({
    url: "ws://test", backlog: () => Promise.resolve(stored), probe: () => probe(), onView: (v) => (view = v), schedule: (run) => paints.push(run),
    open: () => (sockets.push(new FakeSocket()), sockets.at(-1) as unknown as WebSocket),
  });
});
afterEach(() => {
  feed.close();
  vi.useRealTimers();
});

async function connected() {
  sockets.at(-1)!.onopen?.();
  await vi.advanceTimersByTimeAsync(0);
}

describe("the live feed", () => {
  it("shows nothing twice that came both ways", async () => {
    stored = [1, 3, 5].map((n) => testMessage(n));
    sockets[0]!.onopen?.();
    sockets[0]!.say(5, 7);
    paint();
    await vi.advanceTimersByTimeAsync(200);
    expect(view.log.snapshot().map((row) => row.message.seq)).toEqual([1, 3, 5, 7]);
    expect(view.counters.total).toBe(1);
  });
  it("takes all frames between two paints as one batch", async () => {
    await connected();
    sockets[0]!.say(1);
    sockets[0]!.say(3, 5);
    expect(paints).toHaveLength(1);
    paint();
    await vi.advanceTimersByTimeAsync(200);
    expect(view.counters).toMatchObject({ total: 3, up: 3, down: 0 });
  });
  it("says that it lost the link, connects again and fetches what it missed", async () => {
    await connected();
    sockets[0]!.say(1);
    paint();
    sockets[0]!.onclose?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(view.link).toBe("reconnecting");
    expect(view.retryAt).not.toBeNull();
    stored = [9, 11].map((n) => testMessage(n));
    await vi.advanceTimersByTimeAsync(300);
    expect(sockets).toHaveLength(2);
    await connected();
    expect(view.link).toBe("connected");
    expect(view.log.snapshot().map((row) => row.message.seq)).toEqual([1, 9, 11]);
    expect(view.counters.skipped).toBe(7);
  });
  it("says why there is no link", async () => {
    probe = () => Promise.reject(new Error("the token is missing"));
    sockets[0]!.onclose?.();
    await vi.advanceTimersByTimeAsync(1);
    expect(view.problem).toEqual(new Error("the token is missing"));
  });
  it("shows what fits its filter, and the answers to that", async () => {
    feed.close();
    feed = new LiveFeed({
      url: "ws://test", backlog: () => Promise.resolve([]), probe, onView: (v) => (view = v), schedule: (run) => paints.push(run),
      fits: (m) => m.seq === 3, open: () => (sockets.push(new FakeSocket()), sockets.at(-1) as unknown as WebSocket),
    });
    await connected();
    sockets.at(-1)!.say(1, 2, 3, 4, 5, 6);
    paint();
    await vi.advanceTimersByTimeAsync(200);
    expect(view.log.snapshot().map((row) => [row.message.seq, row.answer?.id])).toEqual([[3, "feed-4"]]);
    expect(view.counters.total).toBe(2);
  });
  it("takes a silent link for a dead one within 10 s, and does not wait for its close", async () => {
    await connected();
    await vi.advanceTimersByTimeAsync(7000);
    sockets[0]!.onmessage?.({ data: '{"type":"ping"}' });
    await vi.advanceTimersByTimeAsync(7000);
    expect(view.link).toBe("connected");
    await vi.advanceTimersByTimeAsync(3000);
    expect(sockets[0]!.closed).toBe(true);
    expect(view.link).toBe("reconnecting");
    expect(sockets).toHaveLength(2);
    sockets[0]!.onclose?.();
    sockets[0]!.say(1);
    expect(paints).toHaveLength(0);
  });
  it("takes a link that does not open for a dead one, again and again", async () => {
    await vi.advanceTimersByTimeAsync(9000);
    expect(view.link).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(9000);
    expect(sockets.length).toBeGreaterThan(2);
    await connected();
    expect(view.link).toBe("connected");
  });
});

describe("the rate", () => {
  it("is that of the last seconds, without the one that runs", () => {
    const rate = new Rate(5);
    for (let s = 0; s < 10; s++) rate.add(100, 1_000_000 + s * 1000);
    expect(rate.perSecond(1_010_000)).toBe(100);
    expect(rate.perSecond(1_030_000)).toBe(0);
  });
});
