/** The level of each class of requests over time, as a picture. The same stands in words in the list of decisions. */
import { h } from "../dom.js";
import { when } from "../format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 1000;
const LANE = 26;
const GAP = 8;

/** Names of the classes and levels, for people. */
export const CLASSES = { read: "Reads", write_small: "Small writes", write_large: "Large writes" };
export const LEVELS = ["strong", "hybrid", "available"];

/**
 * @param {object[]} decisions of GET /admin/consistency/history, the newest first
 * @param {Record<string, string>} present the level of each class now
 * @returns {Node|null} null where there is nothing to show yet
 */
export function timeline(decisions, present) {
  const made = decisions.filter((entry) => entry.kind === "decision" && entry.op_class in CLASSES).reverse();
  if (!made.length) return null;
  const from = made[0].at / 1000;
  const to = Math.max(Date.now(), from + 1000);
  const names = Object.keys(CLASSES);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${names.length * (LANE + GAP) - GAP}`, preserveAspectRatio: "none", role: "img", "aria-label": spoken(present) });
  names.forEach((name, lane) => {
    for (const part of spans(made.filter((entry) => entry.op_class === name), from, to, present[name])) {
      svg.append(block(part, from, to, lane * (LANE + GAP)));
    }
  });
  return h("figure", { class: "timeline" },
    h("div", { class: "timeline-lanes" }, h("div", { class: "timeline-names", "aria-hidden": "true" }, names.map((name) => h("span", {}, CLASSES[name]))), svg),
    h("div", { class: "timeline-ends", "aria-hidden": "true" }, h("span", {}, when(from)), h("span", {}, "Now")),
    h("figcaption", { class: "legend" }, LEVELS.map((level) => h("span", { class: `swatch ${level}` }, level))));
}

/** The times through which one level held. */
function spans(made, from, to, present) {
  const before = made[0]?.before ?? present;
  const marks = [{ at: from, level: before }, ...made.map((entry) => ({ at: entry.at / 1000, level: entry.level, reason: entry.reason }))];
  return marks.map((mark, index) => ({ ...mark, until: marks[index + 1]?.at ?? to })).filter((part) => part.until > part.at);
}

function block({ at, until, level, reason = "" }, from, to, top) {
  const scale = WIDTH / (to - from);
  const rect = element("rect", {
    x: ((at - from) * scale).toFixed(1), y: top, height: LANE, rx: 3, class: `level ${level}`,
    width: Math.max(2, (until - at) * scale - 1).toFixed(1),
  });
  const title = document.createElementNS(SVG, "title");
  title.textContent = `${level} from ${when(at)}${reason ? `: ${reason}` : ""}`;
  rect.append(title);
  return rect;
}

function spoken(present) {
  return `Level of each class over time. Now: ${Object.entries(CLASSES).map(([name, text]) => `${text} ${present[name]}`).join(", ")}`;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
