import { expect, it } from "vitest";
import { latencyRangeText, parseLatencyRange } from "./latency-range";

it("reads what is longer, shorter, or between, and writes it back", () => {
  const range = (min?: string, max?: string) => ({ latency_min_ms: min, latency_max_ms: max });
  for (const text of ["500", ">500", "≥ 500 ms"]) expect(parseLatencyRange(text)).toEqual(range("500"));
  expect(parseLatencyRange("<2.5")).toEqual(range(undefined, "2.5"));
  expect(parseLatencyRange("100 – 500")).toEqual(range("100", "500"));
  expect(parseLatencyRange("0-500")).toEqual(range(undefined, "500"));
  expect(parseLatencyRange(" ")).toEqual(range());
  for (const text of [">500", "<2.5", "100-500", ""]) expect(latencyRangeText(parseLatencyRange(text)!)).toBe(text);
});

it("refuses what is no such range", () => {
  for (const text of ["0", "x", "1.2345", "-5", "500-100", "1e3", ">", "5 s"]) expect(parseLatencyRange(text)).toBeNull();
});
