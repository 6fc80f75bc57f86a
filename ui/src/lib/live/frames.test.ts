import { describe, expect, it } from "vitest";
import { parseFrame } from "./frames";
import { testMessage } from "./test-messages";

describe("frames", () => {
  it("of one and of many messages look the same behind this", () => {
    expect(parseFrame(JSON.stringify({ type: "message", message: testMessage(1) }))).toMatchObject({ type: "messages", messages: [{ seq: 1 }] });
    expect(parseFrame(JSON.stringify({ type: "messages", messages: [1, 2].map((n) => testMessage(n)) }))).toMatchObject({ messages: [{ seq: 1 }, { seq: 2 }] });
  });
  it("tell how many were skipped", () => expect(parseFrame('{"type":"skipped","count":7}')).toEqual({ type: "skipped", count: 7 }));
  it.each([
    "", "null", "[]", "{", '{"type":"other"}', '{"type":"skipped","count":"7"}', '{"type":"messages","messages":[{"id":"a-1"}]}',
    JSON.stringify({ type: "message", message: { ...testMessage(1), direction: "sideways" } }),
  ])("that are none are refused: %s", (text) => expect(parseFrame(text)).toBeNull());
  it("are text", () => expect(parseFrame(new ArrayBuffer(4))).toBeNull());
});
