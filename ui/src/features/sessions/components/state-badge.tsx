import { Badge, type Tone } from "@/components/ui/badge";
import type { Session } from "@/lib/api/types";

function describe({ state, pool_connected }: Session): [Tone, string] {
  if (state === "open" && !pool_connected) return ["warn", "no pool"];
  if (state === "open") return ["good", "open"];
  return state === "connecting" ? ["warn", "connecting"] : ["neutral", "closed"];
}

export function StateBadge({ session }: { session: Session }) {
  const [tone, text] = describe(session);
  const ended = [session.closed_by && `by ${session.closed_by}`, session.reason].filter(Boolean).join(": ");
  return <Badge tone={tone} title={ended || undefined}>{text}</Badge>;
}
