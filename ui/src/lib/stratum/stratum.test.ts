import { describe, expect, it } from "vitest";
import type { Message } from "@/lib/api/types";
import { testMessage } from "@/lib/live/test-messages";
import { formatBitcoin, heightOfCoinbase, heightOfScript, readCoinbase } from "./coinbase";
import { explainFields } from "./explain";
import { bitsSet, blockHash, difficultyOfBits, timeOfHex } from "./numbers";
import { answerText, methodOf, nameOf, summaryOf, verdictOf } from "./summary";

const HEAD = `0100000001${"00".repeat(32)}ffffffff`;
const PAYOUT = `0014${"11".repeat(20)}`;

describe("the coinbase of a job", () => {
  // 20 bytes of script: height and tag in front, 8 of extranonce, 5 of tag behind.
  const coinbase1 = `${HEAD}1403a0bb0d022f41`;
  const coinbase2 = `2f706f6f6cffffffff01${"be402d1300000000"}16${PAYOUT}00000000`;

  it("tells height, tag, extranonce and who is paid", () => {
    expect(readCoinbase(coinbase1, coinbase2)).toEqual({
      height: 900_000, tag: "/pool", extranonceBytes: 8,
      outputs: [{ satoshis: 321732798n, script: PAYOUT, kind: "P2WPKH" }],
    });
  });
  it("is not made up where the bytes do not add up", () => {
    expect(readCoinbase(coinbase1, coinbase2.slice(0, -2))).toBeNull();
    expect(readCoinbase("not hex", coinbase2)).toBeNull();
    expect(readCoinbase("", "")).toBeNull();
  });
  it("tells the height from its first half alone, and from its first bytes", () => {
    expect(heightOfCoinbase(coinbase1)).toBe(900_000);
    expect(heightOfCoinbase(`${coinbase1}${"00".repeat(50_000)} no hex`)).toBe(900_000);
    expect(heightOfCoinbase(`${HEAD}0151`)).toBe(1);
  });
  it("has no height where it is damaged", () => {
    const uneven = coinbase1.slice(0, -7);
    const damaged = [null, undefined, 7, {}, [], "", "0", "not hex", HEAD, `${HEAD}14`, uneven, `${HEAD}1403a0bb`, `${HEAD}14ff`, `${HEAD}fdff`, `01000000${"02"}${coinbase1.slice(10)}`, "f".repeat(64)];
    for (const coinbase of damaged) expect(heightOfCoinbase(coinbase), String(coinbase)).toBeNull();
  });
  it("has small heights as opcodes", () => expect(heightOfScript(new Uint8Array([0x51]))).toBe(1));
  it("is paid in bitcoin", () => expect(formatBitcoin(5n)).toBe("0.00000005 BTC"));
});

describe("numbers in hex", () => {
  it("are difficulties", () => {
    expect(difficultyOfBits("1d00ffff")).toBeCloseTo(1, 12);
    expect(difficultyOfBits("1b0404cb")).toBeCloseTo(16307.420938523983, 6); // the network in 2010
    expect(difficultyOfBits("1b00")).toBeNull();
  });
  it("are times", () => expect(timeOfHex("495fab29")).toBe("2009-01-03T18:15:05Z"));
  it("are hashes by words", () => expect(blockHash(`${"0".repeat(56)}deadbeef`)).toBe(`deadbeef${"0".repeat(56)}`));
  it("are bits", () => expect(bitsSet("20000006")).toEqual([29, 2, 1]));
});

describe("messages in a line", () => {
  it("say what was asked", () => {
    const raw = '{"id":1,"method":"mining.submit","params":["w.1","4f","00","6741a2b0","deadbeef"]}';
    expect(summaryOf(testMessage(1, { raw }))).toBe("w.1 · job 4f · nonce deadbeef");
  });
  it("say no nonce where a coin has something else in its place", () => {
    const share = (...params: unknown[]) => summaryOf(testMessage(1, { raw: JSON.stringify({ id: 1, method: "mining.submit", params }) }));
    expect(share("e", "j", "0x0123456789")).toBe("e · job j · nonce 0x0123456789");
    expect(share("z", "j", "6b040a81", "0102", "fd4005000102")).toBe("z · job j");
    expect(share("r", "j", "0xbadcafe", "0x01", "0x02")).toBe("r · job j");
  });
  it("say of a job which block it is for, and whether it is clean", () => {
    const job = (...params: unknown[]) => summaryOf(testMessage(1, { raw: JSON.stringify({ id: null, method: "mining.notify", params }) }));
    const coinbase1 = `${HEAD}1403a0bb0d022f41`;
    const branches = Array.from({ length: 14 }, () => "22".repeat(32));
    expect(job("a", "00", coinbase1, "00", branches, "20000000", "17028c61", "6b040a81", true)).toBe("job a · block 900,000 · clean · 14 branches");
    expect(job("a", "00", coinbase1, "00", ["22"], "20000000", "17028c61", "6b040a81", false)).toBe("job a · block 900,000 · 1 branch");
    expect(job("a", "00", coinbase1.slice(0, 20), "00", [], "20000000", "17028c61", "6b040a81", true)).toBe("job a · clean · 0 branches");
    expect(job(null, null, null, null, null, null, null, null, null)).toBe("job ");
    expect(job("a", "00", 5, "00", "none", 1, 2, 3, "true")).toBe("job a");
  });
  it("say what is wrong with them", () => expect(summaryOf(testMessage(1, { parse_error: "invalid JSON at byte 3" }))).toBe("invalid JSON at byte 3"));
  it("say what a lenient peer reads in lines that are no JSON", () => {
    const params = ["bj\\xf6rn.b", "5", "00000001", "6b040a81", "0000beef"];
    const share = testMessage(1, { method: null, raw: null, parse_error: "invalid UTF-8 at byte 9", decoded: { kind: "request", method: "mining.submit", params } });
    expect(summaryOf(share)).toBe("bj\\xf6rn.b · job 5 · nonce 0000beef · invalid UTF-8 at byte 9");
    expect([methodOf(share), methodOf(testMessage(1)), methodOf(testMessage(2))]).toEqual(["mining.submit", "mining.submit", null]);
  });
  it("say what an answer is that no text can hold", () => {
    const refused = { code: 21, text: "f\\xfcr" };
    const answer = testMessage(2, { raw: null, parse_error: "invalid UTF-8 at byte 9", decoded: { kind: "response", error: [21, "f\\xfcr", null], refused } });
    expect([nameOf(answer), summaryOf(answer), verdictOf(answerText(answer))?.ok]).toEqual(["answer", "f\\xfcr (21) · invalid UTF-8 at byte 9", false]);
  });
  it("name what is in a batch, and in a line of several", () => {
    const batch: NonNullable<Message["decoded"]>[] = [{ kind: "request", method: "mining.subscribe" }, { kind: "response", refused: {} }, { kind: "response", result: true }, { kind: "other", value: 7 }];
    const some = (count: number, parse_error: string | null) => {
      const message = testMessage(1, { method: null, is_request: false, raw: "[…]", parse_error, decoded: { kind: "other", batch: batch.slice(0, count) } });
      return [nameOf(message), summaryOf(message)];
    };
    expect(some(4, null)).toEqual(["batch of 4", "mining.subscribe, refusal, answer, other"]);
    expect(some(2, "invalid JSON at byte 8")).toEqual(["batch of 2", "mining.subscribe, refusal · invalid JSON at byte 8"]);
  });
  it("say that they are pieces of a long line", () => {
    const piece = testMessage(1, { method: null, is_request: false, raw: '"aa', fragment: 1 });
    expect([nameOf(piece), summaryOf(piece)]).toEqual(["part of a line", 'part 2 of a line · "aa']);
    expect(nameOf({ ...piece, method: "mining.notify" })).toBe("mining.notify");
  });
  it("are never longer than can be seen", () => {
    const long = "x".repeat(100_000);
    for (const raw of [long, `{"a":"${long}"}`, JSON.stringify({ method: "mining.authorize", params: [long] }), JSON.stringify({ method: "mining.surprise", params: [long] })]) {
      expect(summaryOf(testMessage(1, { raw })).length).toBeLessThan(500);
    }
    expect(verdictOf(JSON.stringify({ result: [long], error: null }))?.text.length).toBeLessThan(500);
  });
  it("survive every shape", () => {
    for (const raw of ["1", "null", "[]", "{}", '{"method":"mining.notify"}', '{"method":"mining.submit","params":{"a":1}}', "{"]) expect(typeof summaryOf(testMessage(1, { raw }))).toBe("string");
  });
  it.each([
    ['{"result":true,"error":null}', true, "accepted"],
    ['{"result":null,"error":[21,"Job not found",null]}', false, "Job not found (21)"],
    ['{"result":null,"error":{"code":-1,"message":"no"}}', false, "no (-1)"],
    ['{"result":false,"error":null,"reject-reason":"stale"}', false, "stale"],
    ['{"result":true,"error":null,"reject-reason":"stale"}', false, "stale"],
    ['{"result":true,"error":""}', true, "accepted"],
    ['{"result":true,"error":[]}', true, "accepted"],
    ['{"result":true,"error":{}}', true, "accepted"],
    ['{"result":true,"error":0}', false, "refused (0)"],
    ['{"result":null,"error":["Job not found",123456789012345678901]}', false, "Job not found (123456789012345678901)"],
    ['{"result":null,"error":"busy"}', false, "busy"],
  ])("judge %s", (raw, ok, text) => expect(verdictOf(raw)).toEqual({ ok, text }));
});

describe("fields", () => {
  it("are read and explained", () => {
    const [bits, other] = explainFields("mining.notify", { nbits: "1b0404cb", surprise: { a: 1 } });
    expect(bits).toMatchObject({ reading: "network difficulty 16.3 k", note: expect.stringContaining("Target") });
    expect(other).toEqual({ name: "surprise", value: '{"a":1}', reading: null, note: null });
  });
});
