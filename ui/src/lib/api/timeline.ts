/** How much there is when: the counts of the archive in buckets of time. */
import type { Filters } from "@/lib/filters";
import { get } from "./client";
import type { Timeline } from "./types";

export function fetchTimeline(filters: Filters, buckets: number, signal?: AbortSignal): Promise<Timeline> {
  return get<Timeline>("/api/timeline", { ...filters, buckets }, signal);
}
