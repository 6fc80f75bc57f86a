import { describe, expect, it } from "vitest";
import { formatBytes, formatClock, formatDuration, formatLatency, formatMoment, formatSi, latencyLevel } from "./format";

describe("formats", () => {
  it("write sizes in binary units", () => expect([0, 1023, 1536, 5 << 20].map(formatBytes)).toEqual(["0 B", "1023 B", "1.5 KiB", "5.0 MiB"]));
  it("write latencies in a unit that fits", () => expect([0.0004, 0.25, 3.456, 41.24, 180.5, 2500].map(formatLatency)).toEqual(["1 µs", "250 µs", "3.46 ms", "41.2 ms", "181 ms", "2.50 s"]));
  it("write difficulties and hashrates", () => expect([formatSi(512), formatSi(65536), formatSi(9.4e13, "H/s"), formatSi(0.0015)]).toEqual(["512", "65.5 k", "94.0 TH/s", "0.0015"]));
  it("keep the milliseconds of the text", () => expect(formatClock("2026-11-22T13:53:01.100987Z")).toMatch(/:53:01\.100$/));
  it("leave what is no time as it is", () => expect([formatClock("yesterday"), formatMoment("03:12")]).toEqual(["yesterday", "03:12"]));
  it("write durations in two steps at most", () => expect([0, 59, 3700, 90000].map(formatDuration)).toEqual(["0 s", "59 s", "1 h 1 min", "1 d 1 h"]));
  it("grade latency", () => expect([10, 50, 250].map(latencyLevel)).toEqual(["good", "warn", "bad"]));
});
