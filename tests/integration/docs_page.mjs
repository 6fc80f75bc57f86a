// Drives /docs in a real browser: `node docs_page.mjs MODULES URL TOKEN SESSION`, where MODULES is a
// folder with playwright-core and axe-core. Exits 1 at the first thing that does not hold.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const [modules, url, token, session] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const { chromium } = load("playwright-core");
const axe = await readFile(load.resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const foreign = [];
const errors = [];

async function open(width, colorScheme, bypassCSP = false) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, bypassCSP });
  const page = await context.newPage();
  page.on("request", (request) => !request.url().startsWith(url) && foreign.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && !/Failed to load resource/.test(line.text()) && errors.push(line.text()));
  return page;
}

async function check(name, run) {
  await run();
  console.log(`ok ${name}`);
}

const page = await open(1280, "light");

await check("all endpoints are there, by group", async () => {
  await page.goto(`${url}/docs`);
  await page.locator("details.operation").first().waitFor();
  assert.ok((await page.locator("details.operation").count()) >= 28);
  assert.equal(await page.locator("details.operation").count(), await page.locator("nav section a").count());
});

await check("without the token an answer is 401, and the token is asked for", async () => {
  await page.locator("#listSessions > summary").click();
  await page.locator("#listSessions").getByRole("button", { name: "Send" }).click();
  await page.locator("#listSessions .output").getByText("401").waitFor();
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("Not logged in").waitFor();
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.locator("#token").waitFor({ state: "hidden" });
});

await check("a request is tried with the parameters of its form", async () => {
  const form = page.locator("#listSessions form");
  await form.getByLabel("limit").fill("1");
  await form.getByLabel("state").selectOption("open");
  assert.match(await form.locator(".curl").innerText(), /sessions\?state=open&limit=1'$/);
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator(".output pre", { hasText: session }).waitFor();
  assert.match(await form.locator(".output [role=status]").innerText(), /^200 .* ms/);
  await form.getByLabel("limit").fill("<b>");
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator(".output pre", { hasText: "limit: <b>" }).waitFor();
});

await check("an address with # opens its endpoint; what is sent stands in a body", async () => {
  await page.evaluate(() => { location.hash = "#setRepeatCount"; });
  const form = page.locator("#setRepeatCount form");
  await form.locator("[name='path:id']").fill(session);
  await form.getByLabel("JSON to send").fill('{"repeat_count": 9}');
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator(".output pre", { hasText: '"repeat_count": 9' }).waitFor();
});

await check("schemas open level by level", async () => {
  await page.locator("nav a[href='#getMessage']").click();
  await page.locator("#getMessage .schema summary", { hasText: "decoded" }).first().click();
  await page.locator("#getMessage .members .members", { hasText: "refused" }).first().waitFor();
});

await check("messages are followed over the WebSocket", async () => {
  await page.locator("nav a[href='#followMessages']").click();
  const form = page.locator("#followMessages form");
  await form.getByRole("button", { name: "Follow" }).click();
  await form.getByText("Connected").waitFor();
  await form.getByRole("button", { name: "Stop" }).click();
  await form.getByText(/Ended|Refused/).waitFor();
});

await check("the list of endpoints is searched", async () => {
  await page.getByLabel("Find an endpoint").fill("post export");
  await page.waitForFunction(() => [...document.querySelectorAll("nav section a")].filter((a) => !a.hidden).length === 1);
});

for (const [width, scheme] of [[1280, "light"], [1280, "dark"], [390, "dark"]]) {
  await check(`nothing serious for a screen reader, and nothing beside the page: ${width}, ${scheme}`, async () => {
    const other = await open(width, scheme, true);
    await other.goto(`${url}/docs#listMessages`);
    await other.locator("#listMessages form").waitFor();
    await other.evaluate(axe);
    const { violations } = await other.evaluate(() => window.axe.run());
    const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
    assert.deepEqual(serious.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 160))]), []);
    assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  });
}

assert.deepEqual(foreign, []);
assert.deepEqual(errors, []);
await browser.close();
