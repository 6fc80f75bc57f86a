/**
 * What each field of a known method means, for people: its value as it is best read, and a note.
 * The names of the fields are those of the API's `decoded.fields`.
 */
import { formatMoment, formatSi } from "@/lib/format";
import { bitsSet, blockHash, difficultyOfBits, timeOfHex } from "./numbers";
import { NOTES, type Reading } from "./notes";
import { writeExact } from "@/lib/exact-json";

export interface Explained {
  name: string;
  value: string;
  /** The value as people read it, where that differs. */
  reading: string | null;
  note: string | null;
}

export function plain(value: unknown): string {
  return typeof value === "string" ? value : writeExact(value);
}

function moment(hex: string): string | null {
  const iso = timeOfHex(hex);
  return iso && `${formatMoment(iso)} local`;
}

function difficulty(hex: string): string | null {
  const value = difficultyOfBits(hex);
  return value === null ? null : `network difficulty ${formatSi(value)}`;
}

function versionBits(hex: string): string | null {
  const bits = bitsSet(hex);
  return bits && (bits.length ? `bits ${bits.join(", ")}` : "no bits");
}

const READERS: Record<Reading, (value: unknown) => string | null> = {
  hash: (v) => blockHash(plain(v)),
  time: (v) => moment(plain(v)),
  bits: (v) => difficulty(plain(v)),
  mask: (v) => versionBits(plain(v)),
  difficulty: (v) => (typeof v === "number" && v >= 1000 ? formatSi(v) : null),
  list: (v) => (Array.isArray(v) ? `${v.length} ${v.length === 1 ? "entry" : "entries"}` : null),
  bytes: (v) => (typeof v === "string" && v.length % 2 === 0 ? `${v.length / 2} bytes` : null),
};

export function explainFields(method: string | null | undefined, fields: Record<string, unknown>): Explained[] {
  return Object.entries(fields).map(([name, value]) => {
    const note = NOTES[`${method}.${name}`] ?? NOTES[name];
    return {
      name,
      value: plain(value),
      reading: note?.[1] ? READERS[note[1]](value) : null,
      note: note?.[0] ?? null,
    };
  });
}
