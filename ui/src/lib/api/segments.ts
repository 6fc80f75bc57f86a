/** The files of the archive. */
import { get } from "./client";
import type { SegmentList } from "./types";

export function fetchSegments(cursor: string | undefined, signal?: AbortSignal): Promise<SegmentList> {
  return get<SegmentList>("/api/segments", { limit: 100, cursor }, signal);
}
