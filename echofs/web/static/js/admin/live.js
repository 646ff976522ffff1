/** Numbers that are kept up to date as long as somebody can see them. */
import { isAway } from "../api.js";
import { button, fill, h, icon } from "../dom.js";
import { when } from "../format.js";
import { complain } from "../notices.js";

const EVERY_MS = 5000;

/**
 * Ask, draw, and ask again every few seconds while the window is in sight. While there is no answer what was drawn stays,
 * and a sentence says since when it is old.
 *
 * @template T
 * @param {HTMLElement} place has a heading and a word on waiting, which gives way to what is drawn
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @param {(answer: T) => Node[]} draw called when the answer is another one than before
 * @param {{every?: number}} [options] milliseconds
 * @returns {{refresh: () => Promise<void>, end: () => void}} `refresh` asks at once
 */
export function live(place, ask, draw, { every = EVERY_MS } = {}) {
  const note = h("div", { class: "stale", role: "status", hidden: true });
  const body = h("div", { class: "admin-body" });
  let shown = "";
  let asOf = null;
  let timer = 0;
  let abort = new AbortController();
  let ended = false;

  async function refresh() {
    clearTimeout(timer);
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    try {
      const answer = await ask(signal);
      if (signal.aborted) return;
      show(answer);
    } catch (error) {
      if (ended || signal.aborted || error.name === "AbortError") return;
      settle();
      if (isAway(error)) tell(error);
      else complain(error);
    }
    schedule();
  }

  function show(answer) {
    settle();
    note.hidden = true;
    asOf = new Date();
    const text = JSON.stringify(answer);
    if (text === shown || busy(body)) return;
    shown = text;
    redraw(body, draw(answer));
  }

  function settle() {
    place.querySelector(":scope > .loading")?.replaceWith(note, body);
  }

  function tell(error) {
    const old = asOf ? ` What you see is as of ${when(asOf)}.` : "";
    if (note.hidden || note.dataset.text !== error.message + old) {
      note.dataset.text = error.message + old;
      fill(note, icon("waiting"), h("p", {}, error.message + old), button({ label: "Try again", onClick: refresh }));
    }
    note.hidden = false;
  }

  function schedule() {
    if (!ended && !document.hidden) timer = setTimeout(refresh, every);
  }

  function seen() {
    clearTimeout(timer);
    if (!document.hidden) refresh();
  }

  function end() {
    ended = true;
    clearTimeout(timer);
    abort.abort();
    document.removeEventListener("visibilitychange", seen);
  }

  document.addEventListener("visibilitychange", seen);
  return { refresh, end };
}

/** Whether somebody is in the middle of something that drawing anew would take away. */
function busy(body) {
  const choosing = document.querySelector("dialog[open], .menu:popover-open");
  const selection = getSelection();
  return Boolean(choosing) || (!selection.isCollapsed && body.contains(selection.anchorNode));
}

/** Draw anew; what had the focus and what was open are so again. They are found by their `data-key`. */
function redraw(body, children) {
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...body.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
  fill(body, children);
  for (const each of body.querySelectorAll("details[data-key]")) each.open = open.has(each.dataset.key);
  if (focused) body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}
