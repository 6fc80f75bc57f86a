import { describe, expect, it } from "vitest";
import { parseExact, parseLine, writeExact } from "./exact-json";

describe("numbers that a double cannot hold", () => {
  it.each(["18446744073709551617", "-9223372036854775809", "1e400", "0.12345678901234567890", "[9007199254740993]", '{"id":15604478400006665393,"a":[1,"x",null]}', '"10000000000000000001"'])(
    "keep their digits: %s", (text) => expect(writeExact(parseExact(text))).toBe(text));
  it("keep their form, too, in a line that is written again", () => {
    const line = '{"id":18446744073709551617,"params":["5",-0,1.10,1e3,0.1,7]}';
    expect(writeExact(parseLine(line))).toBe(line);
  });
});

describe("other numbers", () => {
  it.each([["7", 7], ["1e+16", 1e16], ["0.000123456789012345", 0.000123456789012345], ["-1.5", -1.5], ["4503599627370497", 4503599627370497]])(
    "are numbers: %s", (text, value) => expect(parseExact(text)).toBe(value));
  it("are so beside exact ones", () => expect((parseExact('{"a":18446744073709551617,"b":12,"b":13}') as { b: unknown }).b).toBe(13));
});

it("what is no JSON is refused", () => {
  for (const text of ["", "{", "[1,]", "18446744073709551617x"]) expect(() => parseExact(text)).toThrow();
});
