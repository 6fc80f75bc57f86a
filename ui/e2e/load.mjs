// The live view under load: `node e2e/load.mjs URL TOKEN SECONDS RATE`. The test that starts this
// (tests/integration/test_ui_load.py) lets messages pass at that rate, and tells how many it were. The
// machine may be busy with other work: delays are printed, shares and counts are what has to hold.
import assert from "node:assert/strict";
import { ask, check, open, rows } from "./browser.mjs";

const [url, token, seconds, rate] = process.argv.slice(2);
const { browser, context, page, seen } = await open(url);
const cdp = await context.newCDPSession(page);
const heap = async () => {
  await cdp.send("HeapProfiler.collectGarbage");
  return (await cdp.send("Runtime.getHeapUsage")).usedSize;
};
/** Seconds of a processor that the page's own thread has used; whatever else the machine does. */
const used = async () => (await cdp.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
const percentile = (values, share) => values.sort((a, b) => a - b)[Math.floor(values.length * share)];
/** From a key to the paint that shows it, as the page itself sees it. */
const paint = (of) => of.evaluate(() => new Promise((done) => {
  const begin = performance.now();
  setTimeout(() => requestAnimationFrame(() => done(performance.now() - begin)), 0);
}));
const total = async () => Number((await page.getByTestId("total").innerText()).replaceAll(",", ""));

// Something to compare with: a page in the same browser on which nothing happens.
const idle = await context.newPage();
await page.bringToFront();
await cdp.send("Performance.enable", { timeDomain: "threadTicks" });

await check("it takes a token before much is loaded", async () => {
  const sizes = [];
  const note = async (response) => sizes.push((await response.body().catch(() => "")).length);
  page.on("response", note);
  await page.goto(url);
  await page.getByLabel("Access token").fill(token);
  page.off("response", note);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`   ${sizes.length} answers of ${bytes} bytes until it takes a token`);
  assert.ok(sizes.length < 20 && bytes < 900_000, `${sizes.length} answers, ${bytes} bytes`);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
  await ask("traffic");
  await rows(page).first().waitFor();
  await page.waitForTimeout(3000); // the rate is taken over some seconds
});

await check(`${rate} messages a second leave the page quick`, async () => {
  const [delays, others, heaps] = [[], [], []];
  const [counted, worked, begin] = [await total(), await used(), Date.now()];
  const end = Date.now() + Number(seconds) * 1000;
  while (Date.now() < end) {
    delays.push(await paint(page));
    others.push(await paint(idle));
    await page.waitForTimeout(200);
    if (delays.length % 100 === 0) heaps.push(Math.round((await heap()) / 2 ** 20));
  }
  console.log(`   heap on the way: ${heaps.join(", ")} MiB`);
  const passed = (Date.now() - begin) / 1000;
  const share = (await used() - worked) / passed;
  const shown = Number((await page.getByTestId("rate").innerText()).replaceAll(",", ""));
  const real = (await total() - counted) / passed;
  const [late, elsewhere] = [delays, others].map((values) => percentile(values, 0.5));
  console.log(`   ${delays.length} tries, half within ${late.toFixed(0)} ms, on an idle page ${elsewhere.toFixed(0)} ms; 95 % within ${percentile(delays, 0.95).toFixed(0)} and ${percentile(others, 0.95).toFixed(0)} ms`);
  console.log(`   ${(100 * share).toFixed(0)} % of a processor; ${real.toFixed(0)} messages a second, ${shown} shown`);
  assert.ok(share < 0.4, "there is time left for who uses the page");
  assert.ok(real > 0 && Math.abs(shown - real) < real * 0.25, `${shown} messages a second shown, ${real} were`);
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
