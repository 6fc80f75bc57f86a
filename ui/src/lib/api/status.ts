/** What HashScope says about itself. */
import { ApiError, get } from "./client";

export interface Health {
  status: string;
  reasons: string[];
}

/** A degraded recorder answers 503 with the same body; that is an answer, not a failure. */
export async function fetchHealth(signal?: AbortSignal): Promise<Health> {
  const response = await fetch("/health", { signal: signal ?? null, headers: { Accept: "application/json" } });
  const body = (await response.json().catch(() => null)) as Partial<Health> | null;
  if (typeof body?.status !== "string") throw new ApiError(response.status, "The API does not tell its health.");
  return { status: body.status, reasons: Array.isArray(body.reasons) ? body.reasons.map(String) : [] };
}

export function fetchStatus(signal?: AbortSignal): Promise<Record<string, unknown>> {
  return get("/api/status", undefined, signal);
}

export interface Setting {
  name: string;
  value: unknown;
  source?: string;
}

/** Settings come as a list, or as an object from names to values. */
export async function fetchConfig(signal?: AbortSignal): Promise<Setting[]> {
  const answer = await get<Record<string, unknown> | Setting[]>("/api/config", undefined, signal);
  if (Array.isArray(answer)) return answer;
  const list = answer.settings ?? answer.items;
  if (Array.isArray(list)) return list as Setting[];
  const values = (typeof list === "object" && list !== null ? list : answer) as Record<string, unknown>;
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}
