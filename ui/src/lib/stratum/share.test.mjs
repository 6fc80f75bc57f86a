// @vitest-environment node
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { hexOfBytes } from "@/lib/bytes";
import { sha256 } from "@/lib/sha256";
import { shareOf } from "./share";

const NOTIFY = ["job_id", "previous_block", "coinbase1", "coinbase2", "branches", "version", "nbits", "ntime", "clean_jobs"];
const SUBMIT = ["worker", "job_id", "extranonce2", "ntime", "nonce", "version_bits"];
const named = (names, values) => Object.fromEntries(values.map((value, i) => [names[i], value]));
const { vectors } = JSON.parse(await readFile(resolve("../tests/data/share-vectors.json"), "utf8"));

describe("SHA-256", () => {
  it.each([["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"], ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"], ["a".repeat(1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"]])("of %j", (text, hash) =>
    expect(hexOfBytes(sha256(new TextEncoder().encode(text)))).toBe(hash));
});

describe("shares whose hashes are known", () => {
  it.each(vectors.map((v) => [v.name, v]))("%s", (_name, vector) => {
    const share = shareOf({ job: named(NOTIFY, vector.notify), submit: named(SUBMIT, vector.submit), extranonce1: vector.extranonce1, versionMask: vector.version_mask ?? null });
    if (vector.expect.hash) expect(share.hash).toBe(vector.expect.hash);
    if (vector.expect.difficulty) expect(share.difficulty / vector.expect.difficulty).toBeCloseTo(1, 4);
  });
  it("are none with an extranonce2 of another length", () => {
    const [vector] = vectors.filter((v) => v.expect.hash);
    const parts = { job: named(NOTIFY, vector.notify), submit: named(SUBMIT, vector.submit), extranonce1: vector.extranonce1, versionMask: vector.version_mask ?? null };
    const size = parts.submit.extranonce2.length / 2;
    expect(shareOf({ ...parts, extranonce2Size: size }).hash).toBe(vector.expect.hash);
    expect(shareOf({ ...parts, extranonce2Size: size + 1 })).toBeNull();
  });
  it("are none with fields that are no hex", () => expect(shareOf({ job: {}, submit: {}, extranonce1: "zz", versionMask: null })).toBeNull());
});
