/** A mining.submit as its line says it, to change a field of it and leave the rest alone. */
import { parseLine, writeExact } from "@/lib/exact-json";

export interface Submit {
  call: Record<string, unknown>;
  params: string[];
}

/** Null unless the line is a mining.submit with the five or six texts that it should have. */
export function submitOf(line: string): Submit | null {
  let call: unknown;
  try {
    call = parseLine(line);
  } catch {
    return null;
  }
  if (typeof call !== "object" || call === null) return null;
  const { method, params } = call as { method?: unknown; params?: unknown };
  if (method !== "mining.submit" || !Array.isArray(params)) return null;
  const texts = params.every((p): p is string => typeof p === "string");
  if (!texts || params.length < 5 || params.length > 6) return null;
  return { call: call as Record<string, unknown>, params };
}

/** The line with one of the fields changed, the members in the order that they had. */
export function withParam({ call, params }: Submit, place: number, value: string): string {
  return writeExact({ ...call, params: params.map((param, n) => (n === place ? value : param)) });
}
