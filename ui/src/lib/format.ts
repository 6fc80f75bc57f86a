/** How times, numbers and sizes are written everywhere. Times come as RFC 3339 in UTC. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** What is no time (a link may say anything) is shown as it is. */
const isTime = (iso: string) => !Number.isNaN(Date.parse(iso));

/** "14:03:07.412", local. The fraction is cut from the text: a Date would lose microseconds. */
export function formatClock(iso: string): string {
  if (!isTime(iso)) return iso;
  const fraction = /\.(\d{1,3})/.exec(iso)?.[1] ?? "";
  return `${clock.format(new Date(iso))}.${fraction.padEnd(3, "0")}`;
}

export function formatDay(iso: string): string {
  return isTime(iso) ? day.format(new Date(iso)) : iso;
}

/** "Nov 23, 2026 14:03:07", local. */
export function formatMoment(iso: string): string {
  return isTime(iso) ? `${formatDay(iso)} ${clock.format(new Date(iso))}` : iso;
}

export function formatCount(n: number): string {
  return whole.format(n);
}

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZE_UNITS[unit]}`;
}

const SI = ["", "k", "M", "G", "T", "P", "E", "Z"];

/** 1234567 → "1.23 M": difficulty, hashrate. */
export function formatSi(value: number, unit = ""): string {
  if (!Number.isFinite(value)) return "–";
  let scaled = value;
  let step = 0;
  while (Math.abs(scaled) >= 1000 && step < SI.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = step === 0 ? String(Number(scaled.toPrecision(3))) : scaled.toPrecision(3);
  return `${digits} ${SI[step]}${unit}`.trimEnd();
}

export function formatLatency(ms: number): string {
  if (ms <= 0) return "0 ms";
  if (ms < 1) return `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
  return `${(ms / 1000).toFixed(2)} s`;
}

/** What a latency means to a miner: below 50 ms nothing, above 250 ms it costs shares. */
export function latencyLevel(ms: number): "good" | "warn" | "bad" {
  if (ms < 50) return "good";
  return ms < 250 ? "warn" : "bad";
}

const DURATION_STEPS: [number, string][] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** 3700 → "1 h 1 min". */
export function formatDuration(seconds: number): string {
  const index = DURATION_STEPS.findIndex(([size]) => seconds >= size);
  if (index < 0) return "0 s";
  const [size, unit] = DURATION_STEPS[index]!;
  const next = DURATION_STEPS[index + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest && next ? ` ${rest} ${next[1]}` : ""}`;
}

/** The end of a UUID of version 7 tells sessions apart; its beginning is the time. */
export function shortSession(id: string): string {
  return id.slice(-6);
}
