// What the tests in a browser have in common: a page that is watched, and lines about what held.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function open(url) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const seen = { foreign: [], errors: [] };
  page.on("request", (request) => !request.url().startsWith(url) && !request.url().startsWith("blob:") && seen.foreign.push(request.url()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && seen.errors.push(message.text()));
  return { browser, context, page, seen };
}

/** Prints a line for each thing that holds; what does not ends the program. */
export async function check(name, run) {
  const begin = Date.now();
  try {
    await run();
  } catch (error) {
    console.log(`FAILED ${name}\n${error.stack}`);
    process.exit(1);
  }
  console.log(`ok ${name} (${Date.now() - begin} ms)`);
}

/** Run in a world of its own, which the page's policy does not reach. */
export async function accessible(page, where) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const run = async (expression) => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    assert.equal(exceptionDetails, undefined);
    return result.value;
  };
  await run(`${axe};0`);
  const violations = await run(`axe.run().then(({ violations }) => violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html.slice(0, 160))]))`);
  await session.detach();
  assert.deepEqual(violations.filter(([impact]) => ["serious", "critical"].includes(impact)), [], where);
}

export const rows = (page) => page.locator("[role=row][aria-selected]");

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test that started this do something outside the browser; gives what it answers. */
export async function ask(what) {
  console.log(`do ${what}`);
  return (await answers.next()).value;
}
