import { describe, expect, it } from "vitest";
import { contradicts, filtersFromUrl, filtersToUrl, hasFilters } from "./filters";

describe("filters in the URL", () => {
  it("come back as they were written", () => {
    const filters = { session_id: "01993a00", direction: "miner_to_pool", method: "mining.submit", q: "a&b=ü", errors: true, latency_min_ms: "2.5" } as const;
    expect(filtersFromUrl(new URLSearchParams(filtersToUrl(filters).toString()))).toEqual(filters);
  });
  it("leave what else is in the URL alone", () => {
    const params = filtersToUrl({ q: "x" }, new URLSearchParams("message=a-1&method=old"));
    expect(params.toString()).toBe("message=a-1&q=x");
  });
  it("ignore directions that do not exist, and switches that are not on", () => {
    expect(filtersFromUrl(new URLSearchParams("direction=sideways&errors=maybe&q=%20"))).toEqual({});
  });
  it("know when there are none", () => {
    expect(hasFilters({ q: "", errors: false })).toBe(false);
    expect(hasFilters({ errors: true })).toBe(true);
  });
  it("can contradict one another: an answer has no method", () => {
    expect(contradicts({ method: "submit", errors: true })).toBe(true);
    expect(contradicts({ method: "submit", latency_max_ms: "5" })).toBe(true);
    expect(contradicts({ method: "submit", q: "x" })).toBe(false);
    expect(contradicts({ errors: true, latency_min_ms: "5" })).toBe(false);
  });
});
