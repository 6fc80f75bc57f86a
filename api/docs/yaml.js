/**
 * Reads the YAML that openapi.yaml is written in: block mappings and sequences, flow collections,
 * plain and quoted scalars, literal blocks (|), comments. Anything else is an error with its line;
 * a test holds the result against a full parser's.
 */
const KEY = /^('(?:[^']|'')*'|[^\s'"[\]{}#&*!|>%@`,-][^:]*?):(?:\s+(.*))?$/;

export function scalar(text) {
  if (text === "null" || text === "~" || text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+$/.test(text) || /^-?\d+\.\d+$/.test(text)) return Number(text);
  if (/^[&*!|>%@`]/.test(text)) throw new Error(`'${text}' is not supported`);
  return text;
}

const single = (text) => text.slice(1, -1).replaceAll("''", "'");

/** A value in [], {} or quotes, or a plain one, at the beginning of `text`. */
class Flow {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  blank() {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
    return this.text[this.at];
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) throw new Error(`malformed at '${this.text.slice(this.at, this.at + 30)}'`);
    this.at = pattern.lastIndex;
    return found[0];
  }

  quoted() {
    if (this.text[this.at] === "'") return single(this.take(/'(?:[^']|'')*'/y));
    return JSON.parse(this.take(/"(?:[^"\\]|\\.)*"/y));
  }

  value() {
    const first = this.blank();
    if (first === "[") return this.list();
    if (first === "{") return this.map();
    if (first === "'" || first === '"') return this.quoted();
    return scalar(this.take(/(?:[^,[\]{}:]|:(?=\S))+/y).trim());
  }

  list() {
    const out = [];
    this.at += 1;
    while (this.blank() !== "]") {
      out.push(this.value());
      if (this.blank() === ",") this.at += 1;
      else if (this.blank() !== "]") throw new Error("a list does not end");
    }
    this.at += 1;
    return out;
  }

  map() {
    const out = {};
    this.at += 1;
    while (this.blank() !== "}") {
      const quote = this.text[this.at] === "'" || this.text[this.at] === '"';
      const key = quote ? this.quoted() : this.take(/[^,[\]{}:]+/y).trim();
      if (this.blank() !== ":") throw new Error(`'${key}' has no value`);
      this.at += 1;
      out[key] = this.value();
      if (this.blank() === ",") this.at += 1;
      else if (this.blank() !== "}") throw new Error("a map does not end");
    }
    this.at += 1;
    return out;
  }
}

class Parser {
  constructor(text) {
    this.lines = text.split("\n").map((line, i) => {
      const rest = line.trimStart();
      return { indent: line.length - rest.length, text: rest.trimEnd(), number: i + 1, whole: line };
    });
    this.at = 0;
  }

  /** The next line that says something. */
  line() {
    while (this.at < this.lines.length && /^(#|$)/.test(this.lines[this.at].text)) this.at += 1;
    return this.lines[this.at];
  }

  block(indent) {
    return this.line().text.startsWith("- ") ? this.sequence(indent) : this.mapping(indent);
  }

  sequence(indent) {
    const out = [];
    for (let line = this.line(); line?.indent === indent && line.text.startsWith("- "); line = this.line()) {
      line.text = line.text.slice(2).trimStart();
      line.indent += 2;
      if (!/^[[{]/.test(line.text) && KEY.test(line.text)) {
        out.push(this.mapping(line.indent));
      } else {
        this.at += 1;
        out.push(this.inline(line.text, indent));
      }
    }
    return out;
  }

  mapping(indent) {
    const out = {};
    for (let line = this.line(); line?.indent === indent; line = this.line()) {
      const found = KEY.exec(line.text);
      if (!found) throw new Error(`line ${line.number}: a key is wanted: '${line.text}'`);
      const key = found[1].startsWith("'") ? single(found[1]) : found[1];
      if (key in out) throw new Error(`line ${line.number}: '${key}' is there twice`);
      this.at += 1;
      out[key] = this.inline(found[2] ?? "", indent);
    }
    if (this.line()?.indent > indent) throw new Error(`line ${this.line().number}: too far to the right`);
    return out;
  }

  /** What stands behind a key or a dash, and on the lines below that belong to it. */
  inline(text, indent) {
    if (text === "|") return this.literal(indent);
    if (/^[[{'"]/.test(text)) return this.flow(text);
    const plain = text.replace(/(^|\s+)#.*$/, "");
    if (plain) return scalar(plain);
    return this.line()?.indent > indent ? this.block(this.line().indent) : null;
  }

  flow(begin) {
    const number = this.lines[this.at - 1].number;
    for (let text = begin; ; text += ` ${this.lines[this.at++].text}`) {
      const flow = new Flow(text);
      try {
        const value = flow.value();
        if (!/^\s*(#.*)?$/.test(text.slice(flow.at))) throw new Error(`'${text.slice(flow.at)}' is too much`);
        return value;
      } catch (fault) {
        const more = this.lines[this.at];
        if (flow.at < text.length || !more) throw new Error(`line ${number}: ${fault.message}`);
      }
    }
  }

  literal(indent) {
    const out = [];
    let margin = 0;
    for (; this.at < this.lines.length; this.at += 1) {
      const line = this.lines[this.at];
      if (line.text && line.indent <= indent) break;
      if (line.text && !margin) margin = line.indent;
      out.push(line.text ? line.whole.slice(margin) : "");
    }
    while (out.at(-1) === "") out.pop();
    return `${out.join("\n")}\n`;
  }
}

export function parseYaml(text) {
  const parser = new Parser(text);
  const value = parser.block(0);
  if (parser.line()) throw new Error(`line ${parser.line().number}: not understood`);
  return value;
}
