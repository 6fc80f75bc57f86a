/** What was imported: series of their own beside what was recorded here. */
import { get } from "./client";
import type { SeriesList } from "./types";

export async function fetchSeries(signal?: AbortSignal): Promise<SeriesList["items"]> {
  return (await get<SeriesList>("/api/series", undefined, signal)).items;
}
