/** Who signed in, and what administrators did. */
import { get } from "../api.js";
import { button, calm, fill, h, named } from "../dom.js";
import { count } from "../format.js";
import { announce, complain } from "../notices.js";
import { moment } from "../rows.js";
import { chip, choice, commands, table } from "./parts.js";
import { CLASSES } from "./timeline.js";

const PAGE = 50;
const CONSOLE = "console";
const OUTCOMES = { done: ["Done", "good"], refused: ["Refused", "bad"], begun: ["Begun", "warn"] };
const ACTIONS = {
  account: "Own account", "account.login": "Sign-in", "account.logout": "Sign-out", "account.register": "New account", "account.password": "Own password",
  "account.session_ended": "Session ended: token used twice",
  app_password: "App passwords", "app_password.create": "App password made", "app_password.delete": "App password removed",
  user: "Users", "user.create": "User created", "user.change": "User changed", "user.password": "Password reset",
  worker: "Workers", "worker.intent": "Worker ordered",
  consistency: "Consistency", "consistency.override": "Level ordered", "consistency.clear_override": "Order ended", "consistency.critical": "Critical file",
};

export async function show(place, url) {
  const view = new AuditView(place, url.searchParams);
  await view.load();
  return () => view.abort.abort();
}

class AuditView {
  constructor(place, query) {
    this.abort = new AbortController();
    this.events = [];
    this.actor = h("input", { type: "search", name: "actor", "aria-label": "Who", placeholder: "Who: a user's name or id", autocomplete: "off", spellcheck: "false", value: query.get("actor") ?? "" });
    const options = Object.entries(ACTIONS).map(([action, text]) => [action, action.includes(".") ? `\u2003${text}` : `${text}: all`]);
    this.choice = choice({ name: "action", label: "What", options: [["", "Everything"], ...options], value: query.get("action") ?? "" });
    this.action = this.choice.querySelector("select");
    this.actor.addEventListener("input", calm(300, () => this.filter()));
    this.action.addEventListener("change", () => this.filter());
    this.list = h("div", { class: "admin-body" });
    fill(place, h("div", { class: "card-head" }, h("h1", {}, "Audit log"), h("div", { class: "tools" },
      button({ label: "Refresh", icon: "restore", onClick: () => this.load().catch(complain) }))),
    h("div", { class: "filters" }, this.actor, this.choice), this.list,
    commands("echofs admin audit", "echofs admin audit --actor NAME --action worker --count 200"));
    this.choice.querySelector("label").className = "visually-hidden";
  }

  /** What is asked for stands in the address, to be kept or passed on. */
  filter() {
    const query = new URLSearchParams(Object.entries(this.wanted()).filter(([, value]) => value));
    history.replaceState(null, "", `/admin/audit${query.size ? `?${query}` : ""}`);
    this.load().catch(complain);
  }

  wanted() {
    return { actor: this.actor.value.trim(), action: this.action.value };
  }

  async load() {
    this.abort.abort();
    this.abort = new AbortController();
    await this.add([]);
    announce(count(this.events.length, "event"));
  }

  async add(before, after = "") {
    const { data } = await get("/admin/audit", { ...this.wanted(), after, limit: PAGE }, { signal: this.abort.signal });
    this.events = [...before, ...data.events];
    fill(this.list,
      this.events.length ? table("Audit log", COLUMNS, this.events, "log") : h("p", { class: "quiet-text" }, "Nothing of the kind is written down."),
      data.next && h("div", {}, button({ label: "Show more", onClick: () => this.add(this.events, data.next).catch(complain) })));
  }
}

/** Where it came from; operators at the machine itself need no account. */
function origin({ actor, address }) {
  return actor.id || address === CONSOLE ? address : `${address}, not signed in`;
}

function subject({ action, subject: text }) {
  if (action !== "consistency.override") return text;
  return text === "all" ? "All requests" : (CLASSES[text] ?? text);
}

const COLUMNS = [
  { label: "When", kind: "when", cell: (event) => moment(event.at) },
  { label: "Who", cell: (event) => h("div", { class: "title-text" }, event.actor.name ? named(event.actor.name) : "–", h("span", { class: "where" }, origin(event))) },
  { label: "What", cell: (event) => h("div", { class: "title-text" }, h("span", {}, ACTIONS[event.action] ?? event.action), event.subject && named(subject(event), { class: "name where" })) },
  { label: "Outcome", cell: (event) => chip(...(OUTCOMES[event.outcome] ?? [event.outcome])) },
  { label: "Particulars", kind: "wide", cell: (event) => event.detail && named(event.detail) },
];
