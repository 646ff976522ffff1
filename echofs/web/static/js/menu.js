/** Menus of actions, used with keys as the ARIA authoring practices describe them. */
import { fill, h, icon } from "./dom.js";

const MARGIN = 8;

/**
 * Show a menu at an element, or at a point of the window.
 *
 * @param {HTMLElement} anchor gets the focus back
 * @param {({label: string, icon: string, onClick: () => void, danger?: boolean, keys?: string}|null)[]} items null is a line
 * @param {{heading?: Node, at?: {x: number, y: number}}} [options]
 */
export function menu(anchor, items, { heading, at } = {}) {
  const element = h("div", { class: "menu", role: "menu", popover: "auto" });
  const close = () => element.hidePopover();
  fill(element, heading && h("p", { class: "menu-heading" }, heading), items.map((item) => entry(item, close)));
  element.addEventListener("keydown", (event) => walk(element, event));
  element.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    const inside = element.contains(document.activeElement) || document.activeElement === document.body;
    element.remove();
    anchor.removeAttribute("aria-expanded");
    if (inside) anchor.focus();
  });
  document.body.append(element);
  element.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  place(element, at ?? corner(anchor));
  element.querySelector("[role=menuitem]")?.focus();
}

function entry(item, close) {
  if (!item) return h("hr", {});
  const choose = () => {
    close();
    item.onClick();
  };
  return h("button", { type: "button", role: "menuitem", tabindex: "-1", class: item.danger ? "danger" : "", on: { click: choose } },
    icon(item.icon), h("span", {}, item.label), item.keys && h("kbd", {}, item.keys));
}

function walk(element, event) {
  const entries = [...element.querySelectorAll("[role=menuitem]")];
  const at = entries.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 };
  if (event.key === "Tab") element.hidePopover();
  if (!(event.key in steps)) return;
  event.preventDefault();
  entries.at(steps[event.key] % entries.length).focus();
}

function corner(anchor) {
  const box = anchor.getBoundingClientRect();
  return { x: box.right, y: box.bottom + 4, fromRight: true };
}

function place(element, { x, y, fromRight = false }) {
  const box = element.getBoundingClientRect();
  const left = Math.min(Math.max(MARGIN, fromRight ? x - box.width : x), innerWidth - box.width - MARGIN);
  element.style.left = `${left}px`;
  element.style.top = `${Math.max(MARGIN, Math.min(y, innerHeight - box.height - MARGIN))}px`;
}
