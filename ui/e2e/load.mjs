// The live view under load: `node e2e/load.mjs URL TOKEN SECONDS RATE`. The test that starts this
// (tests/integration/test_ui_load.py) lets messages pass at that rate, and tells how many it were.
import assert from "node:assert/strict";
import { ask, check, open, rows } from "./browser.mjs";

const [url, token, seconds, rate] = process.argv.slice(2);
const { browser, context, page, seen } = await open(url);
const cdp = await context.newCDPSession(page);
const heap = async () => {
  await cdp.send("HeapProfiler.collectGarbage");
  return (await cdp.send("Runtime.getHeapUsage")).usedSize;
};
/** What else a machine does that runs tests of its own beside this. */
const slack = process.env.CI ? 5 : 2;
const total = async () => Number((await page.getByTestId("total").innerText()).replaceAll(",", ""));

await check("it is there within a second", async () => {
  const begin = Date.now();
  await page.goto(url);
  await page.getByLabel("Access token").fill(token);
  const took = Date.now() - begin;
  console.log(`   ${took} ms until it takes a token`);
  assert.ok(took < 1000 * slack, `${took} ms`);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await ask("traffic");
  await rows(page).first().waitFor();
  await page.waitForTimeout(3000); // the rate is taken over some seconds
});

await check(`${rate} messages a second leave the page quick`, async () => {
  const delays = [];
  const heaps = [];
  const end = Date.now() + Number(seconds) * 1000;
  while (Date.now() < end) {
    // From a key to the paint that shows it, as the page itself sees it.
    delays.push(await page.evaluate(() => new Promise((done) => {
      const begin = performance.now();
      setTimeout(() => requestAnimationFrame(() => done(performance.now() - begin)), 0);
    })));
    await page.waitForTimeout(200);
    if (delays.length % 100 === 0) heaps.push(Math.round((await heap()) / 2 ** 20));
  }
  console.log(`   heap on the way: ${heaps.join(", ")} MiB`);
  delays.sort((a, b) => a - b);
  const late = delays[Math.floor(delays.length * 0.95)];
  console.log(`   ${delays.length} tries, 95 % within ${late.toFixed(0)} ms, longest ${delays.at(-1).toFixed(0)} ms`);
  assert.ok(late < 100, `${late} ms`);
  const shown = Number((await page.getByTestId("rate").innerText()).replaceAll(",", ""));
  assert.ok(Math.abs(shown - rate) < rate * 0.25, `${shown} messages a second`);
});

await check("a pause holds the view, and nothing is lost behind it", async () => {
  await page.getByRole("button", { name: "Pause" }).click();
  // Its answer may still join it.
  const newest = async () => (await rows(page).first().innerText()).split("\n").slice(0, 5);
  const first = await newest();
  const before = await total();
  await page.getByRole("button", { name: /Resume · [\d,]+ new/ }).waitFor();
  await page.waitForFunction((n) => Number(document.querySelector("[data-testid=total]").textContent.replaceAll(",", "")) > n, before);
  assert.deepEqual(await newest(), first);
  await page.getByRole("button", { name: /Resume/ }).click();
});

await check("memory stays within what the rows need", async () => {
  const used = await heap();
  const perMessage = used / (await total());
  console.log(`   ${(used / 2 ** 20).toFixed(0)} MiB for ${await total()} messages`);
  assert.ok(used < 400 * 2 ** 20 && perMessage < 20_000);
});

await check("it has counted every message", async () => {
  const all = Number(await ask("end"));
  await page.waitForFunction((n) => Number(document.querySelector("[data-testid=total]").textContent.replaceAll(",", "")) === n, all);
  console.log(`   ${all} messages`);
});

await check("all rows can be scrolled through", async () => {
  await page.getByRole("button", { name: "Pause" }).click();
  const count = Number(await page.getByRole("grid").getAttribute("aria-rowcount"));
  const body = page.locator("[role=rowgroup]");
  for (const part of [0.25, 0.5, 0.75, 1]) {
    await body.evaluate((element, share) => element.scrollTo(0, element.scrollHeight * share), part);
    await page.waitForFunction(([share, n]) => {
      const shown = [...document.querySelectorAll("[role=row][aria-selected]")].map((row) => Number(row.getAttribute("aria-rowindex")));
      return shown.some((index) => Math.abs(index - share * n) < 60);
    }, [part, count]);
  }
  assert.ok(await rows(page).count() < 120, "only the rows in sight exist");
  console.log(`   ${count} rows`);
});

await check("no script failed", async () => assert.deepEqual(seen, { foreign: [], errors: [] }));
await browser.close();
process.exit(0);
