/** One endpoint: what it takes, what it answers, and a form to try it. */
import { line, make, prose } from "./dom.js";
import { curlOf, follow, requestOf, send } from "./request.js";
import { boundsOf, exampleOf, resolve, schemaView, typeOf } from "./schema.js";

function fieldOf(parameter) {
  const schema = resolve(parameter.schema);
  const attributes = { name: `${parameter.in}:${parameter.name}`, required: Boolean(parameter.required) };
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : null);
  if (choices) {
    const options = choices.map((value) => make("option", {}, value));
    const unset = schema.default === undefined ? "any" : `default: ${schema.default}`;
    return make("select", attributes, make("option", { value: "" }, unset), ...options);
  }
  const hint = parameter.example ?? schema.default ?? (schema.format === "date-time" ? "2026-11-22T13:00:00Z" : "");
  return make("input", { ...attributes, type: "text", placeholder: hint, autocomplete: "off", spellcheck: "false" });
}

function parameterRow(parameter) {
  const schema = resolve(parameter.schema);
  const bounds = [typeOf(parameter.schema), boundsOf(schema)].filter(Boolean).join(", ");
  return make("label", { class: "parameter" },
    make("code", {}, parameter.name),
    fieldOf(parameter),
    make("span", { class: "what" }, line(parameter.description), " ", make("span", { class: "type" }, bounds)));
}

function bodyPart(operation) {
  const body = resolve(operation.requestBody);
  const schema = body.content?.["application/json"]?.schema;
  if (!schema) return [];
  const example = JSON.stringify(exampleOf(schema) || {}, null, 2);
  const area = make("textarea", { name: "body", rows: Math.min(10, example.split("\n").length + 1), spellcheck: "false" });
  area.value = body.required === false ? "{}" : example;
  return [make("h4", {}, "Body"), schemaView(schema, true), make("label", {}, "JSON to send ", area)];
}

function responsePart([code, node]) {
  const response = resolve(node);
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
  const types = Object.keys(response.content ?? {}).join(", ");
  const good = /^[12]/.test(code);
  const head = make("summary", {}, make("code", { class: good ? "good" : "bad" }, code), " ", line(response.description));
  const details = make("details", { class: "response", open: good }, head, make("p", { class: "type" }, types));
  if (type === "application/json") details.append(schemaView(content.schema));
  return details;
}

function tryPart(operation, form, onDenied) {
  const output = make("div", { class: "output" });
  const curl = make("code", { class: "curl" });
  const link = make("a", { target: "_blank" }, "Open as a link");
  const socket = "101" in operation.responses;
  const button = make("button", {}, socket ? "Follow" : "Send");
  let stop = null;
  const show = () => {
    const request = requestOf(operation, form);
    curl.textContent = curlOf(request);
    link.href = request.url;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const request = requestOf(operation, form);
    if (socket) {
      stop = stop ? stop() : follow(request, output);
      button.textContent = stop ? "Stop" : "Follow";
    } else if ((await send(request, output)) === 401 && operation.path !== "/api/login") {
      onDenied();
    }
  });
  const extras = operation.method === "get" && !socket ? [" ", link] : [];
  form.append(make("p", { class: "send" }, button, ...extras), socket ? "" : make("p", {}, curl), output);
  show();
}

function fill(section, operation, onDenied) {
  const form = make("form", { class: "try", autocomplete: "off" });
  const parameters = (operation.parameters ?? []).map(resolve);
  if (operation.description) section.append(prose(operation.description));
  if (parameters.length) form.append(make("h4", {}, "Parameters"), ...parameters.map(parameterRow));
  form.append(...bodyPart(operation));
  tryPart(operation, form, onDenied);
  section.append(form, make("h4", {}, "Answers"), ...Object.entries(operation.responses).map(responsePart));
}

/** Filled when it is opened first. */
export function operationView(operation, onDenied) {
  const summary = make("summary", {},
    make("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
    make("code", { class: "path" }, operation.path),
    make("span", { class: "gist" }, operation.summary));
  const view = make("details", { class: "operation", id: operation.operationId }, summary);
  view.addEventListener("toggle", () => {
    if (view.open && view.children.length === 1) fill(view, operation, onDenied);
  });
  return view;
}
