/** The panel that shows uploads: what is on its way, how far it is, and the receipt of what has arrived. */
import { button, fill, h, icon, named } from "./dom.js";
import { baseName, count, folderOf, size } from "./format.js";
import { announce } from "./notices.js";

const SHOWN = 60;
const BETWEEN_PROGRESS_MS = 250;
const ORDER = { failed: 0, sending: 1, paused: 1, waiting: 2, done: 3 };

export class UploadPanel {
  /** @param {Record<"pause"|"pauseAll"|"resumeAll"|"cancel"|"cancelAll"|"retry", (id?: string) => void>} engine */
  constructor(engine) {
    this.engine = engine;
    this.items = new Map();
    this.drawing = 0;
    this.later = 0;
    this.open = true;
    this.heading = h("h2", { id: "uploads-heading" });
    this.bar = h("progress", { max: 1, value: 0, "aria-labelledby": "uploads-heading" });
    this.tools = h("div", { class: "tools" });
    this.list = h("ul", { class: "upload-list" });
    this.awayNote = h("li", { class: "upload-note" }, icon("waiting"), "EchoFS does not answer. Progress is kept, and it is tried again.");
    this.moreNote = h("li", { class: "upload-note" });
    this.element = h("section", { class: "uploads", "aria-labelledby": "uploads-heading" },
      h("header", { class: "uploads-head" }, this.heading, this.tools), this.bar, this.list);
    document.body.append(this.element);
  }

  add(id, path, bytes) {
    this.items.set(id, { id, path, bytes, sent: 0, state: "waiting", problem: "", receipt: null });
    this.element.hidden = false;
    this.draw();
  }

  progress(id, sent) {
    const item = this.items.get(id);
    if (item?.state !== "sending" || this.away) this.change(id, { sent, state: "sending", problem: "" });
    else {
      item.sent = sent;
      // Drawn now and then: painting takes processor time from the upload itself.
      this.later ||= setTimeout(() => this.draw(), BETWEEN_PROGRESS_MS);
    }
    this.away = false;
  }

  paused(id, paused) {
    this.change(id, { state: paused ? "paused" : "waiting" });
  }

  pausedAll(paused) {
    for (const item of this.items.values()) {
      if (item.state === (paused ? "sending" : "paused") || (paused && item.state === "waiting")) item.state = paused ? "paused" : "waiting";
    }
    this.draw();
  }

  failed(id, problem) {
    this.change(id, { state: "failed", problem });
    announce(`${baseName(this.items.get(id)?.path ?? "")}: ${problem}`);
  }

  /** Say that the server did not answer: nothing is lost, it is tried again. */
  waiting(away) {
    this.away = away;
    this.draw();
  }

  done(id) {
    const item = this.items.get(id);
    if (!item) return;
    Object.assign(item, { sent: item.bytes, state: "done", problem: "" });
    this.draw();
    if (this.unfinished().length === 0) announce(`${count(this.items.size, "upload")} finished`);
  }

  /** The receipt that the write got. */
  receipt(id, receipt) {
    this.change(id, { receipt });
  }

  /** Its copies, as counted since. */
  counted(id, counted) {
    this.change(id, { counted });
  }

  /** An upload was given up; one that has arrived stays in the list. */
  removed(id) {
    if (this.items.get(id)?.state !== "done") this.items.delete(id);
    this.draw();
  }

  removedAll() {
    for (const item of this.unfinished()) this.items.delete(item.id);
    this.draw();
  }

  clear() {
    this.items.clear();
    this.draw();
  }

  unfinished() {
    return [...this.items.values()].filter((item) => item.state !== "done");
  }

  change(id, values) {
    const item = this.items.get(id);
    if (item) Object.assign(item, values);
    this.draw();
  }

  draw() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      clearTimeout(this.later);
      this.later = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const items = [...this.items.values()];
    const left = this.unfinished();
    this.element.hidden = items.length === 0;
    document.body.classList.toggle("has-uploads", items.length > 0);
    const failed = items.filter((item) => item.state === "failed").length;
    const moving = left.length - failed;
    this.heading.textContent = moving ? `Uploading ${count(moving, "file")}` : failed ? `${count(failed, "upload")} failed` : `${count(items.length, "file")} stored`;
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
    this.bar.value = bytes ? items.reduce((sum, item) => sum + item.sent, 0) / bytes : Number(!moving);
    this.bar.hidden = moving === 0;
    const paused = left.some((item) => item.state === "paused");
    const running = left.some((item) => item.state === "sending" || item.state === "waiting");
    const tools = `${running} ${paused} ${this.open}`;
    if (tools !== this.drawnTools) fill(this.tools, this.actions(running, paused));
    this.drawnTools = tools;
    this.drawList(items);
  }

  actions(running, paused) {
    const fold = () => {
      this.open = !this.open;
      this.draw();
    };
    return [
      running && button({ label: "Pause all", icon: "pause", quiet: true, onClick: () => this.engine.pauseAll() }),
      paused && button({ label: "Go on with all", icon: "play", quiet: true, onClick: () => this.engine.resumeAll() }),
      button({ label: this.open ? "Fold" : "Unfold", icon: this.open ? "down" : "up", quiet: true, "aria-expanded": String(this.open), onClick: fold }),
      running || paused
        ? button({ label: "Cancel all", icon: "close", quiet: true, onClick: () => this.engine.cancelAll() })
        : button({ label: "Close", icon: "close", quiet: true, onClick: () => this.clear() }),
    ];
  }

  drawList(items) {
    this.list.hidden = !this.open;
    const sorted = items.sort((one, other) => ORDER[one.state] - ORDER[other.state]);
    const wanted = [
      this.away && this.awayNote,
      ...sorted.slice(0, SHOWN).map((item) => this.entry(item)),
      sorted.length > SHOWN && this.moreNote,
    ].filter(Boolean);
    this.moreNote.textContent = `and ${count(sorted.length - SHOWN, "more", "more")}`;
    const focus = document.activeElement;
    if (wanted.length !== this.list.children.length || wanted.some((element, index) => element !== this.list.children[index])) {
      fill(this.list, wanted);
    }
    if (focus !== document.activeElement && this.list.contains(focus)) focus.focus();
  }

  /** An upload's entry. Made anew only with a new state: a button that is replaced while it is pressed is never clicked. */
  entry(item) {
    if (item.drawn !== item.state) {
      const act = item.element?.contains(document.activeElement) ? document.activeElement.dataset.act : null;
      item.element = this.newEntry(item);
      item.drawn = item.state;
      if (act) requestAnimationFrame(() => item.element.querySelector(`[data-act="${CSS.escape(act)}"]`)?.focus());
    }
    const words = this.words(item);
    const text = item.element.querySelector(".quiet-text");
    if (text.textContent !== words) text.textContent = words;
    const progress = item.element.querySelector("progress");
    if (progress) progress.value = item.sent;
    return item.element;
  }

  newEntry(item) {
    const name = baseName(item.path);
    const act = (label, iconName, verb) => {
      const element = button({ label: `${label} ${name}`, icon: iconName, quiet: true, onClick: () => this.engine[verb](item.id) });
      element.dataset.act = verb;
      return element;
    };
    const { state } = item;
    return h("li", { class: `upload ${state}` },
      h("div", { class: "upload-text" }, named(name, { title: item.path }), h("span", { class: "quiet-text" })),
      state === "failed" && act("Try again:", "restore", "retry"),
      state === "sending" && act("Pause", "pause", "pause"),
      state === "paused" && act("Go on with", "play", "pause"),
      state === "done" ? icon("check") : act("Cancel", "close", "cancel"),
      (state === "sending" || state === "paused") && h("progress", { max: Math.max(1, item.bytes), value: item.sent, "aria-label": name }));
  }

  words(item) {
    const into = folderOf(item.path) || "Files";
    if (item.state === "failed") return item.problem;
    if (item.state === "waiting") return `${size(item.bytes)}, waiting`;
    if (item.state !== "done") return `${size(item.sent)} of ${size(item.bytes)}${item.state === "paused" ? ", paused" : ""}`;
    if (!item.receipt) return `Stored in ${into}`;
    const { provisional, mode_used: level } = item.receipt;
    if (provisional) return "Stored provisionally, until the catalog answers";
    const { replicas, zones } = item.counted ?? item.receipt;
    if (!replicas) return `Stored on the master's disk, ${level}; copies are being made`;
    return `Stored: ${count(replicas, "copy", "copies")} in ${count(zones, "zone")}, ${level}`;
  }
}
