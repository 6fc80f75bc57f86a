/** How much there is when: the counts of the archive in buckets of time. */
import type { Filters } from "@/lib/filters";
import { get } from "./client";

export interface Bucket {
  /** Its beginning. */
  ts: string;
  count: number;
  errors?: number;
}

export interface Timeline {
  from: string | null;
  to: string | null;
  bucket_seconds: number;
  buckets: Bucket[];
}

export function fetchTimeline(filters: Filters, buckets: number, signal?: AbortSignal): Promise<Timeline> {
  return get<Timeline>("/api/timeline", { ...filters, buckets }, signal);
}
