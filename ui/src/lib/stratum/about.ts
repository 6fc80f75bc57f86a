/** A sentence on each method and each code of refusal, for people who see one for the first time. */
import type { Message } from "@/lib/api/types";

const METHODS: Record<string, string> = {
  "mining.subscribe": "The miner opens the conversation; the answer gives it the extranonce that makes its work unique.",
  "mining.authorize": "The miner says in whose name it works.",
  "mining.configure": "The miner asks for extensions, such as rolling bits of the block's version.",
  "mining.extranonce.subscribe": "The miner agrees to be given another extranonce while it works.",
  "mining.suggest_difficulty": "The miner says how hard shares it would like to find.",
  "mining.suggest_target": "The miner says how hard shares it would like to find.",
  "mining.set_difficulty": "The pool says how hard shares must be, from the next job on.",
  "mining.set_target": "The pool says below which number the hash of a share must be.",
  "mining.set_extranonce": "The pool gives the miner another extranonce.",
  "mining.set_version_mask": "The pool says which bits of the block's version the miner may roll.",
  "mining.notify": "A new job: what the miner is to work on from now on.",
  "mining.submit": "A share: the miner found a hash that is hard enough, and hands it in. The pool pays by these.",
  "mining.ping": "Asks whether the other side is still there.",
  "mining.get_transactions": "The miner asks which transactions are in a job.",
  "client.reconnect": "The pool asks the miner to connect anew, perhaps elsewhere.",
  "client.show_message": "The pool has something to say to the miner's owner.",
  "client.get_version": "The pool asks for the miner's software.",
};

/** As pools have them in common; what else they use has no meaning that is agreed on. */
const REFUSALS: Record<number, string> = {
  21: "Stale: the share belongs to a job that the pool has given up. A few after each new block are normal; many mean a slow line or a miner that keeps old work.",
  22: "The same share had been handed in before: nothing is lost once, but a miner that does it often works twice on the same.",
  23: "The hash is not as hard as the pool asked for: often a miner that missed a change of difficulty, or one that computes wrongly.",
  24: "The pool does not know this worker: look at the name and at what the pool answered to mining.authorize.",
  25: "The miner has not subscribed in this connection.",
};

export function aboutMethod(method: string | null | undefined): string | null {
  return (method && Object.hasOwn(METHODS, method) && METHODS[method]) || null;
}

/** What its refusal, or that of its answer, usually means; null when it is no refused share. */
export function aboutRefusal(message: Message, share: boolean): string | null {
  const code = codeOf(message.decoded?.refused) ?? codeOf(errorOf(message.response));
  return (share && code !== null && REFUSALS[code]) || null;
}

function errorOf(response: unknown): unknown {
  return typeof response === "object" && response !== null ? (response as { error?: unknown }).error : null;
}

function codeOf(error: unknown): number | null {
  const code: unknown = Array.isArray(error) ? error.find((part) => typeof part === "number") : typeof error === "object" && error !== null ? (error as { code?: unknown }).code : null;
  return typeof code === "number" ? code : null;
}
