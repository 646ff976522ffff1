/** The trash: what was deleted, to bring back or to do away with. */
import { each } from "./actions.js";
import { get, post, remove } from "./api.js";
import { confirm } from "./dialogs.js";
import { button, fill, h, icon, named } from "./dom.js";
import { count, daysUntil, size } from "./format.js";
import { FileList } from "./list.js";
import { menu } from "./menu.js";
import { announce, complain, notice } from "./notices.js";
import { fileRow, kindIcon, menuButton, moment } from "./rows.js";

const PAGE = 500;

export async function show(main) {
  const view = new TrashView(main);
  await view.load();
  const changed = () => view.load().catch(complain);
  addEventListener("echofs-changed", changed);
  return () => {
    removeEventListener("echofs-changed", changed);
    view.abort.abort();
    view.list.end();
  };
}

class TrashView {
  constructor(main) {
    this.abort = new AbortController();
    this.list = new FileList({
      label: "Deleted files",
      columns: [
        { id: "title", label: "Name", cell: (row) => [icon(kindIcon(row)), title(row)] },
        { id: "copies", label: "Left", cell: (row) => [left(row)] },
        { id: "size", label: "Size", cell: (row) => [size(row.size)] },
        { id: "time", label: "Deleted", cell: (row) => [moment(row.deleted_at)] },
        { id: "act", label: "Actions", cell: (row) => [menuButton(row)] },
      ],
      open: (row) => restore([row]),
      changed: (rows) => this.drawBar(rows),
      press: { Delete: (rows) => purge(rows) },
      actions: (rows) => [
        { label: "Restore", icon: "restore", keys: "Enter", onClick: () => restore(rows) },
        { label: "Delete for ever", icon: "trash", keys: "Del", danger: true, onClick: () => purge(rows) },
      ],
      showMenu: menu,
      more: () => this.loadNext(),
    });
    this.bar = h("div", { class: "toolbar" });
    this.empty = h("div", { class: "empty", hidden: true }, icon("trash"), h("h2", {}, "The trash is empty"),
      h("p", {}, "What you delete comes here first, and can be brought back until its time is over."));
    fill(main, h("div", { class: "files-main" }, this.bar, this.list.element, this.empty));
    this.list.setSort("", false);
    this.drawBar([]);
  }

  async load() {
    const data = await this.page();
    this.show(data.files.map(fileRow), data.next);
  }

  async loadNext() {
    try {
      const data = await this.page(this.next);
      this.show([...this.list.rows, ...data.files.map(fileRow)], data.next);
    } catch (error) {
      complain(error);
    }
  }

  async page(after) {
    const { data } = await get("/trash", { limit: PAGE, after }, { signal: this.abort.signal });
    return data;
  }

  show(rows, next) {
    this.next = next;
    this.list.setRows(rows, { complete: !next });
    this.list.element.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.drawBar(this.list.selected());
    announce(count(rows.length, "deleted file"));
  }

  drawBar(rows) {
    this.bar.classList.toggle("selecting", rows.length > 0);
    if (rows.length) {
      fill(this.bar,
        button({ label: "Clear the selection", icon: "close", quiet: true, onClick: () => this.list.select([]) }),
        h("h1", { class: "crumbs" }, `${count(rows.length, "item")} selected`),
        h("div", { class: "tools" },
          button({ label: "Restore", icon: "restore", kind: "spare", onClick: () => restore(rows) }),
          button({ label: "Delete for ever", icon: "trash", kind: "spare", onClick: () => purge(rows) })));
      return;
    }
    fill(this.bar, h("h1", {}, "Trash"),
      this.list.rows.length > 0 && h("div", { class: "tools" }, button({ label: "Empty the trash", icon: "trash", onClick: empty })));
  }
}

function title(row) {
  return h("div", { class: "title-text" }, named(row.name, { title: row.path }), named(row.parent || "Files", { class: "name where" }));
}

function left(row) {
  if (!row.expires_at) return "";
  const days = daysUntil(row.expires_at);
  return h("span", { class: `chip ${days <= 3 ? "warn" : ""}`, title: "After that it is deleted for ever" }, count(days, "day"));
}

function restore(rows) {
  return each(rows, (row) => post(`/trash/${encodeURIComponent(row.id)}/restore`, { rename: true }), "restored");
}

async function purge(rows) {
  const what = rows.length === 1 ? `“${rows[0].name}”` : count(rows.length, "file");
  const sure = await confirm("Delete for ever?", `${what} and all old versions will be gone. Nobody can bring them back.`, { label: "Delete for ever", danger: true });
  if (sure) await each(rows, (row) => remove(`/trash/${encodeURIComponent(row.id)}`), "deleted for ever");
}

async function empty() {
  const sure = await confirm("Empty the trash?", "All files in it and their old versions will be gone. Nobody can bring them back.", { label: "Empty the trash", danger: true });
  if (!sure) return;
  try {
    const { data } = await remove("/trash");
    notice(`${count(data.purged, "file")} deleted for ever.`);
    dispatchEvent(new CustomEvent("echofs-changed"));
  } catch (error) {
    complain(error);
  }
}
