/**
 * JSON whose numbers keep their digits. Miners and pools write integers above 2^53 and numbers beyond
 * a double; those become an object that is shown and written as its digits, all others plain numbers.
 * The parser that can do this is slow, so a cheap look at the text says whether it is needed.
 */
import { isSafeNumber, LosslessNumber, parse, stringify } from "lossless-json";

/** A number of 16 digits or more, or one with an exponent; texts begin with a quote and do not count. */
const UNUSUAL = /(?:^|[:,[\s])-?(?:\d[\d.]{15}|\d[\d.]*[eE])/;

const latest = ({ newValue }: { newValue: unknown }) => newValue;

/** Up to 15 digits a double gives back as they were, whatever form they had. */
function fits(digits: string): boolean {
  const value = Number(digits);
  const significant = digits.replace(/[eE].*|[-.]/g, "").replace(/^0+/, "");
  return isSafeNumber(digits) || (Number.isFinite(value) && value !== 0 && significant.length <= 15);
}

/** As an answer is read: a number is exact only where a double would change its value. */
export function parseExact(text: string): unknown {
  if (!UNUSUAL.test(text)) return JSON.parse(text);
  return parse(text, null, {
    parseNumber: (digits) => (fits(digits) ? Number(digits) : new LosslessNumber(digits)),
    onDuplicateKey: latest,
  });
}

/** As a line is read that is written again: a number also keeps its form (1.10, -0, 1e3). */
export function parseLine(text: string): unknown {
  return parse(text, null, {
    parseNumber: (digits) => (String(Number(digits)) === digits ? Number(digits) : new LosslessNumber(digits)),
    onDuplicateKey: latest,
  });
}

/** Whether it is a number that is no plain one. */
export const isExact = (value: unknown): value is LosslessNumber => value instanceof LosslessNumber;

export function writeExact(value: unknown, indent?: number): string {
  return stringify(value, undefined, indent) ?? "";
}
