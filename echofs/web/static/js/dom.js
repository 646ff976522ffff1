/**
 * Making elements. Text only ever gets in as text nodes: there is no way here to hand over markup.
 */
import { INVISIBLE, plain } from "./format.js";
import { PATHS } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";
const SPOKEN = new Set(["alt", "aria-label", "title"]);

/**
 * An element with attributes, listeners and children.
 *
 * @param {string} tag name of the element
 * @param {Record<string, unknown>} [props] `class`, `dataset`, `on` (listeners by event), properties that the element has
 *   (`value`, `hidden`, `textContent` …), else attributes; null, undefined and false leave one out
 * @param {...(Node|string|number|null|undefined|false)} children strings become text
 * @returns {HTMLElement}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = String(value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "textContent" || (name in element && typeof value !== "string")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : SPOKEN.has(name) ? plain(String(value)) : String(value));
  }
  add(element, children);
  return element;
}

/** Append children; strings become text, and nothing is added for null, undefined and false. */
export function add(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
  return parent;
}

/** Put these children in the place of all that are there. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  return add(parent, children);
}

/**
 * One of the page's icons, as a picture that screen readers pass over.
 *
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  for (const outline of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", outline);
    svg.append(path);
  }
  return svg;
}

/**
 * A button with a text, an icon, or both.
 *
 * @param {{label: string, icon?: string, kind?: string, quiet?: boolean, onClick: (event: Event) => void}} options
 *   `quiet` shows only the icon; the label is then what screen readers say and what appears on hovering. The kind "spare"
 *   does so where there is little room
 */
export function button({ label, icon: name, kind = "", quiet = false, onClick, ...more }) {
  const props = { type: "button", class: `button ${kind} ${quiet ? "quiet" : ""}`, on: { click: onClick }, ...more };
  if (quiet) props["aria-label"] = label;
  if (quiet || kind === "spare") props.title = label;
  return h("button", props, name && icon(name), !quiet && h("span", {}, label));
}

/**
 * A name that somebody else chose: isolated, so that its letters do not reorder what stands around it, and with its
 * invisible characters made visible.
 */
export function named(text, props = {}) {
  return h("bdi", { class: "name", ...props }, text.split(INVISIBLE).map((part) => (
    part === plain(part) ? part : h("span", { class: "unseen" }, plain(part)))));
}

/** Hold back a function until it was not called for so many milliseconds. */
export function calm(milliseconds, action) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}
