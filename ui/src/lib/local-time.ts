/** Times as fields of a page take them: local, to the second. */

/** "2026-11-23T09:42:07" in the local zone, without seconds where there are none; empty for what is no time. */
export function toLocalField(iso: string | undefined): string {
  const at = iso ? Date.parse(iso) : NaN;
  if (Number.isNaN(at)) return "";
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/:00$/, ""); // as browsers write it
}

/** Bitcoin's first year: what is earlier is a year that somebody is still typing. */
const FIRST_YEAR = 2009;

/** The moment in UTC; undefined when the field is empty, null when it holds none that can be meant. */
export function fromLocalField(text: string): string | undefined | null {
  if (!text) return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) || at.getFullYear() < FIRST_YEAR || at.getFullYear() > 9999 ? null : at.toISOString();
}
