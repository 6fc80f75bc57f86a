/** What a share is worth: the block header that it stands for, its hash and its real difficulty. */
import { bytesOfHex, hexOfBytes } from "@/lib/bytes";
import { sha256d } from "@/lib/sha256";

/** Fields of mining.notify and mining.submit, by the names of the API's `decoded.fields`. */
export interface ShareParts {
  job: Record<string, unknown>;
  submit: Record<string, unknown>;
  extranonce1: string;
  /** How many bytes extranonce2 must have; null when not known. */
  extranonce2Size?: number | null;
  /** Null: the version may not be rolled. */
  versionMask: string | null;
}

export interface Share {
  hash: string;
  difficulty: number;
}

const DIFFICULTY_ONE = 0xffff * 2 ** 208;

/** Throws for what is no hex: then there is no share to speak of. */
function bytes(value: unknown): Uint8Array {
  const found = typeof value === "string" ? bytesOfHex(value) : null;
  if (!found) throw new TypeError("no hex");
  return found;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const reversed = (value: Uint8Array) => value.slice().reverse();

/** The header has the bytes of each word of a hash the other way round than it is sent. */
function swappedWords(value: Uint8Array): Uint8Array {
  return joined(...Array.from({ length: value.length / 4 }, (_, i) => reversed(value.subarray(4 * i, 4 * i + 4))));
}

function versionOf({ job, submit, versionMask }: ShareParts): Uint8Array {
  const version = parseInt(hexOfBytes(bytes(job.version)), 16);
  const rolled = submit.version_bits == null ? null : parseInt(hexOfBytes(bytes(submit.version_bits)), 16);
  const mask = versionMask === null ? 0 : parseInt(versionMask, 16);
  const value = rolled === null ? version : (version & ~mask) | (rolled & mask);
  return bytes((value >>> 0).toString(16).padStart(8, "0"));
}

function headerOf(parts: ShareParts): Uint8Array {
  const { job, submit, extranonce1 } = parts;
  const coinbase = joined(bytes(job.coinbase1), bytes(extranonce1), bytes(submit.extranonce2), bytes(job.coinbase2));
  const branches = Array.isArray(job.branches) ? job.branches : [];
  const root = branches.reduce<Uint8Array>((node, branch) => sha256d(joined(node, bytes(branch))), sha256d(coinbase));
  return joined(
    reversed(versionOf(parts)), swappedWords(bytes(job.previous_block)), root,
    reversed(bytes(submit.ntime)), reversed(bytes(job.nbits)), reversed(bytes(submit.nonce)),
  );
}

/** Null when the parts are not those of a Bitcoin share, or no pool could take it: extranonce2 has another length. */
export function shareOf(parts: ShareParts): Share | null {
  try {
    const size = parts.extranonce2Size ?? null;
    if (size !== null && bytes(parts.submit.extranonce2).length !== size) return null;
    const header = headerOf(parts);
    if (header.length !== 80) return null;
    const hash = hexOfBytes(reversed(sha256d(header)));
    return { hash, difficulty: DIFFICULTY_ONE / Number(BigInt(`0x${hash}`)) };
  } catch {
    return null;
  }
}
