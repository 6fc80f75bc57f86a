import { expect, it } from "vitest";
import { testMessage } from "@/lib/live/test-messages";
import { aroundOf, sessionOf } from "./around";

it("leads to the seconds around a message, of all sessions", () => {
  const to = new URL(aroundOf(testMessage(3, { ts_recv: "2026-11-22T13:53:01.123456Z" }))!, "http://x");
  expect(Object.fromEntries(to.searchParams)).toEqual({ from: "2026-11-22T13:52:51.123Z", to: "2026-11-22T13:53:02.123Z", message: "feed-3" });
});
it("leads to its session", () => expect(sessionOf(testMessage(3, { session_id: "a b" }))).toBe("/archive?session_id=a+b&message=feed-3"));
it("leads nowhere from no time", () => expect(aroundOf(testMessage(3, { ts_recv: "" }))).toBeNull());
