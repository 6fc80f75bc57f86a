import { describe, expect, it } from "vitest";
import { foldRows, RowLog } from "./rows";
import { testMessage } from "./test-messages";

describe("rows", () => {
  it("put an answer on the row of its request", () => {
    const log = new RowLog(10);
    expect(log.add(testMessage(1))).toBe(true);
    expect(log.add(testMessage(2))).toBe(false);
    expect(log.size).toBe(1);
    expect(log.at(0)!.answer).toMatchObject({ id: "feed-2", latency_ms: 12 });
  });
  it("put it there too when the request already told its answer", () => {
    const log = new RowLog(10);
    log.add(testMessage(1, { response: {}, response_raw: '{"result":true}', paired_message_id: "feed-2" }));
    log.add(testMessage(2));
    expect(log.size).toBe(1);
  });
  it("give an answer whose request is unknown a row of its own", () => {
    const log = new RowLog(10);
    expect(log.add(testMessage(2))).toBe(true);
  });
  it("keep the newest only, and forget requests with their rows", () => {
    const log = new RowLog(3);
    for (const seq of [1, 3, 5, 7]) log.add(testMessage(seq));
    expect([log.first, log.end, log.size]).toEqual([1, 4, 3]);
    expect(log.at(0)).toBeUndefined();
    expect(log.snapshot().map((row) => row.message.seq)).toEqual([3, 5, 7]);
    expect(log.add(testMessage(2))).toBe(true);
  });
  it("fold pages whichever way they are ordered", () => {
    const up = [1, 2, 3, 4].map((seq) => testMessage(seq));
    expect(foldRows(up).map((row) => [row.message.seq, row.answer?.id])).toEqual([[1, "feed-2"], [3, "feed-4"]]);
    expect(foldRows(up.reverse()).map((row) => row.message.seq)).toEqual([3, 1]);
  });
});
