import { describe, expect, it } from "vitest";
import { submitOf, withParam } from "./submit";

const LINE = '{"id":4,"method":"mining.submit","params":["w","j","0001","65f0","0a0b"]}';

describe("a submit's line", () => {
  it("keeps its members when a field is changed", () => {
    const submit = submitOf(LINE)!;
    expect(submit.params).toEqual(["w", "j", "0001", "65f0", "0a0b"]);
    expect(withParam(submit, 4, "ffff")).toBe(LINE.replace("0a0b", "ffff"));
  });
  it("keeps the digits of its numbers", () => {
    const line = LINE.replace(":4,", ":18446744073709551617,");
    expect(withParam(submitOf(line)!, 4, "ffff")).toBe(line.replace("0a0b", "ffff"));
  });
  it.each(["", "[]", "null", '{"method":"mining.submit"}', LINE.replace("submit", "notify"), LINE.replace('"w"', "7"), LINE.replace(',"0a0b"', "")])(
    "is none: %s", (line) => expect(submitOf(line)).toBeNull());
});
