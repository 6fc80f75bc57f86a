import { describe, expect, it } from "vitest";
import { fits } from "./fits";
import { testMessage } from "./test-messages";

describe("a filter", () => {
  const submit = testMessage(1);
  it("knows methods by their whole and their short name, and lists of them", () => {
    for (const method of ["mining.submit", "submit", "mining.notify,mining.submit"]) expect(fits({ method }, submit)).toBe(true);
    for (const method of ["mining.sub", "notify"]) expect(fits({ method }, submit)).toBe(false);
  });
  it("knows directions and texts", () => {
    expect(fits({ direction: "miner_to_pool", q: '"params":[]' }, submit)).toBe(true);
    expect(fits({ direction: "pool_to_miner" }, submit)).toBe(false);
    expect(fits({ q: "elsewhere" }, submit)).toBe(false);
    expect(fits({ q: "x" }, testMessage(1, { raw: null, raw_base64: "AP8=" }))).toBe(false);
  });
});
