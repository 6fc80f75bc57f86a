import { Facts } from "@/components/ui/facts";
import { Moment } from "@/components/moment";
import type { Message } from "@/lib/api/types";
import { aboutMethod } from "@/lib/stratum/about";
import { explainFields, plain, type Explained } from "@/lib/stratum/explain";
import { methodOf, partOf } from "@/lib/stratum/summary";
import { CoinbaseView } from "./coinbase-view";
import { ShareView } from "./share-view";

function FieldRow({ field }: { field: Explained }) {
  return (
    <div className="border-b border-border/60 py-2 last:border-b-0">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-mono text-xs font-medium">{field.name}</span>
        {field.reading && <span className="text-xs break-all text-primary">{field.reading}</span>}
      </div>
      <div className="max-h-40 overflow-y-auto font-mono text-xs break-all text-foreground/90">{field.value}</div>
      {field.note && <p className="text-xs text-muted-foreground">{field.note}</p>}
    </div>
  );
}

/** What is left to show of a message that has no known form; of a batch, what each of them says. */
function rest(message: Message): Record<string, unknown> {
  const d = message.decoded;
  if (!d) return {};
  if (d.batch) return Object.fromEntries(d.batch.map((part, i) => [`${i + 1}. ${partOf(part)}`, part.params ?? part.error ?? part.result ?? part.value ?? null]));
  const known = { params: d.params, result: d.result, error: d.error, value: d.value };
  return Object.fromEntries(Object.entries(known).filter(([, v]) => v !== undefined && v !== null));
}

export function DecodedView({ message }: { message: Message }) {
  const decoded = message.decoded;
  const fields = decoded?.fields ?? rest(message);
  const explained = explainFields(methodOf(message), fields);
  const { coinbase1, coinbase2 } = fields;
  const about = aboutMethod(methodOf(message));
  return (
    <div className="space-y-4 p-4">
      {about && <p className="text-muted-foreground">{about}</p>}
      <Facts
        facts={[
          { label: "Received", value: <Moment at={message.ts_recv} clock /> },
          { label: "In UTC", value: message.ts_recv.replace("T", " ").replace("Z", ""), mono: true },
          { label: "Kind", value: decoded?.kind ?? (message.is_request ? "request" : message.is_response ? "response" : "notification") },
          ...(message.jsonrpc_id != null ? [{ label: "JSON-RPC id", value: decoded?.id_text ?? plain(message.jsonrpc_id), mono: true }] : []),
          ...(decoded?.refused ? [{ label: "Refused", value: <span className="text-bad">{decoded.refused.text ?? "without a reason"}{decoded.refused.code !== undefined && ` (${plain(decoded.refused.code)})`}</span> }] : []),
          ...(message.parse_error ? [{ label: "Cannot be read", value: <span className="text-bad">{message.parse_error}</span> }] : []),
        ]}
      />
      {typeof coinbase1 === "string" && typeof coinbase2 === "string" && <CoinbaseView coinbase1={coinbase1} coinbase2={coinbase2} />}
      <ShareView message={message} />
      {explained.length > 0 && (
        <section aria-label="Fields">
          <h3 className="mb-1 text-2xs text-muted-foreground">Fields</h3>
          {explained.map((field) => <FieldRow key={field.name} field={field} />)}
        </section>
      )}
    </div>
  );
}
