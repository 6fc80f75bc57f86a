/**
 * How the UI asks the API: GET and POST of JSON on its own origin. Every failure becomes an ApiError
 * whose text can be shown as it is.
 */
import { parseExact } from "@/lib/exact-json";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly retryAfter: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

const REASONS: Record<number, string> = {
  401: "This needs the access token.",
  403: "The API refused this request.",
  404: "There is nothing by this name.",
  429: "Too many requests at once; try again in a moment.",
  503: "The API is busy or the recorder is not running.",
};

export type Query = Record<string, string | number | boolean | undefined>;

export function urlOf(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "" && value !== false) params.set(name, String(value));
  }
  return params.size ? `${path}?${params}` : path;
}

async function failure(response: Response): Promise<ApiError> {
  let detail: unknown;
  try {
    detail = ((await response.json()) as { detail?: unknown }).detail;
  } catch {
    // No JSON: the status alone has to do.
  }
  const text = typeof detail === "string" ? detail : REASONS[response.status] ?? `The API answered ${response.status}.`;
  const after = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, text, after > 0 ? after : null);
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError(0, "The API does not answer. Is HashScope still running?");
  }
  if (!response.ok) throw await failure(response);
  try {
    return parseExact(await response.text()) as T;
  } catch {
    throw new ApiError(response.status, "The answer is no JSON.");
  }
}

export function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return send<T>(urlOf(path, query), { headers: { Accept: "application/json" }, signal: signal ?? null });
}

export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return send<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
}

export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}
