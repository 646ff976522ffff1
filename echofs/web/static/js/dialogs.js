/** Questions to the user. All are native dialogs: Escape closes them and the focus returns to where it was. */
import { button, fill, h, icon } from "./dom.js";
import { plain } from "./format.js";
import { announce, complain } from "./notices.js";

let counter = 0;

/**
 * Show a dialog until it is closed.
 *
 * @param {string} title
 * @param {(close: (result?: unknown) => void) => {body: Node[], actions?: Node[]}} build
 * @param {{kind?: string, hint?: Node}} [options]
 * @returns {Promise<unknown>} what was given to `close`; undefined when the user went away
 */
export function dialog(title, build, { kind = "" } = {}) {
  const heading = `dialog-${(counter += 1)}`;
  const element = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": heading });
  let result;
  const close = (value) => {
    result = value;
    element.close();
  };
  const { body, actions = [] } = build(close);
  fill(element,
    h("header", { class: "dialog-head" },
      h("h2", { id: heading }, plain(title)),
      button({ label: "Close", icon: "close", quiet: true, onClick: () => close() })),
    h("div", { class: "dialog-body" }, body),
    actions.length > 0 && h("footer", { class: "dialog-foot" }, actions));
  // A press that began in the dialog, as when text is selected, must not close it where it ends.
  element.addEventListener("pointerdown", (event) => { if (event.target === element) close(); });
  document.body.append(element);
  element.showModal();
  // Browsers would take the button that closes it.
  (element.querySelector("[autofocus]") ?? element.querySelector(".dialog-body input, .dialog-foot .button:last-child"))?.focus();
  return new Promise((resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      resolve(result);
    });
  });
}

/**
 * Ask whether to do something.
 *
 * @param {string} title
 * @param {string} text what will happen
 * @param {{label?: string, danger?: boolean}} [options] the word on the button
 * @returns {Promise<boolean>}
 */
export async function confirm(title, text, { label = "OK", danger = false } = {}) {
  const sure = await dialog(title, (close) => ({
    body: [h("p", {}, plain(text))],
    actions: [
      button({ label: "Cancel", onClick: () => close(false) }),
      button({ label, kind: danger ? "danger" : "primary", onClick: () => close(true), autofocus: true }),
    ],
  }));
  return sure === true;
}

/**
 * One line of a form: a label, its input, and a place for what is wrong with it.
 *
 * @param {{name: string, label: string, hint?: string, type?: string, value?: string}} options other entries go to the input
 */
export function field({ name, label, hint, ...input }) {
  const id = `field-${(counter += 1)}`;
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, hidden: true });
  const described = hint ? `${id}-problem ${id}-hint` : `${id}-problem`;
  return h("div", { class: "field", dataset: { field: name } },
    h("label", { for: id }, label),
    h("input", { id, name, "aria-describedby": described, autocomplete: "off", ...input }),
    problem,
    hint && h("p", { class: "field-hint", id: `${id}-hint` }, hint));
}

/**
 * A form that tells what the API says is wrong at the field concerned.
 *
 * @param {{fields: Node[], label: string, submit: (values: Record<string, string>) => Promise<void>, cancel?: () => void, extra?: Node[]}} options
 */
export function form({ fields, label, submit, cancel, extra = [] }) {
  const problem = h("p", { class: "form-problem", hidden: true });
  const send = h("button", { type: "submit", class: "button primary" }, label);
  const element = h("form", { class: "form", novalidate: true }, fields, problem,
    h("div", { class: "form-actions" }, cancel && button({ label: "Cancel", onClick: cancel }), send), extra);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    showProblem(element, null);
    send.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(element)));
    } catch (error) {
      if (typeof error.code !== "string") complain(error);
      else showProblem(element, error);
    } finally {
      send.disabled = false;
    }
  });
  return element;
}

function showProblem(element, error) {
  for (const place of element.querySelectorAll(".field-problem, .form-problem")) place.hidden = true;
  for (const input of element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  if (!error) return;
  const line = error.field && element.querySelector(`[data-field="${CSS.escape(error.field)}"]`);
  const place = line ? line.querySelector(".field-problem") : element.querySelector(".form-problem");
  fill(place, icon("unsafe"), h("span", {}, error.message));
  place.hidden = false;
  announce(error.message);
  const input = (line ?? element).querySelector("input");
  if (line) input.setAttribute("aria-invalid", "true");
  input?.focus();
}

/**
 * Ask for one line of text.
 *
 * @param {string} title
 * @param {{label: string, action: string, value?: string, hint?: string, name?: string, select?: number,
 *   submit: (value: string) => Promise<void>}} options `submit` may refuse with an ApiError, which is shown; `select`
 *   says how many characters of the value are selected at first
 */
export function prompt(title, { label, action, value = "", hint, name = "path", select = value.length, submit }) {
  return dialog(title, (close) => {
    const line = field({ name, label, hint, value, spellcheck: "false", autofocus: true });
    const input = line.querySelector("input");
    requestAnimationFrame(() => {
      input.focus();
      input.setSelectionRange(0, select);
    });
    return {
      body: [form({
        fields: [line],
        label: action,
        cancel: () => close(),
        submit: async (values) => {
          await submit(values[name]);
          close(values[name]);
        },
      })],
    };
  });
}
