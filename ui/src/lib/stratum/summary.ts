/** A message in one line: what somebody who scrolls by needs to know. */
import type { Message } from "@/lib/api/types";
import { inLine } from "@/lib/bidi";
import { parseExact, writeExact } from "@/lib/exact-json";
import { formatCount, formatSi } from "@/lib/format";
import { heightOfCoinbase } from "./coinbase";

interface Call {
  method?: unknown;
  params?: unknown;
  result?: unknown;
  error?: unknown;
  "reject-reason"?: unknown;
}

function parse(raw: string | null | undefined): Call | null {
  if (!raw) return null;
  try {
    const value: unknown = parseExact(raw);
    return typeof value === "object" && value !== null ? (value as Call) : null;
  } catch {
    return null;
  }
}

/** A line may be megabytes long; no more of it is ever to be seen in a row. */
const MOST = 400;
const cut = (whole: string) => (whole.length > MOST ? `${whole.slice(0, MOST)}…` : whole);

const text = (value: unknown) => inLine(cut(typeof value === "string" ? value : value == null ? "" : writeExact(value)));

/** "job a · block 900,000 · clean · 14 branches"; what a damaged job does not tell is left out. */
function jobSummary([id, , coinbase1, , branches, , , , clean]: unknown[]): string {
  const height = heightOfCoinbase(coinbase1);
  const parts = [
    `job ${text(id)}`,
    height !== null && `block ${formatCount(height)}`,
    clean === true && "clean",
    Array.isArray(branches) && `${branches.length} ${branches.length === 1 ? "branch" : "branches"}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The nonce of a share, where it is known which of the parameters that is. */
function nonceOf(params: unknown[]): string | null {
  const nonce = params.length === 3 ? params[2] : params[4];
  return typeof nonce === "string" && (params.length === 3 || (nonce.length <= 8 && !nonce.startsWith("0x"))) ? nonce : null;
}

function callSummary(method: string, params: unknown): string {
  const p = Array.isArray(params) ? (params as unknown[]) : [];
  switch (method) {
    case "mining.notify":
      return jobSummary(p);
    case "mining.submit":
      return [text(p[0]), `job ${text(p[1])}`, nonceOf(p) !== null && `nonce ${text(nonceOf(p))}`].filter(Boolean).join(" · ");
    case "mining.set_difficulty":
    case "mining.suggest_difficulty":
      return typeof p[0] === "number" ? `difficulty ${formatSi(p[0])}` : text(p[0]);
    case "mining.subscribe":
    case "mining.authorize":
      return text(p[0]) || "–";
    case "mining.configure":
      return Array.isArray(p[0]) ? p[0].map(text).join(", ") : text(params);
    case "mining.set_version_mask":
      return `mask ${text(p[0])}`;
    case "mining.set_extranonce":
      return `extranonce1 ${text(p[0])}`;
    case "client.reconnect":
      return p.length ? `to ${text(p[0])}:${text(p[1])}` : "to the same pool";
    default:
      return params === undefined ? "" : text(params);
  }
}

export interface Verdict {
  ok: boolean;
  text: string;
}

function refusalText(call: Call): string {
  const error = call.error;
  if (Array.isArray(error)) return `${text(error[1]) || "refused"} (${text(error[0])})`;
  if (typeof error === "object" && error !== null) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return `${text(message) || "refused"}${code === undefined ? "" : ` (${text(code)})`}`;
  }
  return text(error) || text(call["reject-reason"]) || "refused";
}

/** What an answer says; null when its text is no JSON object. */
export function verdictOf(raw: string | null | undefined): Verdict | null {
  const call = parse(raw);
  if (!call) return null;
  if (call.error != null && call.error !== false) return { ok: false, text: refusalText(call) };
  if (call.result === false) return { ok: false, text: refusalText(call) };
  if (call.result === true) return { ok: true, text: "accepted" };
  return { ok: true, text: call.result === undefined ? "answered" : text(call.result) };
}

/** What it calls; that of a line which is no JSON too, where a lenient peer would read one. */
export const methodOf = ({ method, decoded }: Message): string | null => method ?? (typeof decoded?.method === "string" ? decoded.method : null);

function faultSummary({ decoded }: Message, fault: string): string {
  const call = typeof decoded?.method === "string" && callSummary(decoded.method, decoded.params);
  return [call, fault].filter(Boolean).join(" · ");
}

export function summaryOf(message: Message): string {
  if (message.parse_error) return faultSummary(message, message.parse_error);
  const call = parse(message.raw);
  if (!call) return message.raw === null ? `${message.size_bytes} bytes that are no text` : text(message.raw);
  if (typeof call.method === "string") return callSummary(call.method, call.params);
  return message.is_response ? verdictOf(message.raw)?.text ?? "" : text(message.raw);
}
