import { describe, expect, it } from "vitest";
import { isSessionId, sessionLabel, theOne } from "./session-search";

const session = (id: string, worker: string | null, state: "open" | "closed" = "open") =>
  ({ session_id: id, workers: worker ? [worker] : [], state, peer: "10.0.0.7:4000" }) as const;
const of = (...list: ReturnType<typeof session>[]) => list.map((s) => ({ ...s, workers: [...s.workers] }));

describe("the session that is meant", () => {
  it("is the only one that fits", () => expect(theOne(of(session("a", "farm.7")), "arm")?.session_id).toBe("a"));
  it("is the worker's of this very name", () =>
    expect(theOne(of(session("a", "farm.1"), session("b", "farm.10"), session("c", "farm.11")), "farm.1")?.session_id).toBe("a"));
  it("is the one that is open, when the worker came back", () =>
    expect(theOne(of(session("a", "farm.1"), session("b", "farm.1", "closed"), session("c", "farm.10")), "farm.1")?.session_id).toBe("a"));
  it("is none when several could be", () => {
    expect(theOne(of(session("a", "farm.1"), session("b", "farm.1")), "farm.1")).toBeNull();
    expect(theOne(of(session("a", "farm.1"), session("b", "farm.2")), "farm")).toBeNull();
    expect(theOne([], "farm")).toBeNull();
  });
});

it("knows ids", () => {
  expect(isSessionId("01a207a7-0aca-7040-8377-648667823d89")).toBe(true);
  expect(isSessionId("01A207A7-0ACA-7040-8377-648667823D89")).toBe(true);
  for (const text of ["", "823d89", "01a207a7-0aca-7040-8377-648667823d8", "01a207a70aca70408377648667823d89"]) expect(isSessionId(text)).toBe(false);
});

it("says who it is", () => {
  expect(sessionLabel({ ...session("01a207a7-0aca-7040-8377-648667823d89", "farm.7"), workers: ["farm.7"] })).toBe("farm.7 · 823d89 · 10.0.0.7:4000 · open");
  expect(sessionLabel({ ...session("01a207a7-0aca-7040-8377-648667823d89", null), workers: [], peer: null })).toBe("823d89 · open");
});
