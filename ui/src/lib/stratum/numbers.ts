/** Numbers of Stratum that are written in hex. */

/** Work of difficulty 1: the target 0xffff × 2^208. */
const DIFFICULTY_ONE = 0xffff * 2 ** 208;

/** The difficulty that the compact target `nbits` stands for. */
export function difficultyOfBits(nbits: string): number | null {
  if (!/^[0-9a-f]{8}$/i.test(nbits)) return null;
  const bits = parseInt(nbits, 16);
  const mantissa = bits & 0x007fffff;
  if (mantissa === 0) return null;
  return DIFFICULTY_ONE / (mantissa * 2 ** (8 * ((bits >>> 24) - 3)));
}

/** Seconds since 1970 in hex, as RFC 3339. */
export function timeOfHex(ntime: string): string | null {
  if (!/^[0-9a-f]{8}$/i.test(ntime)) return null;
  return new Date(parseInt(ntime, 16) * 1000).toISOString().replace(".000", "");
}

/** Stratum sends a hash as eight words with their bytes swapped; people write it the other way. */
export function blockHash(sent: string): string | null {
  if (!/^[0-9a-f]{64}$/i.test(sent)) return null;
  return (sent.match(/.{8}/g) ?? []).reverse().join("").toLowerCase();
}

/** Which of the 32 version bits are set, the highest first. */
export function bitsSet(hex: string): number[] | null {
  if (!/^[0-9a-f]{1,8}$/i.test(hex)) return null;
  const value = parseInt(hex, 16);
  return Array.from({ length: 32 }, (_, i) => 31 - i).filter((bit) => (value >>> bit) & 1);
}
