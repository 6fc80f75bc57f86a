/** Bytes of messages: from text or base64, and as a hex dump. */

export function bytesOfText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function bytesOfBase64(base64: string): Uint8Array {
  const binary = atob(base64);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

export function bytesOfHex(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) return null;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function hexOfBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

export interface HexLine {
  offset: string;
  hex: string;
  text: string;
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
}

/** A dump as `hexdump -C` writes it: offset, `width` bytes in groups of eight, text. */
export function hexDump(bytes: Uint8Array, width = 16): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    const part = Array.from(bytes.subarray(at, at + width));
    const groups: string[] = [];
    for (let g = 0; g < part.length; g += 8) {
      groups.push(part.slice(g, g + 8).map((b) => b.toString(16).padStart(2, "0")).join(" "));
    }
    lines.push({
      offset: at.toString(16).padStart(6, "0"),
      hex: groups.join("  ").padEnd(width * 3 + Math.ceil(width / 8) - 2),
      text: part.map(printable).join(""),
    });
  }
  return lines;
}
