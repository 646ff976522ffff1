/** Replication and repair: what is owed, who makes it good, and what is amiss. */
import { get } from "../api.js";
import { h, icon, named } from "../dom.js";
import { facts } from "../details.js";
import { count, exactly } from "../format.js";
import { badge } from "../shell.js";
import { live } from "./live.js";
import { card, chip, commands, figures } from "./parts.js";

export async function show(place) {
  const page = live(place, ask, draw);
  await page.refresh();
  return page.end;
}

async function ask(signal) {
  const options = { signal, patient: false };
  const [{ data: found }, { data: workers }] = await Promise.all([get("/admin/replication", {}, options), get("/replication/stats", {}, options)]);
  return { ...found, workers };
}

function draw(found) {
  badge("admin", found.alarms.length, count(found.alarms.length, "alarm"));
  const { workers_available: available, workers_known: known, zones } = found.workers;
  return [
    verdict(found),
    figures([
      ["Copies of each chunk", found.replication_factor],
      ["Copies owed", found.replicas_owed ?? "Not known"],
      ["Workers", `${available} of ${known}`, count(zones, "zone")],
    ]),
    found.alarms.length > 0 && card("Alarms", h("ul", { class: "alarms" }, found.alarms.map(alarm))),
    h("div", { class: "two" },
      card("Owed by worker", bars(found.owed_by_worker)),
      card("Owed by reason", bars(found.owed_by_reason))),
    card("Sweep", sweep(found.sweep)),
    card("Repair", repair(found.jobs)),
    commands("echofs admin replication", "echofs admin replication --json"),
  ];
}

function verdict({ alarms, replicas_owed: owed }) {
  const critical = alarms.some((each) => each.severity === "critical");
  const [kind, sign, words] = critical ? ["bad", "unsafe", "Something needs you now."]
    : alarms.length ? ["warn", "unsafe", "Something needs a look."]
      : owed === null ? ["warn", "waiting", "The catalog does not say what is owed."]
        : owed > 0 ? ["warn", "waiting", `${count(owed, "copy", "copies")} are being made.`]
          : ["good", "safe", "Every chunk has all its copies, as far as is known."];
  return h("p", { class: `verdict-line ${kind}` }, icon(sign), h("strong", {}, words));
}

function alarm({ severity, text }) {
  const critical = severity === "critical";
  return h("li", {}, chip(critical ? "Critical" : "Warning", critical ? "bad" : "warn"), h("span", {}, text));
}

/** Numbers by name, the greatest first. */
function bars(owed) {
  if (owed === null) return h("p", { class: "quiet-text" }, "The catalog does not say.");
  const entries = Object.entries(owed).sort(([, one], [, other]) => other - one);
  if (!entries.length) return h("p", { class: "quiet-text" }, "Nothing is owed.");
  const most = entries[0][1];
  return h("ul", { class: "bars" }, entries.map(([name, number]) => h("li", {},
    named(name), h("span", { class: "number" }, number), h("progress", { max: most, value: number, "aria-hidden": "true" }))));
}

function sweep(told) {
  if (!told) return h("p", { class: "quiet-text" }, "The jobs have not told of it.");
  const last = told.last && pass(told.last);
  return facts([
    ["Now", told.under_way ? `${pass(told.under_way)}, so far` : "It rests."],
    ["Last one", last ?? "None has come to its end."],
    ["Ended", told.ended_at && exactly(told.ended_at)],
  ]);
}

function pass({ chunks, owed, few }) {
  return `${count(chunks, "chunk")} looked at, ${count(owed, "copy", "copies")} found owed, ${few} with fewer than two copies`;
}

function repair({ holder, reported_seconds_ago: ago }) {
  return facts([
    ["At work", holder === null ? "Not known" : holder === "" ? "Nobody: start echofs jobs." : h("code", {}, holder)],
    ["Last report", ago === null ? "None yet" : ago < 60 ? "less than a minute ago" : `${count(Math.round(ago / 60), "minute")} ago`],
  ]);
}
