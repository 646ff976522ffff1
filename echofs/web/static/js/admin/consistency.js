/** How the level is chosen: now, over time, why, and what administrators ordered. */
import { call, get } from "../api.js";
import { button, h, icon, named } from "../dom.js";
import { count, exactly, when } from "../format.js";
import { explain } from "./explain.js";
import { live } from "./live.js";
import { orderLevel, addCritical, endOrder } from "./orders.js";
import { card, chip, commands, figures, request, table } from "./parts.js";
import { CLASSES, LEVELS, timeline } from "./timeline.js";

const PAGE = 50;
const MOST = 500;
const KINDS = {
  override: "Order", "override cleared": "Order ended", critical: "Marked critical", "critical no more": "No longer critical",
};

export async function show(place) {
  const view = { limit: PAGE };
  const page = live(place, (signal) => ask(signal, view.limit), (answer) => draw(answer, {
    refresh: () => page.refresh(),
    more: () => { view.limit = Math.min(MOST, view.limit * 2); return page.refresh(); },
    limit: view.limit,
  }));
  await page.refresh();
  return page.end;
}

async function ask(signal, limit) {
  const options = { signal, patient: false };
  const routes = ["/consistency/policy", "/consistency/mode", "/consistency/override", "/consistency/critical-keys"];
  const [policy, mode, orders, critical, history] = (await Promise.all([
    ...routes.map((route) => get(route, {}, options)), get("/admin/consistency/history", { limit }, options),
  ])).map(({ data }) => data);
  return { policy, classes: mode.classes, overrides: orders.overrides, critical: critical.critical_keys, history };
}

function draw({ policy, classes, overrides, critical, history }, { refresh, more, limit }) {
  const present = Object.fromEntries(Object.entries(classes).map(([name, { level }]) => [name, level]));
  return [
    figures([
      ["Policy", policy.policy],
      ["Goal", `${policy.latency_goal_ms} ms`, "for each request"],
      ["Masters that report", policy.masters],
    ]),
    h("div", { class: "three" }, Object.keys(CLASSES).filter((name) => classes[name]).map((name) => level(name, classes[name]))),
    card("Level over time", timeline(history.decisions, present) ?? h("p", { class: "quiet-text" }, "Nothing has been decided yet.")),
    orders(overrides, refresh),
    criticalFiles(critical, refresh),
    card("Decisions and orders", [
      table("Decisions and orders", columns(), history.decisions, "log"),
      history.next && limit < MOST && h("div", {}, button({ label: "Show more", onClick: more, dataset: { key: "more" } })),
    ]),
    commands("echofs admin consistency status", "echofs admin consistency history",
      "echofs admin consistency override LEVEL --seconds 3600 --reason WHY --class read", "echofs admin consistency clear ORDER",
      "echofs admin consistency critical FILE", "echofs admin consistency explain DECISION"),
  ];
}

function level(name, told) {
  return h("section", { class: "card level-card", "aria-label": CLASSES[name] },
    h("div", { class: "card-head" }, h("h2", {}, CLASSES[name]), levelChip(told.level)),
    h("p", {}, told.reason),
    told.forced && h("p", { class: "quiet-text" }, "By an order, not by the policy."),
    told.held && h("p", { class: "quiet-text" }, told.held),
    shares(told.predictions),
    told.decision && h("div", {}, button({ label: "Why?", kind: "link", dataset: { key: `why-${name}` }, "aria-label": `Why, for ${CLASSES[name]}?`, onClick: () => explain(told.decision) })));
}

/** For each level the share of requests within the goal. */
function shares(predictions) {
  const known = LEVELS.filter((each) => predictions[each] !== undefined);
  if (!known.length) return null;
  return h("div", { class: "shares" }, h("p", { class: "quiet-text" }, "Within the goal, as foreseen"), h("ul", { class: "bars" }, known.map((each) => h("li", {},
    h("span", {}, each), h("span", { class: "number" }, `${Math.floor(predictions[each] * 1000) / 10} %`),
    h("progress", { max: 1, value: predictions[each], "aria-hidden": "true" })))));
}

export function levelChip(name) {
  return h("span", { class: `chip plain level ${name}` }, name);
}

function orders(overrides, refresh) {
  const tool = button({ label: "Order a level", icon: "plus", dataset: { key: "order" }, onClick: () => orderLevel(refresh) });
  const list = overrides.map((order) => h("li", {},
    levelChip(order.level),
    h("div", { class: "version-text" },
      h("span", {}, h("strong", {}, about(order)), ": ", order.reason),
      h("span", { class: "quiet-text" }, `by ${order.author}, until ${exactly(order.expires_at / 1000)}`)),
    button({ label: "End", dataset: { key: order.id }, "aria-label": `End the order for ${about(order)}`, onClick: () => endOrder(order, refresh) })));
  return card("Orders", list.length ? h("ul", { class: "versions" }, list) : h("p", { class: "quiet-text" }, "There are none: the policy chooses."), [tool]);
}

function criticalFiles(keys, refresh) {
  const tool = button({ label: "Add a file", icon: "plus", dataset: { key: "critical" }, onClick: () => addCritical(refresh) });
  const drop = async (key) => {
    const done = await request("No longer critical?", {
      text: "The file is then served at the level of all others.", label: "Take the mark away",
      submit: async () => { await call("DELETE", "/consistency/critical-keys", { json: { object_id: key } }); return "The file is no longer critical."; },
    });
    if (done) await refresh();
  };
  return card("Critical files", [
    h("p", { class: "quiet-text" }, keys.length ? `${count(keys.length, "file")}, never served below strong.` : "None. Critical files are never served below strong."),
    keys.length > 0 && h("ul", { class: "versions" }, keys.map((key) => h("li", {}, icon("safe"), h("code", { class: "version-text" }, key),
      button({ label: "Remove", "aria-label": `Remove the file ${key}`, dataset: { key: `critical-${key}` }, onClick: () => drop(key) })))),
  ], [tool]);
}

function columns() {
  return [
    { label: "When", cell: (entry) => h("time", { title: exactly(entry.at / 1000) }, when(entry.at / 1000)) },
    { label: "About", cell: (entry) => about(entry) },
    { label: "Level", cell: change },
    { label: "Why", kind: "wide", cell: (entry) => h("span", {}, entry.reason ?? KINDS[entry.kind] ?? entry.kind, entry.author && h("span", { class: "quiet-text" }, " by ", named(entry.author))) },
    { label: "Explain", kind: "act", cell: (entry) => entry.kind === "decision" && button({ label: `Explain ${entry.id}`, icon: "info", quiet: true, dataset: { key: entry.id }, onClick: () => explain(entry.id) }) },
  ];
}

function change(entry) {
  if (!entry.level) return KINDS[entry.kind] ?? entry.kind;
  if (entry.kind !== "decision") return h("span", { class: "chips" }, chip("Order"), levelChip(entry.level));
  return levelChip(entry.level);
}

/** What an order or decision is about. */
export function about({ op_class: name, object_id: fileId, id, kind }) {
  if (name) return CLASSES[name] ?? name;
  const file = fileId ?? (kind?.startsWith("critical") ? id : null);
  return file ? h("code", { title: file }, `File ${file.slice(0, 8)}…`) : "All requests";
}
