// Every view against the real programs: `node e2e/live.mjs URL TOKEN FOLDER`. The test that starts
// this (tests/integration/test_ui_live.py) plays miners and the operator: see ask().
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessible, ask, check, open, rows } from "./browser.mjs";

const [url, token, folder] = process.argv.slice(2);
const { browser, page, seen } = await open(url);
const drawer = page.getByRole("complementary", { name: "Message" });
const api = async (path) => (await page.request.get(url + path)).json();

async function login() {
  await page.getByLabel("Access token").fill(token);
  await page.getByRole("button", { name: "Open" }).click();
}

/** Clicks on a download and gives the bytes; the file is left in the folder. */
async function download(link, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), link.click()]);
  assert.equal(await file.failure(), null);
  await file.saveAs(`${folder}/${name}`);
  return readFile(`${folder}/${name}`);
}

await check("the token is asked for, and a wrong one refused", async () => {
  await page.goto(url);
  await page.getByLabel("Access token").fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("That is not the token.").waitFor();
  await accessible(page, "login");
  await login();
  await page.getByText("Connected", { exact: true }).waitFor();
});

await check("with nothing recorded it tells where to point a miner", async () => {
  await page.getByText(`stratum+tcp://127.0.0.1:${await ask("listen-port")}`).waitFor();
});

await check("an archive that is empty shows the first messages when they come", async () => {
  await page.goto(`${url}/archive`);
  await page.getByText("The archive is empty").waitFor();
  await ask("miners");
  await rows(page).first().waitFor();
  await page.getByTestId("archive-total").getByText(/^[1-9]/).waitFor();
  await page.goto(url);
});

await check("a miner's first messages appear; requests and answers share a row", async () => {
  const submit = page.locator("[role=row]", { hasText: "mining.submit" }).filter({ hasText: "accepted" }).first();
  await submit.waitFor();
  assert.match(await submit.innerText(), /\d [mµ]?s/);
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=total]")?.textContent.replaceAll(",", "")) > 10);
});

await check("what is followed by method has its answers", async () => {
  await page.goto(`${url}/?method=mining.submit`);
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=total]")?.textContent) > 3);
  await page.getByRole("button", { name: "Pause" }).click();
  for (const text of await rows(page).allInnerTexts()) assert.match(text, /mining\.submit/);
  await page.locator("[role=row]", { hasText: "accepted" }).first().waitFor();
});

await check("a session is chosen by its worker's name, or a part of its id", async () => {
  const { items } = await api("/api/sessions?state=open");
  const [second, third] = ["bc1q.rack1.2", "bc1q.rack1.3"].map((name) => items.find((session) => session.workers.includes(name)).session_id);
  await page.goto(`${url}/archive`);
  const input = page.getByRole("combobox", { name: "Session or worker" });
  await input.fill("bc1q.rack1.2");
  await page.waitForURL((where) => where.searchParams.get("session_id") === second);
  await page.waitForFunction((id) => document.querySelector("[aria-label='Session or worker']").value === id, second);
  await input.fill(third.slice(-7));
  await page.waitForURL((where) => where.searchParams.get("session_id") === third);
  await rows(page).first().waitFor();
  await input.fill("bc1q.rack1");
  await page.getByText(/^3 sessions: which one\?$/).waitFor();
  await input.fill("nobody");
  await page.getByText("no such session or worker").waitFor();
  assert.equal(new URL(page.url()).searchParams.get("session_id"), third);
  await input.fill("");
  await page.waitForURL((where) => !where.searchParams.has("session_id"));
  await page.getByText("no such session or worker").waitFor({ state: "hidden" });
});

await check("filters go into the URL and come from it", async () => {
  await page.goto(url);
  await rows(page).first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("mining.notify");
  await page.waitForURL(/q=mining\.notify/);
  await page.goto(`${url}/archive?method=mining.notify`);
  await rows(page).first().waitFor();
  for (const text of await rows(page).allInnerTexts()) assert.match(text, /mining\.notify/);
});

await check("a job opens by keyboard, explained and in hex, and closes by Esc", async () => {
  await page.keyboard.press("j");
  await drawer.getByText("Block height").waitFor();
  await drawer.getByText("900,0").first().waitFor();
  await page.waitForURL(/message=/);
  await drawer.getByRole("tab", { name: "Hex" }).click();
  await drawer.getByText("000010").waitFor();
  await accessible(page, "drawer");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
});

await check("answers that took long are found, live and in the archive, on one row with what was asked", async () => {
  for (const path of ["/", "/archive"]) {
    await page.goto(url + path);
    const input = page.getByRole("textbox", { name: "Latency in milliseconds" });
    await input.fill("soon");
    await page.locator("[aria-label='Latency in milliseconds'][aria-invalid=true]").waitFor();
    await input.fill("0.001-60000");
    await page.waitForURL(/latency_min_ms=0\.001&latency_max_ms=60000/);
    await page.locator("[role=row]", { hasText: "mining.submit" }).filter({ hasText: /\d [mµ]?s/ }).first().waitFor();
    await input.fill(">60000");
    await page.waitForURL((where) => where.searchParams.get("latency_min_ms") === "60000" && !where.searchParams.has("latency_max_ms"));
    await page.getByText(path === "/" ? "Nothing fits these filters yet" : /^Nothing/).first().waitFor();
    await page.getByRole("button", { name: "Clear" }).first().click();
    await page.waitForFunction(() => document.querySelector("[aria-label='Latency in milliseconds']").value === "");
  }
});

await check("a message opens and closes as one step of the history, and the focus returns", async () => {
  await page.goto(`${url}/archive?method=mining.notify`);
  await rows(page).nth(2).click();
  await drawer.getByRole("tab", { name: "Raw" }).click();
  await page.keyboard.press("k");
  await page.goBack();
  await drawer.waitFor({ state: "detached" });
  assert.match(page.url(), /\/archive\?method=mining\.notify$/);
  await rows(page).nth(2).click();
  await drawer.getByRole("button", { name: "Close message" }).click();
  await drawer.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "rowgroup");
  await page.waitForURL(/\/archive\?method=mining\.notify$/);
});

await check("a message leads to what was said around it, and to its session", async () => {
  const [message] = (await api("/api/messages?method=mining.submit&limit=1")).items;
  await page.goto(`${url}/archive?message=${message.id}`);
  await drawer.getByRole("link", { name: "around it" }).click();
  await page.waitForURL(/from=.*to=.*message=/);
  await page.locator("[role=row][aria-selected=true]").waitFor();
  await drawer.getByRole("link", { name: "only this session" }).click();
  await page.waitForURL((where) => where.searchParams.get("session_id") === message.session_id && !where.searchParams.has("from"));
  await page.locator("[role=row][aria-selected=true]").waitFor();
  await page.goto(`${url}/archive`);
  await page.getByRole("button", { name: /show only this session/ }).first().click();
  await page.waitForURL(/session_id=[0-9a-f-]{36}$/);
});

await check("a link that says nonsense says so, and leads on", async () => {
  await page.goto(`${url}/archive?from=yesterday`);
  await page.getByRole("alert").getByText("'yesterday' is no time").waitFor();
  assert.equal(await page.getByRole("alert").count(), 1);
  await page.getByRole("button", { name: "Clear" }).click();
  await rows(page).first().waitFor();
  await page.goto(`${url}/?session_id=abcdef`);
  await page.getByRole("alert").getByText("'abcdef' is no UUID").waitFor();
});

await check("a button has its space; elsewhere it pauses", async () => {
  await page.goto(url);
  await rows(page).first().waitFor();
  await page.getByRole("button", { name: "Errors" }).focus();
  await page.keyboard.press("Space");
  await page.waitForURL(/errors=true/);
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.goto(url);
  await rows(page).first().waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: /Resume/ }).waitFor();
});

await check("a share tells its real difficulty, and that of its job", async () => {
  const message = (await api("/api/messages?method=mining.submit&limit=50")).items.find((m) => m.response?.result === true);
  await page.goto(`${url}/archive?method=mining.submit&message=${message.id}`);
  await drawer.getByRole("region", { name: "Share" }).getByText(/^00[0-9a-f]{62}$/).waitFor();
});

await check("a share is sent again, edited, and the pool's answer shown", async () => {
  const open = (await api("/api/sessions?state=open&limit=50")).items.find((s) => s.accepted > 0);
  const [message] = (await api(`/api/messages?method=mining.submit&session_id=${open.session_id}&limit=1`)).items;
  await page.goto(`${url}/archive?method=mining.submit&message=${message.id}`);
  await drawer.getByRole("tab", { name: "Replay & edit" }).click();
  await drawer.getByRole("button", { name: "Send again" }).click();
  await drawer.getByRole("status", { name: "The pool's answer" }).getByText(/uplicate|accepted|stale|not found/i).first().waitFor();
  const text = drawer.getByRole("textbox", { name: "The line as it is sent" });
  await text.fill("{ this is none");
  await drawer.getByRole("alert").waitFor();
  assert.ok(await drawer.getByRole("button", { name: "Send edited" }).isDisabled());
  await drawer.getByRole("button", { name: "As it was" }).click();
  await drawer.getByRole("group", { name: "Fields of the share" }).getByLabel("Nonce", { exact: true }).fill("00000001");
  assert.equal(JSON.parse(await text.inputValue()).params[4], "00000001");
  await drawer.getByRole("button", { name: "Send edited" }).click();
  await drawer.getByRole("status", { name: "The pool's answer" }).waitFor();
  await accessible(page, "replay");
});

await check("what a miner calls itself stays text", async () => {
  await page.goto(`${url}/sessions`);
  await page.getByText("<img src=x onerror").first().waitFor();
  await page.getByText("<script>").first().waitFor();
  await page.goto(`${url}/archive?q=onerror`);
  await rows(page).first().waitFor();
  await rows(page).first().click();
  await drawer.getByRole("tab", { name: "Raw" }).click();
  await drawer.getByText("onerror").first().waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

await check("sessions are found by worker, state and source", async () => {
  await page.goto(`${url}/sessions`);
  await page.getByLabel("Find a session").fill("rack1.2");
  await page.waitForURL(/q=rack1\.2/);
  await page.getByText("1 open, 0 closed").waitFor();
  await page.getByLabel("State").selectOption("closed");
  await page.getByText("No session fits").waitFor();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText("rack1.1").first().waitFor();
});

await check("how the list is sorted stands in its address; a link leads there once", async () => {
  await page.getByRole("button", { name: "Rejected" }).click();
  await page.waitForURL(/sort=-rejected/);
  await page.locator("tbody tr").first().getByRole("link").click();
  await page.waitForURL(/\/sessions\/[0-9a-f-]{36}$/);
  await page.goBack();
  await page.waitForURL(/\/sessions\?sort=-rejected$/);
  await page.locator("th[aria-sort=descending]", { hasText: "Rejected" }).waitFor();
});

await check("the list tells hashrate and latency, and has a session's switches", async () => {
  const row = page.locator("tbody tr", { hasText: "rack1.1" }).first();
  await row.getByText(/[0-9.]+ [kMG]?H\/s/).waitFor();
  await row.getByText(/\d [mµ]?s$/).waitFor();
  await row.getByRole("button", { name: "Broadcast" }).click();
  await row.getByRole("button", { name: "Broadcast", pressed: true }).click();
  await row.getByRole("button", { name: "Broadcast", pressed: false }).waitFor();
  await row.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  assert.match(page.url(), /\/sessions(\?|$)/);
});

await check("a session from its first message to its end", async () => {
  await page.goto(`${url}/sessions?q=newcomer`);
  await page.getByText("No session fits").waitFor();
  await ask("newcomer");
  await page.locator("tr", { hasText: "newcomer" }).getByRole("link").click();
  const share = page.getByText("Shares accepted").locator("..");
  await share.getByText(/^[1-9]\d*$/).waitFor();
  await page.getByRole("img", { name: "Shares over time" }).locator("canvas").waitFor();
  await page.getByRole("img", { name: "Latency over time" }).locator("canvas").waitFor();
  await page.getByRole("grid", { name: "Messages of this session" }).getByText("mining.submit").first().waitFor();
  await page.getByRole("tab", { name: "Jobs" }).click();
  await page.getByRole("region", { name: "Jobs" }).getByText("900,0").first().waitFor();
  await page.getByRole("tab", { name: "Events" }).click();
  await page.waitForURL(/tab=events/);
  await page.reload();
  await page.getByRole("region", { name: "Events" }).locator("tbody tr").first().waitFor();
  await accessible(page, "session");
  await ask("newcomer-leaves");
  await page.getByText("closed", { exact: true }).first().waitFor();
  await page.getByText("Ended").waitFor();
});

await check("broadcast, repeat count, automatic replay and its count are set, and stay", async () => {
  const [session] = (await api("/api/sessions?q=rack1.1&state=open")).items;
  await page.goto(`${url}/sessions/${session.session_id}`);
  await page.getByRole("switch", { name: "Broadcast" }).click();
  await page.getByLabel("Repeat count").fill("1001");
  assert.equal(await page.getByLabel("Repeat count").getAttribute("aria-invalid"), "true");
  await page.getByLabel("Repeat count").fill("7");
  await page.getByLabel("Repeat count").press("Enter");
  await page.getByLabel("Times each").fill("2");
  await page.getByLabel("Times each").press("Enter");
  await page.waitForTimeout(300);
  await page.getByRole("switch", { name: "Replay shares automatically" }).click();
  await page.getByRole("status").getByText(/[1-9]\d* sent/).waitFor();
  await page.reload();
  await page.getByRole("switch", { name: "Broadcast", checked: true }).waitFor();
  assert.equal(await page.getByLabel("Repeat count").inputValue(), "7");
  assert.equal(await page.getByLabel("Times each").inputValue(), "2");
  await page.getByRole("switch", { name: "Replay shares automatically", checked: true }).click();
  await page.getByRole("switch", { name: "Replay shares automatically", checked: false }).waitFor();
  await accessible(page, "controls");
});

await check("an open session's newest share is at hand, to be sent again", async () => {
  await page.getByRole("button", { name: "Replay a share" }).click();
  await drawer.getByRole("button", { name: "Send again" }).waitFor();
  await page.waitForURL(/view=replay/);
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
});

await check("a miner is disconnected, but only after a question", async () => {
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByText("open", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText("closed", { exact: true }).first().waitFor();
});

await check("refusals stand on one row with what was refused", async () => {
  await page.goto(`${url}/?errors=true`);
  await page.locator("[role=row]", { hasText: "mining.submit" }).filter({ hasText: /uplicate/ }).first().waitFor();
});

await check("dragging across the overview chooses a range, which is exported", async () => {
  await page.goto(`${url}/archive`);
  const box = await page.locator(".u-over").boundingBox();
  await page.mouse.move(box.x + 4, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 4, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  await rows(page).first().waitFor();
  const capture = await download(page.getByRole("link", { name: "pcapng" }), "range.pcapng");
  assert.equal(capture.readUInt32LE(0), 0x0a0d0d0a);
  const table = await download(page.getByRole("link", { name: "csv" }), "range.csv");
  assert.ok(table.toString().split("\n").length > 10);
  const lines = (await download(page.getByRole("link", { name: "ndjson" }), "range.ndjson")).toString().trim().split("\n");
  assert.ok(lines.length > 10 && lines.every((line) => JSON.parse(line)));
  await page.getByRole("button", { name: "Whole archive" }).click();
});

await check("a range is chosen from a list, and left again", async () => {
  await page.goto(`${url}/archive`);
  await page.getByRole("combobox", { name: "Choose a range" }).selectOption({ label: "Last hour" });
  await page.waitForURL(/from=2/);
  await rows(page).first().waitFor();
  await page.getByRole("button", { name: "Whole archive" }).click();
  await page.waitForURL((where) => !where.search.includes("from="));
});

await check("a range is typed, and the way back undoes a zoom", async () => {
  await page.getByRole("group", { name: "Range" }).getByLabel("From").fill("2001-01-01T03:12");
  await page.getByRole("group", { name: "Range" }).getByLabel("From").fill("2020-01-01T03:12");
  await page.waitForURL(/from=20(19|20)-/);
  await rows(page).first().waitFor();
  await page.getByRole("combobox", { name: "Choose a range" }).selectOption({ label: "Last hour" });
  await page.waitForURL((where) => !/from=20(19|20)-/.test(where.search) && where.search.includes("from="));
  await page.goBack();
  await page.waitForURL(/from=20(19|20)-/);
  await accessible(page, "range");
});

await check("an import is looked at as what was recorded here", async () => {
  const series = await ask("import");
  await page.goto(`${url}/archive`);
  await page.getByRole("combobox", { name: "Recording" }).selectOption(series);
  await page.waitForURL(new RegExp(`series=${series}`));
  await page.locator("[role=row]", { hasText: "mining.submit" }).first().click();
  await drawer.getByRole("link", { name: "only this session" }).click();
  await page.waitForURL((where) => where.searchParams.get("series") === series && where.searchParams.has("session_id"));
  await rows(page).first().waitFor();
  await page.goto(`${url}/sessions?series=${series}`);
  await page.locator("tbody tr").first().getByRole("link").click();
  await page.waitForURL(new RegExp(`/sessions/[0-9a-f-]{36}\\?series=${series}$`));
  await page.getByText("Imported as", { exact: true }).waitFor();
  for (const name of ["Search", "csv", "pcapng"]) assert.match(await page.getByRole("link", { name }).getAttribute("href"), new RegExp(`series=${series}`));
  await page.getByRole("grid", { name: "Messages of this session" }).getByText("mining.submit").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Disconnect" }).count(), 0);
  await accessible(page, "import");
});

await check("the status tells of recorder, disk, files and settings", async () => {
  await page.goto(`${url}/status`);
  for (const text of ["running", "Disk free", "Files of the archive", "Configuration in force"]) await page.getByText(text, { exact: true }).first().waitFor();
  assert.ok(!(await page.innerText("main")).includes(token));
});

await check("the API goes and comes again: the page says so, and misses nothing", async () => {
  await page.goto(url);
  await page.getByText("Connected", { exact: true }).waitFor();
  await ask("api-stops");
  await page.getByText(/Disconnected|Reconnecting/).waitFor();
  await ask("api-starts");
  await page.getByText("Connected", { exact: true }).waitFor();
  const before = await page.getByTestId("total").innerText();
  await page.waitForFunction((text) => document.querySelector("[data-testid=total]").textContent !== text, before);
});

await check("an API that hangs without a word is told within 10 s, on every view, and so is its return", async () => {
  await page.getByText("Connected", { exact: true }).waitFor();
  await ask("api-hangs");
  const since = Date.now();
  await page.getByText(/Disconnected|Reconnecting/).waitFor();
  await page.getByRole("alert").getByText("HashScope does not answer").waitFor();
  const seconds = (Date.now() - since) / 1000;
  assert.ok(seconds < 10.5, `${seconds} s`);
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.getByRole("alert").getByText("HashScope does not answer").waitFor();
  await ask("api-goes-on");
  await page.getByRole("alert").getByText("HashScope does not answer").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Live" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
});

for (const scheme of ["dark", "light"]) {
  await check(`nothing serious for axe, ${scheme}, on every view`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    for (const path of ["/", "/sessions", "/archive", "/status", "/nowhere"]) {
      await page.goto(url + path);
      await page.waitForTimeout(500);
      await accessible(page, path);
    }
  });
}

await check("a phone scrolls no view sideways", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  const [session] = (await api("/api/sessions?limit=1")).items;
  for (const path of ["/", "/sessions", `/sessions/${session.session_id}`, "/archive", "/status"]) {
    await page.goto(url + path);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, path);
    assert.equal(await page.evaluate(() => document.querySelector("main").scrollWidth), 390, path);
  }
});

await check("a new token is asked for", async () => {
  await ask("new-token");
  await page.goto(url);
  await page.getByLabel("Access token").waitFor();
});

await check("no request left the page's own origin, no script failed, nothing was against the policy", async () => {
  assert.deepEqual(seen, { foreign: [], errors: [] });
});
await browser.close();
process.exit(0);
