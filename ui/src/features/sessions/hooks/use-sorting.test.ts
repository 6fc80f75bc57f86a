import { expect, it } from "vitest";
import { sortingOf, textOfSorting } from "./use-sorting";

const COLUMNS = ["worker", "rejected"];

it("stands in the URL as the column's name, with a minus for descending", () => {
  for (const text of ["worker", "-rejected"]) expect(textOfSorting(sortingOf(text, COLUMNS))).toBe(text);
  expect(sortingOf("-rejected", COLUMNS)).toEqual([{ id: "rejected", desc: true }]);
});
it("sorts nothing by what is no column", () => {
  for (const text of [null, "", "-", "--worker", "surprise", "constructor"]) expect(sortingOf(text, COLUMNS)).toEqual([]);
  expect(textOfSorting([])).toBeNull();
});
