import { expect, it } from "vitest";
import { namesOf } from "./session-columns";

it("names who was not let in where nobody was", () => {
  expect(namesOf({ workers: ["a", "b"], refused: ["c"] })).toBe("a, b");
  expect(namesOf({ workers: [], refused: ["c", "d"] })).toBe("refused: c, d");
  expect(namesOf({ workers: [], refused: [] })).toBe("");
});
