import { expect, it } from "vitest";
import { testMessage } from "@/lib/live/test-messages";
import { summaryOf, verdictOf } from "@/lib/stratum/summary";
import { inLine } from "./bidi";

it("leaves other text alone", () => {
  for (const text of ["", "farm.7", "größe · 鉱夫 🛠️"]) expect(inLine(text)).toBe(text);
});
it("keeps what runs from right to left to itself", () => expect(inLine("مُنقّب.1")).toBe("\u2068مُنقّب.1\u2069"));
it("shows what only turns the direction", () => {
  expect(inLine("rig\u202e7.mraf")).toBe("rig‹U+202E›7.mraf");
  expect(inLine("א\u2069ב")).toBe("\u2068א‹U+2069›ב\u2069");
});
it("shows what is not seen at all", () => expect(inLine("rig\u200b7\u00ad\ufeff\u{e0041}")).toBe("rig‹U+200B›7‹U+00AD›‹U+FEFF›‹U+E0041›"));
it("leaves no gap between them", () => {
  for (const c of "\u180b\u200d\u2028\u2066\ufe00\ufff0\u{1d173}\u{e01ef}") expect(inLine(`a${c}`)).not.toContain(c);
});
it("is how names stand in the line of a message", () => {
  const raw = JSON.stringify({ id: 1, method: "mining.submit", params: ["rig\u202e", "4f", "00", "6741a2b0", "deadbeef"] });
  expect(summaryOf(testMessage(1, { raw }))).toBe("rig‹U+202E› · job 4f · nonce deadbeef");
  expect(verdictOf(JSON.stringify({ result: null, error: [20, "no\u202e", null] }))?.text).toBe("no‹U+202E› (20)");
});
