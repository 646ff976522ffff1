/**
 * A list of files as an ARIA grid. Only the rows in sight are in the document, so ten thousand are as quick as ten. One
 * row can be reached with Tab; arrows go from row to row.
 */
import { fill, h, icon } from "./dom.js";
import { announce } from "./notices.js";
import { count } from "./format.js";

const AROUND = 12;
const MORE_WITHIN = 40;

/** @typedef {{key: string, name: string, folder: boolean}} Row */

export class FileList {
  /**
   * @param {{label: string, columns: {id: string, label: string, sort?: string, live?: boolean, cell: (row: Row) => (Node|string|null)[]}[],
   *   open: (row: Row) => void, changed: (rows: Row[]) => void, press?: Record<string, (rows: Row[]) => void>,
   *   actions: (rows: Row[]) => object[], more?: () => Promise<void>, sorted?: (sort: string) => void,
   *   showMenu: (anchor: HTMLElement, items: object[], options?: object) => void, seen?: (rows: Row[]) => void}} options
   *   `press` holds what keys do with the selected rows; `more` loads further rows; `seen` hears which rows are in sight
   */
  constructor(options) {
    this.options = options;
    this.rows = [];
    this.selection = new Set();
    this.elements = new Map();
    this.active = 0;
    this.anchor = 0;
    this.complete = true;
    this.space = h("div", { class: "list-space", role: "rowgroup" });
    this.body = h("div", { class: "list-body", on: { scroll: () => this.draw() } }, this.space);
    this.head = h("div", { class: "list-row list-head", role: "row", "aria-rowindex": "1" });
    this.element = h("div", { class: "list", role: "grid", "aria-label": options.label, "aria-multiselectable": "true" },
      h("div", { role: "rowgroup" }, this.head), this.body);
    this.space.addEventListener("keydown", (event) => this.press(event));
    this.space.addEventListener("click", (event) => this.click(event));
    this.space.addEventListener("contextmenu", (event) => this.context(event));
    this.space.addEventListener("focusin", (event) => this.focused(event));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.body);
  }

  /** Show these rows; what is selected and what has the focus stays so as far as it is still there. */
  setRows(rows, { complete = true } = {}) {
    const focused = this.space.contains(document.activeElement);
    const active = this.rows[this.active]?.key;
    const keys = new Set(rows.map((row) => row.key));
    const before = this.selection.size;
    this.selection = new Set([...this.selection].filter((key) => keys.has(key)));
    this.rows = rows;
    this.complete = complete;
    const index = keys.has(active) ? rows.findIndex((row) => row.key === active) : this.active;
    this.active = Math.max(0, Math.min(index, rows.length - 1));
    for (const element of this.elements.values()) element.remove();
    this.elements.clear();
    this.element.setAttribute("aria-rowcount", complete ? rows.length + 1 : -1);
    this.draw();
    if (focused) this.elements.get(rows[this.active]?.key)?.focus({ preventScroll: true });
    if (before !== this.selection.size) this.options.changed(this.selected());
  }

  /** Show by which column the rows are sorted. */
  setSort(sort, descending) {
    fill(this.head, h("div", { class: "cell pick", role: "columnheader" }, this.pickAll()), this.options.columns.map((column) => {
      const here = column.sort === sort;
      const sorting = here ? (descending ? "descending" : "ascending") : "none";
      return h("div", { class: `cell ${column.id}`, role: "columnheader", "aria-sort": column.sort ? sorting : null },
        column.sort && this.options.sorted
          ? h("button", { type: "button", class: "sort", on: { click: () => this.options.sorted(column.sort) } }, column.label, here && icon(descending ? "down" : "up"))
          : h("span", {}, column.label));
    }));
    this.mark();
  }

  /** The rows that are selected, in the order of the list. */
  selected() {
    return this.rows.filter((row) => this.selection.has(row.key));
  }

  /** Select exactly these. */
  select(keys) {
    this.selection = new Set(keys);
    this.mark();
    this.options.changed(this.selected());
  }

  /** Draw those cells of a row anew whose column is `live`, as when more is known of it. */
  refresh(key) {
    const element = this.elements.get(key);
    const row = element && this.rows[Number(element.dataset.index)];
    if (!row) return;
    for (const column of this.options.columns.filter((each) => each.live)) {
      fill(element.querySelector(`.cell.${column.id}`), column.cell(row));
    }
  }

  /** Move to a row, show and focus it. */
  goTo(index, { extend = false } = {}) {
    if (!this.rows.length) return;
    this.active = Math.max(0, Math.min(index, this.rows.length - 1));
    const top = this.active * this.height;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    const bottom = top + this.height - this.body.clientHeight;
    if (bottom > this.body.scrollTop) this.body.scrollTop = bottom;
    if (extend) this.selectSpan();
    else this.anchor = this.active;
    this.draw();
    this.elements.get(this.rows[this.active].key)?.focus();
  }

  /** Stop watching; the list is thrown away. */
  end() {
    this.watcher.disconnect();
  }

  draw() {
    this.height = Number.parseInt(getComputedStyle(this.element).getPropertyValue("--row-height"), 10) || 48;
    this.space.style.height = `${this.rows.length * this.height}px`;
    const first = Math.max(0, Math.floor(this.body.scrollTop / this.height) - AROUND);
    const last = Math.min(this.rows.length, Math.ceil((this.body.scrollTop + this.body.clientHeight) / this.height) + AROUND);
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(index);
    // The row with the focus stays, or the focus would be lost with it.
    if (this.rows.length) wanted.add(this.active);
    const keys = new Set([...wanted].map((index) => this.rows[index].key));
    for (const [key, element] of this.elements) {
      if (keys.has(key)) continue;
      element.remove();
      this.elements.delete(key);
    }
    for (const index of [...wanted].sort((one, other) => one - other)) this.drawRow(index);
    this.mark();
    this.options.seen?.(this.rows.slice(first, last));
    if (!this.complete && last > this.rows.length - MORE_WITHIN) this.loadMore();
  }

  drawRow(index) {
    const row = this.rows[index];
    let element = this.elements.get(row.key);
    if (!element) {
      element = h("div", { class: "list-row", role: "row", "aria-rowindex": index + 2, dataset: { index } },
        h("div", { class: "cell pick", role: "gridcell" },
          h("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${row.name}` })),
        this.options.columns.map((column) => h("div", { class: `cell ${column.id}`, role: "gridcell" }, column.cell(row))));
      this.elements.set(row.key, element);
      this.space.append(element);
    }
    element.style.transform = `translateY(${index * this.height}px)`;
  }

  mark() {
    for (const [key, element] of this.elements) {
      const chosen = this.selection.has(key);
      element.setAttribute("aria-selected", String(chosen));
      element.tabIndex = Number(element.dataset.index) === this.active ? 0 : -1;
      element.querySelector(".pick input").checked = chosen;
    }
    const all = this.head.querySelector(".pick input");
    if (!all) return;
    all.checked = this.selection.size > 0 && this.selection.size === this.rows.length;
    all.indeterminate = this.selection.size > 0 && !all.checked;
  }

  async loadMore() {
    if (this.loading || !this.options.more) return;
    this.loading = true;
    try {
      await this.options.more();
    } finally {
      this.loading = false;
    }
  }

  pickAll() {
    const change = (event) => this.select(event.target.checked ? this.rows.map((row) => row.key) : []);
    return h("input", { type: "checkbox", "aria-label": "Select all", on: { change } });
  }

  toggle(index) {
    const { key } = this.rows[index];
    if (!this.selection.delete(key)) this.selection.add(key);
    this.anchor = index;
    this.select(this.selection);
    announce(this.selection.size ? `${count(this.selection.size, "item")} selected` : "Nothing selected");
  }

  selectSpan() {
    const [from, to] = [this.anchor, this.active].sort((one, other) => one - other);
    this.select(this.rows.slice(from, to + 1).map((row) => row.key));
  }

  /** What an action is about: the row it was asked of, with all others selected if that row is. */
  concerned(index) {
    const row = this.rows[index];
    return row && this.selection.has(row.key) ? this.selected() : [row].filter(Boolean);
  }

  indexOf(event) {
    const element = event.target.closest(".list-row");
    return element ? Number(element.dataset.index) : -1;
  }

  focused(event) {
    const index = this.indexOf(event);
    if (index < 0) return;
    this.active = index;
    this.mark();
  }

  click(event) {
    const index = this.indexOf(event);
    if (index < 0) return;
    if (event.target.closest(".pick")) {
      event.preventDefault();
      if (event.shiftKey) {
        this.active = index;
        this.selectSpan();
      } else setTimeout(() => this.toggle(index));
    } else if (event.target.closest("[data-open]")) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.options.open(this.rows[index]);
    } else if (event.target.closest("[data-menu]")) {
      this.options.showMenu(event.target.closest("button"), this.options.actions(this.concerned(index)));
    } else if (!event.target.closest("button, a")) {
      if (event.ctrlKey || event.metaKey) this.toggle(index);
      else this.select([this.rows[index].key]);
      this.goTo(index, { extend: event.shiftKey });
    }
  }

  context(event) {
    const index = this.indexOf(event);
    if (index < 0) return;
    event.preventDefault();
    const row = this.elements.get(this.rows[index].key);
    this.options.showMenu(row, this.options.actions(this.concerned(index)), { at: { x: event.clientX, y: event.clientY } });
  }

  press(event) {
    const { key } = event;
    const command = event.ctrlKey || event.metaKey;
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.height) - 1);
    const steps = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: this.rows.length - 1 };
    const row = this.rows[this.active];
    if (key in steps) this.goTo(steps[key], { extend: event.shiftKey });
    else if (command && key.toLowerCase() === "a") this.select(this.rows.map((each) => each.key));
    else if (key === " ") this.toggle(this.active);
    else if (key === "Enter" && row) this.options.open(row);
    else if (key === "Escape" && this.selection.size) this.select([]);
    else if ((key === "ContextMenu" || (key === "F10" && event.shiftKey)) && row) {
      this.options.showMenu(this.elements.get(row.key), this.options.actions(this.concerned(this.active)));
    } else if (!command && this.options.press?.[key] && row) this.options.press[key](this.concerned(this.active));
    else return;
    event.preventDefault();
  }
}
