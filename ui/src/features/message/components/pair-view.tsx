import { ArrowRight } from "lucide-react";
import { Latency } from "@/components/latency";
import type { Message } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { aboutRefusal } from "@/lib/stratum/about";
import { methodOf, verdictOf } from "@/lib/stratum/summary";
import { writeExact } from "@/lib/exact-json";

/** The other half of a request and its answer. */
export function PairView({ message, onOpen }: { message: Message; onOpen: (id: string) => void }) {
  const raw = message.response_raw ?? (message.response == null ? null : writeExact(message.response));
  if (!message.paired_message_id && !raw) return null;
  const verdict = message.is_request ? verdictOf(raw) : null;
  const why = aboutRefusal(message, methodOf(message) === "mining.submit");
  return (
    <div className="flex flex-wrap items-center gap-x-3 border-b px-4 py-2">
      <span className="text-muted-foreground">{message.is_request ? "Answer" : "Answers a request"}</span>
      {verdict && <span className={cn("min-w-0 truncate font-mono text-xs", verdict.ok ? "text-good" : "text-bad")}>{verdict.text}</span>}
      <Latency ms={message.latency_ms} />
      {message.paired_message_id && (
        <button type="button" className="ml-auto inline-flex shrink-0 items-center gap-1 text-primary hover:underline" onClick={() => onOpen(message.paired_message_id!)}>
          {message.is_request ? "Open answer" : "Open request"} <ArrowRight className="size-3.5" aria-hidden />
        </button>
      )}
      {why && <p className="basis-full pt-1 text-xs text-muted-foreground">{why}</p>}
    </div>
  );
}
