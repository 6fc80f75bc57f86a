/**
 * Reads the coinbase transaction out of the two halves that mining.notify carries. Between them go
 * extranonce1 and extranonce2, whose length follows from the length that the script declares.
 */
import { bytesOfHex, hexOfBytes } from "@/lib/bytes";

export interface CoinbaseOutput {
  satoshis: bigint;
  script: string;
  kind: string;
}

export interface Coinbase {
  height: number | null;
  tag: string;
  extranonceBytes: number;
  outputs: CoinbaseOutput[];
}

class Reader {
  at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  take(n: number): Uint8Array {
    if (n < 0 || this.at + n > this.bytes.length) throw new RangeError("transaction ends early");
    return this.bytes.subarray(this.at, (this.at += n));
  }
  left(): number {
    return this.bytes.length - this.at;
  }
  unsigned(n: number): bigint {
    return this.take(n).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }
  compact(): number {
    const first = Number(this.unsigned(1));
    if (first < 0xfd) return first;
    return Number(this.unsigned(first === 0xfd ? 2 : first === 0xfe ? 4 : 8));
  }
}

/** BIP 34: the script begins by pushing the height. */
export function heightOfScript(script: Uint8Array): number | null {
  const first = script[0];
  if (first === undefined) return null;
  if (first >= 0x51 && first <= 0x60) return first - 0x50;
  if (first < 1 || first > 5 || script.length < 1 + first) return null;
  return script.slice(1, 1 + first).reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** Reads up to the script and says how long that is; null where this is no coinbase of Bitcoin. */
function readHead(reader: Reader): number | null {
  reader.take(4); // version
  if (reader.compact() !== 1) return null;
  reader.take(36); // the output that does not exist
  return reader.compact();
}

/** Enough of a coinbase to hold the height, in digits of hex: head, length and a push of five bytes. */
const HEIGHT_DIGITS = 2 * (4 + 1 + 36 + 3 + 6);

/** The height of the block that a job is for, from the first bytes of its coinbase. */
export function heightOfCoinbase(coinbase1: unknown): number | null {
  const head = typeof coinbase1 === "string" ? bytesOfHex(coinbase1.slice(0, HEIGHT_DIGITS)) : null;
  if (!head) return null;
  try {
    const reader = new Reader(head);
    return readHead(reader) === null ? null : heightOfScript(reader.take(reader.left()));
  } catch {
    return null;
  }
}

function scriptKind(hex: string): string {
  if (/^76a914[0-9a-f]{40}88ac$/.test(hex)) return "P2PKH";
  if (/^a914[0-9a-f]{40}87$/.test(hex)) return "P2SH";
  if (/^0014[0-9a-f]{40}$/.test(hex)) return "P2WPKH";
  if (/^0020[0-9a-f]{64}$/.test(hex)) return "P2WSH";
  if (/^5120[0-9a-f]{64}$/.test(hex)) return "P2TR";
  if (hex.startsWith("6a24aa21a9ed")) return "witness commitment";
  if (hex.startsWith("6a")) return "OP_RETURN";
  return "script";
}

function readOutputs(reader: Reader): CoinbaseOutput[] {
  const outputs: CoinbaseOutput[] = [];
  const count = reader.compact();
  for (let i = 0; i < count; i++) {
    const satoshis = reader.unsigned(8);
    const script = hexOfBytes(reader.take(reader.compact()));
    outputs.push({ satoshis, script, kind: scriptKind(script) });
  }
  return outputs;
}

/** The second half when its script part has `length` bytes; null if it then does not add up. */
function readTail(bytes: Uint8Array, length: number): { script: Uint8Array; outputs: CoinbaseOutput[] } | null {
  try {
    const reader = new Reader(bytes);
    const script = reader.take(length);
    reader.take(4); // sequence
    const outputs = readOutputs(reader);
    return reader.left() === 4 ? { script, outputs } : null; // lock time
  } catch {
    return null;
  }
}

function tagOf(...scripts: Uint8Array[]): string {
  const text = scripts
    .map((s) => Array.from(s, (b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "\n")).join(""))
    .join("\n");
  return text.split("\n").filter((run) => run.length >= 4).join(" ");
}

export function readCoinbase(coinbase1: string, coinbase2: string): Coinbase | null {
  const head = bytesOfHex(coinbase1);
  const tail = bytesOfHex(coinbase2);
  if (!head || !tail) return null;
  try {
    const reader = new Reader(head);
    const declared = readHead(reader);
    if (declared === null) return null;
    const begin = reader.take(reader.left());
    for (let rest = declared - begin.length; rest >= 0; rest--) {
      const end = readTail(tail, rest);
      if (!end) continue;
      const pushed = 1 + (begin[0] ?? 0);
      return {
        height: heightOfScript(begin),
        tag: tagOf(begin.subarray(Math.min(pushed, begin.length)), end.script),
        extranonceBytes: declared - begin.length - rest,
        outputs: end.outputs,
      };
    }
  } catch {
    // Not a coinbase as Bitcoin has it; the raw hex is shown anyway.
  }
  return null;
}

export function formatBitcoin(satoshis: bigint): string {
  const text = satoshis.toString().padStart(9, "0");
  return `${text.slice(0, -8)}.${text.slice(-8)} BTC`;
}
