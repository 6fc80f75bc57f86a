import { describe, expect, it } from "vitest";
import { trailingMean, windowFor } from "./trailing-mean";

describe("a trailing mean", () => {
  it("is over as many buckets as hold ten events, but a quarter at most", () => {
    expect(windowFor(Array<number>(100).fill(1))).toBe(10);
    expect(windowFor(Array<number>(100).fill(20))).toBe(1);
    expect(windowFor([1, ...Array<number>(99).fill(0)])).toBe(25);
    expect(windowFor([])).toBe(1);
  });
  it("keeps the level and begins with what there is", () => {
    expect(trailingMean([4, 0, 2, 6, null], 2)).toEqual([4, 2, 1, 4, 3]);
    expect(trailingMean([3, 5], 1)).toEqual([3, 5]);
  });
});
