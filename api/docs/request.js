/** A request as the form says it: its URL, its body, as a curl command, and what comes back. */
import { make } from "./dom.js";

const SHOWN_BYTES = 200_000;
const SHOWN_FRAMES = 100;

/** Reads a form whose fields are named "path:id", "query:limit", "body". */
export function requestOf(operation, form) {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const field of form.elements) {
    const [where, name] = field.name.split(/:(.*)/);
    if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(field.value));
    if (where === "query" && field.value !== "") query.set(name, field.value);
  }
  const url = query.size || [...query].length ? `${path}?${query}` : path;
  const body = operation.method === "post" ? form.elements.body?.value.trim() || "{}" : null;
  return { method: operation.method.toUpperCase(), url, body };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curlOf({ method, url, body }) {
  const parts = ["curl"];
  if (method !== "GET") parts.push("-X", method);
  parts.push("-H", '"Authorization: Bearer $API_TOKEN"');
  if (body !== null) parts.push("-H", quoted("Content-Type: application/json"), "-d", quoted(body));
  parts.push(quoted(location.origin + url));
  return parts.join(" ");
}

function bytesText(count) {
  return count < 10_000 ? `${count} bytes` : `${(count / 1000).toFixed(0)} kB`;
}

/** As much of a body as can be shown; the rest is not fetched. */
async function readSome(response) {
  const reader = response.body?.getReader();
  const parts = [];
  let count = 0;
  let more = Boolean(reader);
  while (more && count < SHOWN_BYTES) {
    const { value, done } = await reader.read();
    more = !done;
    if (value) {
      parts.push(value);
      count += value.length;
    }
  }
  if (more) void reader.cancel();
  return { bytes: new Uint8Array(await new Blob(parts).arrayBuffer()), cut: more };
}

function bodyView(type, bytes) {
  if (!/json|text|yaml/.test(type)) return make("p", {}, "Not text. Open the link to keep it as a file.");
  let text = new TextDecoder().decode(bytes);
  try {
    if (type.startsWith("application/json")) text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Cut off, or a list of documents: shown as it came.
  }
  return make("pre", { tabindex: "0" }, text);
}

export async function send(request, output) {
  output.replaceChildren(make("p", { role: "status" }, "Waiting for the answer"));
  const begun = performance.now();
  try {
    const response = await fetch(request.url, {
      method: request.method,
      body: request.body,
      headers: request.body === null ? {} : { "Content-Type": "application/json" },
      credentials: "same-origin",
      cache: "no-store",
    });
    const { bytes, cut } = await readSome(response);
    const took = Math.round(performance.now() - begun);
    const type = response.headers.get("Content-Type") ?? "";
    const size = `${cut ? "more than " : ""}${bytesText(bytes.length)}`;
    output.replaceChildren(
      make("p", { role: "status", class: response.ok ? "good" : "bad" },
        make("strong", {}, `${response.status} ${response.statusText}`), ` ${took} ms, ${size}, ${type}`),
      bodyView(type, bytes),
    );
    return response.status;
  } catch (fault) {
    output.replaceChildren(make("p", { role: "alert", class: "bad" }, `No answer: ${fault.message}`));
    return 0;
  }
}

/** Follows a WebSocket until the button is pressed again. Returns what ends it. */
export function follow(request, output) {
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + request.url);
  const state = make("p", { role: "status" }, "Connecting");
  const frames = make("pre", { tabindex: "0" });
  let count = 0;
  output.replaceChildren(state, frames);
  socket.onopen = () => { state.textContent = "Connected. Frames come as messages pass."; };
  socket.onmessage = ({ data }) => {
    count += 1;
    frames.prepend(`${data}\n`);
    while (frames.childNodes.length > SHOWN_FRAMES) frames.lastChild.remove();
    state.textContent = `Connected. ${count} frames, newest first.`;
  };
  socket.onclose = () => { state.textContent = count ? `Ended after ${count} frames.` : "Refused, or ended before a frame came."; };
  return () => socket.close();
}
