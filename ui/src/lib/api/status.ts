/** What HashScope says about itself. */
import { ApiError, get } from "./client";
import type { Health, Setting, Status } from "./types";

/** 503 with a health in its body is an answer, not a failure. */
export async function fetchHealth(signal?: AbortSignal): Promise<Health> {
  const response = await fetch("/health", { signal: signal ?? null, headers: { Accept: "application/json" } }).catch(() => null);
  const body = (await response?.json().catch(() => null)) as Partial<Health> | null;
  if (!body?.status || !Array.isArray(body.reasons)) throw new ApiError(response?.status ?? 0, "The API does not tell its health.");
  return { status: body.status, reasons: body.reasons };
}

/** Whether anybody answers at all, and soon: a server that hangs, or a network that is gone, says nothing. */
export async function isReachable(withinMs: number): Promise<boolean> {
  const given = new AbortController();
  const late = setTimeout(() => given.abort(), withinMs);
  try {
    await fetch("/health", { signal: given.signal, cache: "no-store" });
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
  }
}

export function fetchStatus(signal?: AbortSignal): Promise<Status> {
  return get<Status>("/api/status", undefined, signal);
}

export async function fetchConfig(signal?: AbortSignal): Promise<Setting[]> {
  return (await get<{ settings: Setting[] }>("/api/config", undefined, signal)).settings;
}
