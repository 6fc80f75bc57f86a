import { expect, it } from "vitest";
import { fromLocalField, toLocalField } from "./local-time";

it("goes to the local zone and back", () => {
  expect(fromLocalField(toLocalField("2026-07-01T03:12:07.456Z"))).toBe("2026-07-01T03:12:07.000Z");
  expect(fromLocalField(toLocalField("2026-12-31T23:59:59Z"))).toBe("2026-12-31T23:59:59.000Z");
  expect(fromLocalField("2026-07-01T03:12")).toBe(new Date(2026, 6, 1, 3, 12).toISOString());
});
it("writes whole minutes as browsers do", () => expect(toLocalField("2026-07-01T03:12:00Z")).toMatch(/:12$/));
it("takes nothing for an open end", () => expect(fromLocalField("")).toBeUndefined());
it("waits for a year that is being typed", () => expect(["0002-07-01T03:12", "202-07-01T03:12", "soon"].map(fromLocalField)).toEqual([null, null, null]));
it("shows no time for what is none", () => expect([undefined, "", "yesterday"].map(toLocalField)).toEqual(["", "", ""]));
