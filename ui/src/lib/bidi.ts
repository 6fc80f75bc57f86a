/**
 * Text of miners and pools within a line of ours. What runs from right to left keeps to itself, and
 * characters that only turn the direction, or are not seen at all, are shown: they could make a name
 * look like another; so are control characters, as escapes. Commands show the same ones (lib/base/json_text.c).
 */
const HIDDEN =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const ISOLATE = "\u2068";
const END = "\u2069";

const codeOf = (c: string) => `‹U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`;

const escapeOf = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;

export function inLine(text: string): string {
  const shown = text.replace(/\p{Cc}/gu, escapeOf).replace(HIDDEN, codeOf);
  return RIGHT_TO_LEFT.test(shown) ? `${ISOLATE}${shown}${END}` : shown;
}
