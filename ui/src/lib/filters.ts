/**
 * What is shown, as it stands in the URL. The names are those of the API's parameters, so a URL of a
 * view and a request for its data say the same.
 */
import { DIRECTIONS, type Direction } from "@/lib/api/types";

export interface Filters {
  session_id?: string;
  direction?: Direction;
  method?: string;
  q?: string;
  errors?: boolean;
  /** Answers that took so long, in milliseconds as the API takes them. */
  latency_min_ms?: string;
  latency_max_ms?: string;
  /** An import, in place of what was recorded here. */
  series?: string;
  from?: string;
  to?: string;
}

const TEXTS = ["session_id", "method", "q", "from", "to", "latency_min_ms", "latency_max_ms", "series"] as const;
const LONGEST = 256;

export function filtersFromUrl(params: URLSearchParams): Filters {
  const filters: Filters = {};
  for (const name of TEXTS) {
    const value = params.get(name)?.trim();
    if (value) filters[name] = value.slice(0, LONGEST);
  }
  const direction = params.get("direction");
  const known = DIRECTIONS.find((d) => d === direction);
  if (known) filters.direction = known;
  if (params.get("errors") === "true") filters.errors = true;
  return filters;
}

/** Writes filters into parameters that hold other things too (selection, tab); empty ones go. */
export function filtersToUrl(filters: Filters, into = new URLSearchParams()): URLSearchParams {
  const next = new URLSearchParams(into);
  for (const name of [...TEXTS, "direction"] as const) {
    const value = filters[name];
    if (value) next.set(name, value);
    else next.delete(name);
  }
  if (filters.errors) next.set("errors", "true");
  else next.delete("errors");
  return next;
}

export function hasFilters(filters: Filters): boolean {
  return filtersToUrl(filters).size > 0;
}

export const NO_METHOD = "Refusals and waiting times are those of answers, which have no method of their own: leave one of these filters out.";

/** Refusals and waits are those of answers, which have no method: nothing can be found. */
export function contradicts(filters: Filters): boolean {
  return Boolean(filters.method && (filters.errors || filters.latency_min_ms || filters.latency_max_ms));
}
