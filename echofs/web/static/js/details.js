/** The panel beside the list: what a file is, where its copies are, and whether it is safe yet. */
import { fresh, versions } from "./actions.js";
import { button, fill, h, icon, named } from "./dom.js";
import { count, exactly, size } from "./format.js";
import { complain } from "./notices.js";
import { copiesText, countCopies, isSafe } from "./receipts.js";
import { kindIcon } from "./rows.js";

const AGAIN_MS = 3000;

export class Details {
  /** @param {() => void} changed is called when the panel opens or closes */
  constructor(changed) {
    this.changed = changed;
    this.rows = [];
    this.content = h("div", { class: "details-body" });
    this.element = h("aside", { class: "details", "aria-label": "Details", hidden: true },
      h("header", { class: "details-head" }, h("h2", {}, "Details"),
        button({ label: "Close the details", icon: "close", quiet: true, onClick: () => this.toggle(false) })),
      this.content);
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle(false);
    });
  }

  get isOpen() {
    return !this.element.hidden;
  }

  toggle(open = !this.isOpen) {
    this.element.hidden = !open;
    this.changed();
    this.draw();
  }

  /** Show a file, opening the panel if need be. */
  openFor(row) {
    this.rows = [row];
    this.shown = null;
    this.toggle(true);
  }

  /** Say what is selected; the panel follows if it is open. */
  concern(rows) {
    if (!rows.length && this.isOpen && this.rows.length) return;
    this.rows = rows;
    this.draw();
  }

  draw() {
    if (!this.isOpen) return;
    const row = this.rows.length === 1 ? this.rows[0] : null;
    const key = row ? `${row.key} ${row.version}` : `${this.rows.length}`;
    if (key === this.shown) return;
    this.shown = key;
    if (!this.rows.length) fill(this.content, h("p", { class: "quiet-text" }, "Select a file to see where its copies are."));
    else if (!row) fill(this.content, h("p", {}, `${count(this.rows.length, "item")} selected, ${size(total(this.rows))}.`));
    else if (row.folder) fill(this.content, title(row), facts([["Folder", named(row.path)]]));
    else this.drawFile(row);
  }

  drawFile(row) {
    const verdict = h("section", { class: "verdict", "aria-live": "polite" }, h("p", { class: "quiet-text" }, "Counting the copies…"));
    const conditions = h("div", {});
    fill(this.content, title(row), verdict, conditions, facts([
      ["In", named(row.parent || "Files")],
      ["Size", row.size < 1024 ? size(row.size) : `${size(row.size)} (${count(row.size, "byte")})`],
      ["Kind", row.content_type],
      ["Version", h("button", { type: "button", class: "as-link", on: { click: () => versions(row) } }, `${row.version}, show all`)],
      ["Changed", exactly(row.updated_at)],
      ["Created", row.created_at && exactly(row.created_at)],
      ["SHA-256", h("code", { class: "digest" }, row.digest)],
    ]));
    this.judge(row, verdict, conditions);
  }

  /** Count the copies, and again until the file is safe or no longer shown. */
  async judge(row, verdict, conditions) {
    const asked = this.shown;
    const current = () => this.isOpen && this.shown === asked && this.element.isConnected;
    try {
      const { consistency } = await fresh(row.id);
      if (!current()) return;
      fill(conditions, await conflictsOf(row), howFound(consistency));
      for (;;) {
        const receipt = await countCopies(row);
        if (!current()) return;
        fill(verdict, receiptView(receipt, consistency));
        if (isSafe(receipt) && !consistency.provisional) return;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        if (!current()) return;
      }
    } catch (error) {
      if (current()) fill(verdict, h("p", { class: "form-problem" }, icon("unsafe"), error.message));
      if (typeof error.code !== "string") complain(error);
    }
  }
}

function title(row) {
  return h("p", { class: "details-name" }, icon(kindIcon(row)), named(row.name));
}

/** The answer to "is it safe yet?", and the count that it rests on. */
export function receiptView(receipt, consistency) {
  const safe = isSafe(receipt) && !consistency?.provisional;
  return [
    h("p", { class: `verdict-line ${safe ? "good" : "warn"}` }, icon(safe ? "safe" : "unsafe"), h("strong", {}, safe ? "Safe" : "Not yet safe")),
    h("p", {}, sentence(receipt, consistency)),
    facts([
      ["Copies", `${copiesText(receipt)}, just counted`],
      ["Zones", String(receipt.zones)],
      ["State", consistency && (consistency.provisional ? "Provisional" : "Committed")],
      ["Held by", h("ul", { class: "workers" }, receipt.workers.map((worker) =>
        h("li", {}, worker.worker_id, h("span", { class: "quiet-text" }, ` ${worker.chunks} of ${count(receipt.chunks, "chunk")}`))))],
    ]),
  ];
}

function sentence(receipt, consistency) {
  if (consistency?.provisional) return "It is durable on the master's disk and waits for the catalog, which does not answer now. It is committed when that returns.";
  if (receipt.unreachable.length) return `${receipt.unreachable.join(", ")} did not answer, so there may be more copies than were counted.`;
  if (!receipt.complete) return "Copies are still being made; nothing needs to be done.";
  return `Every part of it has ${count(receipt.replicas, "copy", "copies")}, in ${count(receipt.zones, "zone")}. Losing any one worker loses nothing.`;
}

function howFound(consistency) {
  return facts([
    ["Level", consistency.mode_used],
    ["Guarantee", consistency.guarantee],
    ["Note", consistency.reason],
  ]);
}

async function conflictsOf(row) {
  const { openConflicts, conflictCard } = await import("./conflicts.js");
  const mine = (await openConflicts()).filter((conflict) => conflict.file_id === row.id);
  return mine.map((conflict) => conflictCard(conflict));
}

/** A list of terms with what they are; those without are left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "")
    .map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

function total(rows) {
  return rows.reduce((sum, row) => sum + (row.size ?? 0), 0);
}
