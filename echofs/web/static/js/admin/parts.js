/** What the pages of administrators are made of. */
import { ApiError } from "../api.js";
import { dialog, field, form } from "../dialogs.js";
import { button, h, icon } from "../dom.js";
import { menu } from "../menu.js";
import { notice } from "../notices.js";

const UNITS = { "": 0, K: 1, M: 2, G: 3, T: 4, P: 5 };
const SIZE = /^(\d+(?:[.,]\d+)?)\s*([KMGTP]?)(?:i?B|bytes?)?$/i;
let counter = 0;

/**
 * A table; on a narrow screen each row is a card.
 *
 * @template T
 * @param {string} label what screen readers call it
 * @param {{label: string, kind?: string, cell: (row: T) => unknown}[]} columns the first one names the row; the label of
 *   a column of the kind "act" is not shown
 * @param {T[]} rows
 * @param {string} [kind] "log": rows stay short on a narrow screen, without the columns' labels
 */
export function table(label, columns, rows, kind = "") {
  // The roles hold where the style sheet makes cards of the rows, which takes them from the elements.
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader", class: column.kind },
    column.kind === "act" ? h("span", { class: "visually-hidden" }, column.label) : column.label));
  const line = (row) => h("tr", { role: "row" }, columns.map((column, index) => h(index ? "td" : "th", {
    role: index ? "cell" : "rowheader", scope: index ? null : "row", class: column.kind,
    dataset: index && column.kind !== "act" ? { label: column.label } : {},
  }, column.cell(row))));
  return h("table", { class: `table ${kind}`, role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
    h("tbody", { role: "rowgroup" }, rows.map(line)));
}

/** A word with a colour and a sign. @param {""|"good"|"warn"|"bad"} kind */
export function chip(text, kind = "", title = null) {
  const sign = { good: "check", warn: "waiting", bad: "unsafe" }[kind];
  return h("span", { class: `chip plain ${kind}`, title }, sign && icon(sign), text);
}

/** Numbers that matter most, in a row. @param {[string, unknown, string?][]} entries what, how much, and a word on it */
export function figures(entries) {
  return h("dl", { class: "figures" }, entries.map(([term, value, more]) => h("div", {},
    h("dt", {}, term), h("dd", {}, h("strong", {}, value), more && h("span", { class: "quiet-text" }, more)))));
}

/** A part of a page under a heading, with buttons beside it. */
export function card(title, children, tools = []) {
  return h("section", { class: "card", "aria-label": title },
    h("div", { class: "card-head" }, h("h2", {}, title), h("div", { class: "tools" }, tools)), children);
}

/** How to do the same from a terminal. @param {...string} commands */
export function commands(...lines) {
  return h("details", { class: "commands", dataset: { key: "commands" } },
    h("summary", {}, "The same on the command line"),
    h("pre", { tabindex: "0", "aria-label": "Commands" }, h("code", {}, lines.join("\n"))));
}

/** The button for what can be done with something. @param {string} key tells it from others on the page */
export function actionsButton(name, key, items) {
  const element = button({
    label: `Actions for ${name}`, icon: "more", quiet: true, "aria-haspopup": "menu", dataset: { key },
    onClick: () => menu(element, items()),
  });
  return element;
}

/** One line of a form in which one chooses. @param {{name: string, label: string, options: [string, string][], value?: string, hint?: string}} options */
export function choice({ name, label, options, value, hint }) {
  const id = `choice-${(counter += 1)}`;
  return h("div", { class: "field", dataset: { field: name } },
    h("label", { for: id }, label),
    h("select", { id, name, "aria-describedby": `${id}-problem` }, options.map(([each, text]) => (
      h("option", { value: each, selected: each === value }, text)))),
    h("p", { class: "field-problem", id: `${id}-problem`, hidden: true }),
    hint && h("p", { class: "field-hint" }, hint));
}

/**
 * Ask for what is needed, do it, and say so; a refusal is shown where it was asked.
 *
 * @param {string} title
 * @param {{text?: unknown, fields?: Node[], label: string, danger?: boolean, submit: (values: Record<string, string>) => Promise<string>}} options
 *   `submit` gives the notice
 * @returns {Promise<boolean>} whether it was done
 */
export async function request(title, { text, fields = [], label, danger = false, submit }) {
  const done = await dialog(title, (close) => {
    const element = form({
      fields: [text && h("p", {}, text), ...fields],
      label,
      cancel: () => close(false),
      submit: async (values) => {
        const words = await submit(values);
        close(true);
        notice(words);
      },
    });
    const send = element.querySelector("[type=submit]");
    if (danger) send.classList.replace("primary", "danger");
    if (!fields.length) send.setAttribute("autofocus", "");
    return { body: [element] };
  }, { kind: "asking" });
  return done === true;
}

/** A field for a password, filled with a random one that can be passed on. */
export function passwordField(name, label) {
  return field({ name, label, value: randomPassword(), spellcheck: "false", class: "code", hint: "Made at random. Pass it on, or write another one: at least 8 characters." });
}

/** "10 GB" → bytes, by powers of 1,024; null for "none". @throws {ApiError} naming the field */
export function parseSize(text, fieldName) {
  const given = text.trim();
  if (given.toLowerCase() === "none") return null;
  const found = SIZE.exec(given);
  if (!found) throw new ApiError(0, { code: "validation", field: fieldName, message: "Write a size such as 10 GB, or none." });
  return Math.round(Number(found[1].replace(",", ".")) * 1024 ** UNITS[found[2].toUpperCase()]);
}

/** Bytes as {@link parseSize} takes them, without losing any. */
export function writtenSize(bytes) {
  if (bytes === null) return "none";
  const unit = ["P", "T", "G", "M", "K"].find((each) => bytes && bytes % 1024 ** UNITS[each] === 0);
  return unit ? `${bytes / 1024 ** UNITS[unit]} ${unit}B` : String(bytes);
}

function randomPassword() {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  // Of 256 values the last 8 are left out, so that every letter is as likely as any other.
  const fair = 256 - (256 % letters.length);
  const drawn = [];
  while (drawn.length < 20) drawn.push(...[...crypto.getRandomValues(new Uint8Array(32))].filter((value) => value < fair));
  return drawn.slice(0, 20).map((value) => letters[value % letters.length]).join("").replace(/(.{5})(?!$)/g, "$1-");
}
