/** Schemas as lists of members that open one level at a time, and examples made from them. */
import { line, make } from "./dom.js";

let root = {};

export function setRoot(document) {
  root = document;
}

/** What a $ref names; members beside it stay. */
export function resolve(node) {
  if (!node?.$ref) return node ?? {};
  let found = root;
  for (const step of node.$ref.slice(2).split("/")) found = found[step];
  const { $ref: _, ...beside } = node;
  return { ...resolve(found), ...beside };
}

const nameOf = (node) => node?.$ref?.split("/").at(-1);

/** All members, those of the parts of allOf too. */
function membersOf(schema) {
  const parts = (schema.allOf ?? []).map((part) => membersOf(resolve(part)));
  return Object.assign({}, ...parts, schema.properties);
}

export function typeOf(node) {
  const schema = resolve(node);
  if (schema.anyOf || schema.oneOf) return (schema.anyOf ?? schema.oneOf).map(typeOf).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  const types = [schema.type ?? (schema.allOf ? "object" : "any JSON")].flat();
  const named = types.map((type) => {
    if (type === "array") return `list of ${typeOf(schema.items)}`;
    if (type === "object" && nameOf(node)) return nameOf(node);
    return type === "string" && schema.format ? schema.format : type;
  });
  return named.join(" or ");
}

export function boundsOf(schema) {
  const { minimum, maximum, minLength, maxLength } = schema;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum > 0) return `at least ${minimum}`;
  if (maxLength !== undefined) return `${minLength ?? 0} to ${maxLength} characters`;
  return "";
}

/** The schema inside: of a list its items, of a choice its first object. */
function inner(node) {
  const schema = resolve(node);
  if (schema.items) return inner(schema.items);
  const choice = (schema.anyOf ?? []).map(resolve).find((part) => part.properties);
  return choice ?? schema;
}

function member(name, node, required, depth) {
  const schema = resolve(node);
  const head = [make("code", {}, name), make("span", { class: "type" }, typeOf(node)), line(schema.description)];
  if (required) head.splice(2, 0, make("span", { class: "needed" }, "required"));
  const below = inner(node);
  const open = Object.keys(membersOf(below)).length > 0 && depth < 6;
  if (!open) return make("li", {}, ...head);
  const details = make("details", {}, make("summary", {}, ...head));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(members(below, depth + 1));
  });
  return make("li", {}, details);
}

function members(schema, depth, marks = false) {
  const required = new Set(marks ? schema.required ?? [] : []);
  const rows = Object.entries(membersOf(schema)).map(([name, node]) => member(name, node, required.has(name), depth));
  return make("ul", { class: "members" }, ...rows);
}

/** `marks`: of what is sent, say which members are required (of answers all are there). */
export function schemaView(node, marks = false) {
  const schema = resolve(node);
  if (schema.oneOf) {
    return make("div", {}, ...schema.oneOf.map((part) => members(resolve(part), 0)));
  }
  const below = inner(node);
  const view = make("div", { class: "schema" }, make("span", { class: "type" }, typeOf(node)));
  if (Object.keys(membersOf(below)).length > 0) view.append(members(below, 0, marks));
  return view;
}

export function exampleOf(node) {
  const schema = resolve(node);
  if (schema.example !== undefined) return schema.example;
  if (schema.type !== "object") return "";
  return Object.fromEntries((schema.required ?? []).map((name) => [name, exampleOf(schema.properties[name])]));
}
