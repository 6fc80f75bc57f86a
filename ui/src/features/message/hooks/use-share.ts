import { useQuery } from "@tanstack/react-query";
import { fetchMessages } from "@/lib/api/messages";
import type { Message } from "@/lib/api/types";
import { shareOf, type Share } from "@/lib/stratum/share";
import { methodOf } from "@/lib/stratum/summary";

type Fields = Record<string, unknown>;

const fieldsOf = (message: Message | undefined): Fields => message?.decoded?.fields ?? {};

/** The pool's answer, as far as it is an object with a result. */
function resultOf(message: Message | undefined): unknown {
  const response = message?.response;
  return typeof response === "object" && response !== null ? (response as { result?: unknown }).result : undefined;
}

/** The newest of a session's messages up to one of them. */
async function before(message: Message, method: string, signal: AbortSignal): Promise<Message[]> {
  // The end of a range is not part of it.
  const to = new Date(Date.parse(message.ts_recv) + 1).toISOString();
  return (await fetchMessages({ session_id: message.session_id, method, to, order: "newest", limit: 200 }, signal)).items;
}

/** extranonce1, and how long extranonce2 must be. */
function extranonceOf(setup: Message[]): [unknown, unknown] {
  const latest = setup.find((m) => m.method === "mining.set_extranonce" || (m.method === "mining.subscribe" && m.is_request));
  if (latest?.method === "mining.set_extranonce") {
    const fields = fieldsOf(latest);
    return [fields.extranonce1, fields.extranonce2_size];
  }
  const result = resultOf(latest);
  return Array.isArray(result) ? [result[1], result[2]] : [undefined, undefined];
}

function maskOf(setup: Message[]): string | null {
  const latest = setup.find((m) => m.method === "mining.set_version_mask" || (m.method === "mining.configure" && m.is_request));
  if (latest?.method === "mining.set_version_mask") {
    const mask = fieldsOf(latest).version_mask;
    return typeof mask === "string" ? mask : null;
  }
  const result = resultOf(latest) as Fields | null | undefined;
  const mask = result?.["version-rolling.mask"];
  return typeof mask === "string" ? mask : null;
}

export interface ShareFacts {
  share: Share;
  /** What the pool had asked for when it was sent; null when not known. */
  wanted: number | null;
}

async function compute(message: Message, signal: AbortSignal): Promise<ShareFacts | null> {
  const submit = fieldsOf(message);
  const [jobs, setup, steps] = await Promise.all([
    before(message, "mining.notify", signal),
    before(message, "mining.subscribe,mining.set_extranonce,mining.configure,mining.set_version_mask", signal),
    before(message, "mining.set_difficulty", signal),
  ]);
  const job = jobs.find((m) => fieldsOf(m).job_id === submit.job_id);
  const [extranonce1, size] = extranonceOf(setup);
  if (!job || typeof extranonce1 !== "string") return null;
  const extranonce2Size = typeof size === "number" ? size : null;
  const share = shareOf({ job: fieldsOf(job), submit, extranonce1, extranonce2Size, versionMask: maskOf(setup) });
  // A difficulty holds for the jobs that come behind it.
  const wanted = fieldsOf(steps.find((m) => m.seq < job.seq)).difficulty;
  return share && { share, wanted: typeof wanted === "number" ? wanted : null };
}

/** The real difficulty of a mining.submit, from its own session's messages. */
export function useShare(message: Message) {
  return useQuery({
    queryKey: ["share", message.id],
    queryFn: ({ signal }) => compute(message, signal),
    enabled: methodOf(message) === "mining.submit" && message.decoded?.fields !== undefined,
    staleTime: Infinity,
  });
}
