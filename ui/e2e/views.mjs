// Drives the page in a real browser: `node e2e/views.mjs URL TOKEN`, where URL is an API of canned
// answers (tests/integration/ui_api.py). Prints a line for each thing that holds; exits 1 at the
// first that does not.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [url, token] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, bypassCSP: true });
const page = await context.newPage();
const foreign = [];
const errors = [];
page.on("request", (request) => !request.url().startsWith(url) && foreign.push(request.url()));
page.on("pageerror", (error) => errors.push(error.message));

async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

async function accessible() {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
  assert.deepEqual(serious.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 160))]), []);
}

const rows = () => page.locator("[role=row][aria-selected]");

await check("the token is asked for, and a wrong one refused", async () => {
  await page.goto(url);
  await page.getByLabel("Access token").fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("That is not the token.").waitFor();
  await page.getByLabel("Access token").fill(token);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
});

await check("requests and answers share a row, with verdict and latency", async () => {
  await rows().first().waitFor();
  const submit = page.locator("[role=row]", { hasText: "mining.submit" }).filter({ hasText: "accepted" }).first();
  assert.match(await submit.innerText(), /\d ms/);
});

await check("messages are counted as they come; a pause holds the view and tells how many wait", async () => {
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=total]")?.textContent) > 5);
  await page.getByRole("button", { name: "Pause" }).click();
  const first = await rows().first().innerText();
  await page.getByRole("button", { name: /Resume · \d+ new/ }).waitFor();
  assert.equal(await rows().first().innerText(), first);
  await page.getByRole("button", { name: /Resume/ }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
});

await check("filters go into the URL and come from it", async () => {
  await page.getByLabel("Method").fill("mining.notify");
  await page.waitForURL(/method=mining\.notify/);
  await page.goto(`${url}/archive?method=mining.notify`);
  await rows().first().waitFor();
  for (const text of await rows().allInnerTexts()) assert.match(text, /mining\.notify/);
});

await check("a message opens by keyboard, decoded and in hex, and closes by Esc", async () => {
  await page.keyboard.press("j");
  const drawer = page.getByRole("complementary", { name: "Message" });
  await drawer.getByText("900,000").waitFor();
  await page.waitForURL(/message=/);
  await drawer.getByRole("tab", { name: "Hex" }).click();
  await drawer.getByText("000010").waitFor();
  await accessible();
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
});

await check("what a miner calls itself stays text", async () => {
  await page.goto(`${url}/sessions`);
  await page.getByText("<img src=x onerror").first().waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

await check("a session shows its figures and its messages", async () => {
  await page.getByText("bosminer-plus/0.9").click();
  await page.getByText("Shares accepted").waitFor();
  await page.getByRole("grid", { name: "Messages of this session" }).getByText("mining.submit").first().waitFor();
});

await check("dragging across the overview chooses a range", async () => {
  await page.goto(`${url}/archive`);
  const box = await page.locator(".u-over").boundingBox();
  await page.mouse.move(box.x + 200, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + 400, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
});

for (const scheme of ["dark", "light"]) {
  await check(`nothing serious for axe, ${scheme}, on every view`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    for (const path of ["/?errors=true", "/sessions", "/archive", "/status"]) {
      await page.goto(url + path);
      await page.waitForLoadState("networkidle").catch(() => {});
      await accessible();
    }
  });
}

await check("a phone scrolls no view sideways", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of ["/", "/sessions", "/archive", "/status"]) {
    await page.goto(url + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, path);
  }
});

await check("no request leaves the page's own origin, and no script failed", async () => {
  assert.deepEqual([foreign, errors], [[], []]);
});
await browser.close();
