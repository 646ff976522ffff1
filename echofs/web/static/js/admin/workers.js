/** The workers: how they are, and what is wanted of them. */
import { get, post } from "../api.js";
import { h, named } from "../dom.js";
import { count, size } from "../format.js";
import { live } from "./live.js";
import { actionsButton, chip, commands, figures, request, table } from "./parts.js";

const STATES = {
  up: ["Up", "good"], joining: ["Joining", "warn"], suspect: ["Silent", "warn"], down: ["Down", "bad"],
  draining: ["Draining", "warn"], gone: ["Removed", ""],
};
const BREAKERS = { closed: ["Used", ""], open: ["Avoided", "warn"], "half-open": ["On trial", "warn"] };

export async function show(place) {
  const page = live(place, ask, (answer) => draw(answer, () => page.refresh()));
  await page.refresh();
  return page.end;
}

async function ask(signal) {
  const options = { signal, patient: false };
  const [{ data: told }, { data: asked }] = await Promise.all([get("/admin/workers", {}, options), get("/workers/health", {}, options)]);
  const answers = new Map(asked.workers.map((worker) => [worker.worker_id, worker]));
  return told.workers.map((worker) => ({ ...worker, answer: answers.get(worker.worker_id) ?? null }));
}

function draw(workers, refresh) {
  const present = workers.filter((worker) => worker.intent !== "gone");
  const up = present.filter((worker) => worker.state === "up" || worker.state === "draining");
  const owed = present.every((worker) => worker.owed === null) ? null : present.reduce((sum, worker) => sum + (worker.owed ?? 0), 0);
  return [
    figures([
      ["At work", `${up.length} of ${present.length}`],
      ["Zones", new Set(present.map((worker) => worker.zone)).size],
      ["Free space", size(present.reduce((sum, worker) => sum + (worker.free_bytes ?? 0), 0))],
      ["Copies owed", owed ?? "Not known", owed === 0 ? "nothing to catch up on" : ""],
    ]),
    workers.length ? table("Workers", columns(refresh), workers) : h("p", { class: "quiet-text" }, "No worker has joined yet."),
    h("p", { class: "quiet-text" }, "Times are those of the master that answers: half of the requests took at most the first, 19 of 20 at most the second."),
    commands("echofs admin workers list", "echofs admin workers drain WORKER", "echofs admin workers undrain WORKER", "echofs admin workers remove WORKER"),
  ];
}

function columns(refresh) {
  return [
    { label: "Worker", kind: "lead-cell", cell: (worker) => h("div", { class: "title-text", title: `Store ${worker.store_id}` }, named(worker.worker_id), named(`${worker.zone} · ${worker.url}`, { class: "name where" })) },
    { label: "State", cell: (worker) => h("span", { class: "chips" }, states(worker)) },
    { label: "Free", kind: "number", cell: (worker) => (worker.free_bytes === null ? "Not known" : size(worker.free_bytes)) },
    { label: "Store", kind: "number", cell: (worker) => times(worker.store_ms) },
    { label: "Fetch", kind: "number", cell: (worker) => times(worker.fetch_ms) },
    { label: "Owed", kind: "number", cell: (worker) => worker.owed ?? "?" },
    { label: "Actions", kind: "act", cell: (worker) => actionsButton(worker.worker_id, worker.worker_id, () => actions(worker, refresh)) },
  ];
}

function states(worker) {
  const chips = [chip(...(STATES[worker.state] ?? [worker.state]))];
  if (worker.intent === "draining" && worker.state !== "draining") chips.push(chip("Draining", "warn"));
  if (worker.breaker !== "closed") chips.push(chip(...BREAKERS[worker.breaker], "What the master that answers makes of it"));
  if (worker.answer && !worker.answer.reachable && worker.state === "up") chips.push(chip("No answer", "bad"));
  return chips;
}

function times({ p50, p95 }) {
  if (p50 === null) return h("span", { class: "quiet-text", title: "Too little is known" }, "–");
  return `${milliseconds(p50)} / ${milliseconds(p95 ?? p50)} ms`;
}

function milliseconds(value) {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function actions(worker, refresh) {
  const name = worker.worker_id;
  const items = [
    worker.intent === "up" && { label: "Drain", icon: "move", onClick: () => drain(worker, refresh) },
    worker.intent !== "up" && { label: "Take back", icon: "restore", onClick: () => order(name, "up", refresh, {
      title: `Take ${name} back?`, text: "It is given new chunks again.", label: "Take back", words: `${name} is an ordinary worker again.`,
    }) },
    worker.intent !== "gone" && { label: "Remove", icon: "trash", danger: true, onClick: () => order(name, "gone", refresh, {
      title: `Remove ${name}?`, label: "Remove", danger: true, words: `${name} is removed.`,
      text: "It must be down, or have been drained. Nobody asks it any more then, also for what it alone has.",
    }) },
  ];
  return items.filter(Boolean);
}

function drain(worker, refresh) {
  const name = worker.worker_id;
  return order(name, "draining", refresh, {
    title: `Drain ${name}?`, label: "Drain", words: `${name} is being drained.`,
    text: `It takes no new chunks, and what it has is copied to other workers; meanwhile it goes on serving. ${worker.owed ? `${count(worker.owed, "copy", "copies")} that it owes are made elsewhere.` : ""}`,
  });
}

async function order(name, intent, refresh, { title, words, ...options }) {
  const done = await request(title, {
    ...options,
    submit: async () => {
      await post(`/admin/workers/${encodeURIComponent(name)}`, { intent });
      return words;
    },
  });
  if (done) await refresh();
}
