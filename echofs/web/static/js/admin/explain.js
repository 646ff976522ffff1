/** Why a decision was made: what the policy knew and foresaw. */
import { get } from "../api.js";
import { facts } from "../details.js";
import { dialog } from "../dialogs.js";
import { button, h } from "../dom.js";
import { exactly } from "../format.js";
import { complain } from "../notices.js";
import { commands } from "./parts.js";
import { CLASSES } from "./timeline.js";

/** Show what is known of a decision. @param {string} id */
export async function explain(id) {
  let told;
  try {
    ({ data: told } = await get(`/consistency/explain/${encodeURIComponent(id)}`, {}, { patient: false }));
  } catch (error) {
    complain(error);
    return;
  }
  await dialog(`Decision ${id}`, (close) => ({
    body: [
      h("p", {}, told.reason),
      facts([
        ["About", CLASSES[told.op_class] ?? told.op_class],
        ["Level", told.before && told.before !== told.level ? `${told.before} → ${told.level}` : told.level],
        ["When", told.made_at && exactly(told.made_at / 1000)],
        ["Policy", told.policy],
        ["Goal", told.goal !== undefined && `${told.goal * 1000} ms`],
        ["By an order", told.forced ? "Yes" : null],
        ["Emergency", told.emergency ? "Yes" : null],
      ]),
      foreseen(told.predictions),
      known(told.inputs),
      commands(`echofs admin consistency explain ${id}`),
    ],
    actions: [button({ label: "Done", kind: "primary", onClick: () => close() })],
  }), { kind: "wide" });
}

function foreseen(predictions) {
  const entries = Object.entries(predictions ?? {});
  if (!entries.length) return null;
  return [h("h3", {}, "Foreseen"), facts(entries.map(([level, told]) => [level, words(told)]))];
}

function known(inputs) {
  if (!inputs) return null;
  return h("details", {}, h("summary", {}, "What was known"), facts(flat(inputs)));
}

/** Nested values as pairs: {"catalog": {"p50": 1}} → [["catalog p50", "1"]]. */
function flat(value, name = "") {
  return Object.entries(value).flatMap(([key, each]) => {
    const full = `${name} ${key.replaceAll("_", " ")}`.trim();
    const nested = each !== null && typeof each === "object" && !(Array.isArray(each) && each.every((part) => typeof part !== "object"));
    return nested ? flat(each, full) : [[full, words(each)]];
  });
}

function words(value) {
  if (Array.isArray(value)) return value.join(", ") || "none";
  if (typeof value === "number") return String(Math.round(value * 10_000) / 10_000);
  if (value !== null && typeof value === "object") return flat(value).map(([name, text]) => `${name} ${text}`).join(", ");
  return String(value);
}
