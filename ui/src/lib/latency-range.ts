/** How long answers took, as people type it: "500" or ">500" and longer, "<5" and shorter, "100-500"; in ms. */
import type { Filters } from "./filters";

export type LatencyRange = Pick<Filters, "latency_min_ms" | "latency_max_ms">;

const NUMBER = String.raw`(\d{1,8}(?:\.\d{1,3})?)`;
const FORMS = new RegExp(String.raw`^(?:[>≥]?\s*${NUMBER}|[<≤]\s*${NUMBER}|${NUMBER}\s*[-–]\s*${NUMBER})\s*(?:ms)?$`);

const known = (text: string | undefined) => (text && Number(text) > 0 ? text : undefined);

/** Null for what is none; nothing typed is no bound. */
export function parseLatencyRange(text: string): LatencyRange | null {
  if (text.trim() === "") return { latency_min_ms: undefined, latency_max_ms: undefined };
  const found = FORMS.exec(text.trim());
  if (!found) return null;
  const [min, max] = [known(found[1] ?? found[3]), known(found[2] ?? found[4])];
  if ((!min && !max) || (min && max && Number(min) > Number(max))) return null;
  return { latency_min_ms: min, latency_max_ms: max };
}

export function latencyRangeText({ latency_min_ms: min, latency_max_ms: max }: LatencyRange): string {
  if (min && max) return `${min}-${max}`;
  return min ? `>${min}` : max ? `<${max}` : "";
}
