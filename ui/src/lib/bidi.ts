/**
 * Text of miners and pools within a line of ours. What runs from right to left keeps to itself, and
 * characters that only turn the direction are shown: they could make a name look like another.
 */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const ISOLATE = "\u2068";
const END = "\u2069";

const codeOf = (c: string) => `‹U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}›`;

export function inLine(text: string): string {
  const shown = text.replace(TURNS, codeOf);
  return RIGHT_TO_LEFT.test(shown) ? `${ISOLATE}${shown}${END}` : shown;
}
