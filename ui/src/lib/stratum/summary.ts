/** A message in one line: what somebody who scrolls by needs to know. */
import type { Message } from "@/lib/api/types";
import { inLine } from "@/lib/bidi";
import { isExact, parseExact, writeExact } from "@/lib/exact-json";
import { formatCount, formatSi } from "@/lib/format";
import { heightOfCoinbase } from "./coinbase";

type Decoded = NonNullable<Message["decoded"]>;

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

/** An answer as text: its bytes, or, where they are no text, what can be read in them. */
export function answerText({ raw, decoded }: Message): string | null {
  return raw ?? (decoded ? writeExact({ result: decoded.result, error: decoded.error ?? decoded.refused }) : null);
}

export interface Verdict {
  ok: boolean;
  text: string;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isNumber = (value: unknown) => typeof value === "number" || isExact(value);

/** null, false, "", [] and {} refuse nothing: as the recorder counts it (its FORMAT.md). */
const isEmpty = (value: unknown) => value == null || value === false || value === "" || (isObject(value) && !isNumber(value) && Object.keys(value).length === 0);

const refuses = (call: Call) => call.result === false || !isEmpty(call.error) || !isEmpty(call["reject-reason"]);

/** Code and text, wherever in its error a pool puts them. */
function refusalText(call: Call): string {
  const { error } = call;
  const { code, message } = isObject(error) ? (error as { code?: unknown; message?: unknown }) : {};
  const told: unknown[] = Array.isArray(error) ? (error as unknown[]) : [error, code, message];
  const number = told.find(isNumber);
  const why = [...told, call["reject-reason"]].find((value) => typeof value === "string" && value !== "");
  return `${text(why) || "refused"}${number === undefined ? "" : ` (${text(number)})`}`;
}

/** What an answer says; null when its text is no JSON object. */
export function verdictOf(raw: string | null | undefined): Verdict | null {
  const call = parse(raw);
  if (!call) return null;
  if (refuses(call)) return { ok: false, text: refusalText(call) };
  if (call.result === true) return { ok: true, text: "accepted" };
  return { ok: true, text: call.result === undefined ? "answered" : text(call.result) };
}

/** What it calls; that of a line which is no JSON too, where a lenient peer would read one. */
export const methodOf = ({ method, decoded }: Message): string | null => method ?? (typeof decoded?.method === "string" ? decoded.method : null);

/** What a message is: its method, or a word for what has none. */
export function nameOf(message: Message): string {
  const { batch } = message.decoded ?? {};
  return methodOf(message) ?? (message.fragment != null ? "part of a line" : message.is_response ? "answer" : batch ? `batch of ${batch.length}` : "unknown");
}

/** What one message of a batch is. */
export const partOf = ({ method, kind, refused }: Decoded): string => (method !== undefined ? text(method) : kind !== "response" ? kind : refused ? "refusal" : "answer");

const batchSummary = (batch: Decoded[]) => cut(batch.map(partOf).join(", "));

function faultSummary(message: Message, fault: string): string {
  const { decoded } = message;
  const call = typeof decoded?.method === "string" ? callSummary(decoded.method, decoded.params) : decoded?.batch ? batchSummary(decoded.batch) : message.is_response && verdictOf(answerText(message))?.text;
  return [call, fault].filter(Boolean).join(" · ");
}

export function summaryOf(message: Message): string {
  if (message.fragment != null) return `part ${formatCount(message.fragment + 1)} of a line · ${text(message.raw)}`;
  if (message.parse_error) return faultSummary(message, message.parse_error);
  if (message.decoded?.batch) return batchSummary(message.decoded.batch);
  const call = parse(message.raw);
  if (!call) return message.raw === null ? `${message.size_bytes} bytes that are no text` : text(message.raw);
  if (typeof call.method === "string") return callSummary(call.method, call.params);
  return message.is_response ? verdictOf(message.raw)?.text ?? "" : text(message.raw);
}
