/** The page: reads /openapi.yaml and shows it by groups; #operationId opens one endpoint. */
import { make, prose } from "./dom.js";
import { operationView } from "./operation.js";
import { setRoot } from "./schema.js";
import { parseYaml } from "./yaml.js";

const page = document.getElementById("page");
const contents = document.getElementById("contents");
const login = document.getElementById("token");

function operationsOf(api) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    ["get", "post", "put", "patch", "delete"].filter((method) => method in item).map((method) => ({
      ...item[method],
      path,
      method,
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])],
    })));
}

function askForToken() {
  login.hidden = false;
  login.elements.token.focus();
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  const notice = login.querySelector("[role=alert]");
  const response = await fetch("/api/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: login.elements.token.value }),
  }).catch(() => null);
  login.hidden = Boolean(response?.ok);
  login.elements.token.value = "";
  notice.textContent = response?.ok ? "" : `Not logged in: ${response ? (await response.json()).detail : "no answer"}`;
});

function entryOf(operation) {
  return make("a", { href: `#${operation.operationId}`, title: operation.summary },
    make("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
    operation.path.replace(/^\/api/, ""));
}

function show(api) {
  const operations = operationsOf(api);
  const groups = api.tags.map((tag) => {
    const own = operations.filter((operation) => operation.tags.includes(tag.name));
    contents.append(make("section", {}, make("h2", {}, tag.name), ...own.map(entryOf)));
    return make("section", { "aria-label": tag.name }, make("h2", {}, tag.name), prose(tag.description),
      ...own.map((operation) => operationView(operation, askForToken)));
  });
  page.replaceChildren(
    make("h1", {}, `${api.info.title} API`),
    make("p", { class: "type" }, `Version ${api.info.version}, OpenAPI ${api.openapi}: `,
      make("a", { href: "/openapi.yaml" }, "openapi.yaml")),
    prose(api.info.description),
    ...groups,
  );
}

function openChosen() {
  const chosen = document.getElementById(location.hash.slice(1));
  if (chosen?.classList.contains("operation")) {
    chosen.open = true;
    chosen.scrollIntoView();
  }
}

document.getElementById("find").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(/\s+/);
  for (const entry of contents.querySelectorAll("a")) {
    const text = `${entry.textContent} ${entry.title}`.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
  }
});

async function start() {
  try {
    const api = parseYaml(await (await fetch("/openapi.yaml")).text());
    setRoot(api);
    show(api);
    openChosen();
    addEventListener("hashchange", openChosen);
    const probe = await fetch("/api/config", { credentials: "same-origin" });
    if (probe.status === 401) login.hidden = false;
  } catch (fault) {
    page.append(make("p", { role: "alert", class: "bad" }, `It cannot be shown: ${fault.message}`));
  }
}

void start();
