import { describe, expect, it } from "vitest";
import { bytesOfBase64, bytesOfHex, bytesOfText, hexDump, hexOfBytes } from "./bytes";

describe("hex dump", () => {
  it("shows offset, bytes in two groups and text, as hexdump does", () => {
    const [first, second, ...more] = hexDump(bytesOfText('{"id":1,"method":"ü"}'));
    expect(first).toEqual({ offset: "000000", hex: "7b 22 69 64 22 3a 31 2c  22 6d 65 74 68 6f 64 22", text: '{"id":1,"method"' });
    expect(second!.hex.trimEnd()).toBe("3a 22 c3 bc 22 7d");
    expect(second!.hex).toHaveLength(first!.hex.length);
    expect(second!.text).toBe(':"··"}');
    expect(more).toEqual([]);
  });
  it("has no lines without bytes", () => expect(hexDump(new Uint8Array())).toEqual([]));
});

describe("bytes", () => {
  it("survive base64 that is no text", () => expect([...bytesOfBase64("AP+A")]).toEqual([0, 255, 128]));
  it("go to hex and back", () => expect(hexOfBytes(bytesOfHex("00ff80")!)).toBe("00ff80"));
  it("are not made of what is no hex", () => {
    expect(bytesOfHex("0")).toBeNull();
    expect(bytesOfHex("zz")).toBeNull();
  });
});
