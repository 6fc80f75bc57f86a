import { describe, expect, it } from "vitest";
import type { Message } from "@/lib/api/types";
import { testMessage } from "@/lib/live/test-messages";
import { aboutMethod, aboutRefusal } from "./about";

const answered = (response: unknown) => testMessage(1, { response: response as Message["response"] });

describe("what a message is about", () => {
  it("is said of known methods only", () => {
    expect(aboutMethod("mining.notify")).toMatch(/new job/);
    for (const name of [null, undefined, "", "mining.surprise", "constructor", "__proto__"]) expect(aboutMethod(name)).toBeNull();
  });
  it("is said of refused shares, in each form that pools give codes", () => {
    expect(aboutRefusal(answered({ result: null, error: [21, "Job not found", null] }), true)).toMatch(/^Stale/);
    expect(aboutRefusal(answered({ result: null, error: { code: 23, message: "no" } }), true)).toMatch(/not as hard/);
    expect(aboutRefusal(testMessage(2, { decoded: { refused: { code: 22, text: "Duplicate" } } as unknown as Message["decoded"] }), true)).toMatch(/same share/);
  });
  it("is not made up for other codes, other messages, and damaged ones", () => {
    expect(aboutRefusal(answered({ result: null, error: [21, "x"] }), false)).toBeNull();
    for (const response of [null, {}, { result: true, error: null }, { error: [99, "x"] }, { error: ["21"] }, { error: "stale" }, { error: [] }]) expect(aboutRefusal(answered(response), true), JSON.stringify(response)).toBeNull();
  });
});
