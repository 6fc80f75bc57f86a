/** Which of the messages that pass a view shows; the same rules as those of the API's lists. */
import type { Message } from "@/lib/api/types";
import type { Filters } from "@/lib/filters";
import { methodOf } from "@/lib/stratum/summary";

/** Several names with commas between them; "submit" stands for "mining.submit". */
function methodFits(wanted: string, method: string | null): boolean {
  return method !== null && wanted.split(",").some((name) => method === name || method === `mining.${name}`);
}

export function fits(filters: Filters, message: Message): boolean {
  if (filters.direction && message.direction !== filters.direction) return false;
  if (filters.method && !methodFits(filters.method, methodOf(message))) return false;
  return !filters.q || (message.raw?.includes(filters.q) ?? false);
}
