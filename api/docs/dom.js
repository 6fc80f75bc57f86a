/** Elements out of texts: everything is set as text, nothing as HTML. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** `code` and **bold** of one paragraph. */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return make("code", {}, part.slice(1, -1));
    return part.startsWith("**") ? make("strong", {}, part.slice(2, -2)) : part;
  });
}

export function prose(text) {
  const paragraphs = (text ?? "").trim().split(/\n\s*\n/).filter(Boolean);
  return make("div", { class: "prose" }, ...paragraphs.map((text) => make("p", {}, ...inline(text))));
}

export function line(text) {
  return make("span", {}, ...inline((text ?? "").trim()));
}
