/** Members of the status as people read them. Units stand at the end of the names. */
import type { Fact } from "@/components/ui/facts";
import { formatBytes, formatCount, formatDuration, formatLatency, formatMoment } from "@/lib/format";

const SPECIAL: Record<string, string> = { file_bytes: "Size of the file", archive_bytes: "Archived", last_seq: "Last number", pid: "Process" };

/** "disk_free_bytes" → "Disk free". */
export function humanName(name: string): string {
  if (SPECIAL[name]) return SPECIAL[name];
  const words = name.replace(/_(bytes|ms|us|seconds|sec|s)$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function readableNumber(name: string, value: number): string {
  if (/bytes/.test(name)) return formatBytes(value);
  if (/_ms$/.test(name)) return formatLatency(value);
  if (/_us$/.test(name)) return formatLatency(value / 1000);
  if (/(_seconds|_sec|_s|uptime)$/.test(name)) return formatDuration(value);
  return /port|pid/.test(name) ? String(value) : Number.isInteger(value) ? formatCount(value) : value.toFixed(2);
}

export function readable(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  // Names in capitals are settings: shown as they were written.
  if (typeof value === "number") return name === name.toUpperCase() ? String(value) : readableNumber(name, value);
  if (typeof value !== "string") return JSON.stringify(value);
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? formatMoment(value) : value;
}

export type Group = [name: string, values: Record<string, unknown>];

const isGroup = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** What stands elsewhere on the page, or is of no use to a reader. */
const LEFT_OUT = new Set(["done", "running", "error", "routes", "program"]);

/** The object's own members under `name`, then its parts, each a group of its own. */
export function groupsOf(name: string, values: Record<string, unknown>): Group[] {
  const entries = Object.entries(values).filter(([member]) => !LEFT_OUT.has(member));
  const own = entries.filter(([, value]) => !isGroup(value));
  const parts = entries.flatMap(([member, value]) => (isGroup(value) ? groupsOf(`${name}: ${humanName(member).toLowerCase()}`, value) : []));
  return own.length ? [[name, Object.fromEntries(own)], ...parts] : parts;
}

/** Counts and switches that should be nothing. */
const UNWANTED = /lost|fail|error|gap|dropped|refused|exceeded|missing|degraded|invalid|skipped|missed|timeout|stopping/;

/** Bad when something unwanted has happened, muted when nothing has. */
function toneOf(name: string, value: unknown): Fact["tone"] {
  if (value === 0 || value === false || value === null) return "muted";
  return UNWANTED.test(name) && (typeof value === "number" || value === true) ? "warn" : undefined;
}

export function factsOf(values: Record<string, unknown>): Fact[] {
  return Object.entries(values).map(([name, value]) => ({ label: humanName(name), value: readable(name, value), tone: toneOf(name, value) }));
}

/** A number somewhere below what the recorder says of itself; null where it says none. */
export function numberAt(values: unknown, ...path: string[]): number | null {
  const found = path.reduce<unknown>((value, name) => (isGroup(value) ? value[name] : undefined), values);
  return typeof found === "number" ? found : null;
}
