/** What is said beside the page: short notices, words for screen readers, and the banner while the server is away. */
import { button, fill, h, icon } from "./dom.js";
import { plain } from "./format.js";

const STAY_MS = 6000;

/** Have screen readers say something, after what they are saying. */
export function announce(text) {
  say("polite", text);
}

function say(region, text) {
  const place = document.getElementById(region);
  place.textContent = "";
  // The same words twice are only noticed as a change from something else.
  requestAnimationFrame(() => { place.textContent = plain(text); });
}

/**
 * Show a short notice that goes by itself.
 *
 * @param {string} text
 * @param {{kind?: "good"|"bad", action?: {label: string, onClick: () => void}}} [options] a bad one stays until it is closed
 */
export function notice(text, { kind = "good", action } = {}) {
  const close = () => toast.remove();
  const toast = h("div", { class: `toast ${kind}` },
    icon(kind === "bad" ? "unsafe" : "check"),
    h("p", {}, plain(text)),
    action && button({ label: action.label, kind: "link", onClick: () => { close(); action.onClick(); } }),
    button({ label: "Close", icon: "close", quiet: true, onClick: close }));
  const place = document.getElementById("toasts");
  place.append(toast);
  while (place.children.length > 4) place.firstChild.remove();
  if (kind !== "bad") setTimeout(close, action ? STAY_MS * 2 : STAY_MS);
  say(kind === "bad" ? "urgent" : "polite", text);
}

/** Tell of something that failed, in the words of the API. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  const known = typeof error?.code === "string";
  if (!known) console.error(error);
  notice(known ? error.message : "Something went wrong in this page. Reload it and try again.", { kind: "bad" });
}

/** Show a sentence across the page as long as it holds; null takes it away. */
export function banner(text) {
  const place = document.getElementById("banner");
  if (place.hidden === (text === null) && (text === null || place.textContent === text)) return;
  place.hidden = text === null;
  fill(place, text !== null && icon("waiting"), text !== null && h("span", {}, plain(text)));
}
