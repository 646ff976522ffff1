/** The file manager: one folder, or what a search found. */
import { get } from "./api.js";
import * as actions from "./actions.js";
import { Details } from "./details.js";
import { button, fill, h, icon, named } from "./dom.js";
import { folderUrl, join, count } from "./format.js";
import { FileList } from "./list.js";
import { menu } from "./menu.js";
import { announce, complain } from "./notices.js";
import { countInSight } from "./receipts.js";
import { go } from "./router.js";
import { fileColumns, fileRow, folderRow } from "./rows.js";
import { mark } from "./shell.js";
import { chooseFolderUploads, chooseUploads, dropUploads } from "./uploads.js";

const PAGE = 500;
const SORTS = new Set(["name", "size", "updated"]);

/** Show the folder or the search that the address names. */
export async function show(main, match, url) {
  const query = url.pathname === "/search" ? (url.searchParams.get("q") ?? "") : null;
  const folder = query === null ? decodeFolder(match[1] ?? "") : null;
  const view = new FilesView(main, folder, query);
  await view.load();
  const changed = () => view.load().catch(complain);
  addEventListener("echofs-changed", changed);
  return () => {
    removeEventListener("echofs-changed", changed);
    view.end();
  };
}

function decodeFolder(encoded) {
  return encoded.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  }).join("/");
}

class FilesView {
  constructor(main, folder, query) {
    Object.assign(this, { folder, query, abort: new AbortController() });
    [this.sort, this.descending] = rememberedSort();
    this.details = new Details(() => this.reconsider());
    this.list = new FileList({
      label: query === null ? "Files and folders" : "Files that were found",
      columns: fileColumns({ where: query !== null }),
      open: (row) => actions.open(row, this.list.rows),
      changed: (rows) => this.reconsider(rows),
      actions: (rows) => actions.menuFor(rows, this.place()),
      press: {
        F2: (rows) => rows.length === 1 && actions.rename(rows[0]),
        Delete: (rows) => actions.trash(rows),
        i: (rows) => this.showDetails(rows),
      },
      sorted: query === null ? (sort) => this.sortBy(sort) : undefined,
      showMenu: menu,
      more: () => this.loadNext(),
      seen: (rows) => countInSight(rows.filter((row) => !row.folder), (file) => this.list.refresh(file.id)),
    });
    this.bar = h("div", { class: "toolbar" });
    this.empty = h("div", { class: "empty" }, h("p", { class: "loading" }, "Loading…"));
    mark({ name: "files", title: "Files" }, query === null ? folder.slice(folder.lastIndexOf("/") + 1) || "Files" : `Search: ${query}`);
    fill(main, h("div", { class: "files" },
      h("div", { class: "files-main", dataset: { dropzone: "" } }, this.bar, this.list.element, this.empty), this.details.element));
    if (query === null) this.catchDrops(main);
    this.list.element.hidden = true;
    this.list.setSort(this.sort, this.descending);
    this.reconsider([]);
  }

  /** Upload what is dropped anywhere on the page into this folder. */
  catchDrops(main) {
    const { signal } = this.abort;
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    main.dataset.drop = `Drop to upload into ${this.folder.slice(this.folder.lastIndexOf("/") + 1) || "Files"}`;
    addEventListener("dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      main.classList.add("dropping");
    }, { signal });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) main.classList.remove("dropping");
    }, { signal });
    addEventListener("drop", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      main.classList.remove("dropping");
      dropUploads(this.folder, event.dataTransfer).catch(complain);
    }, { signal });
  }

  /** Open the panel for a row that has the focus without being selected too. */
  showDetails(rows) {
    if (this.details.isOpen || rows.length > 1) this.details.toggle();
    else this.details.openFor(rows[0]);
  }

  place() {
    return { folder: this.folder, details: this.details };
  }

  /** Load the first page anew; what was selected stays so. */
  async load() {
    const page = await this.page();
    this.next = page.next;
    const folders = this.query === null ? (page.folders ?? []).map(folderRow) : [];
    this.show([...folders, ...page.files.map(fileRow)]);
  }

  async loadNext() {
    try {
      const page = await this.page(this.next);
      this.next = page.next;
      this.show([...this.list.rows, ...page.files.map(fileRow)]);
    } catch (error) {
      complain(error);
    }
  }

  async page(after) {
    const what = this.query === null ? { folder: this.folder } : { search: this.query, below: "" };
    const sorting = { sort: this.sort, order: this.descending ? "desc" : "asc" };
    const { data } = await get("/files", { ...what, ...sorting, limit: PAGE, after }, { signal: this.abort.signal });
    return data;
  }

  show(rows) {
    this.list.setRows(rows, { complete: !this.next });
    this.list.element.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    if (!rows.length) this.showEmpty();
    const selected = this.list.selected();
    this.reconsider(selected);
    announce(`${count(rows.length, "item")}${this.next ? " and more" : ""}`);
  }

  showEmpty() {
    if (this.query !== null) {
      fill(this.empty, icon("search"), h("h2", {}, "Nothing was found"),
        h("p", {}, "No file has ", h("strong", {}, named(this.query)), " in its name."));
      return;
    }
    const root = this.folder === "";
    fill(this.empty, icon("upload"), h("h2", {}, root ? "Your files will be here" : "This folder is empty"),
      h("p", {}, "Drop files or whole folders anywhere on this page, or choose them."),
      h("p", {}, this.uploadButton()),
      root && h("p", { class: "quiet-text" }, "Each file is kept in several copies on different workers. The shield beside it says how many there are, counted, not guessed."));
  }

  sortBy(sort) {
    this.descending = this.sort === sort ? !this.descending : false;
    this.sort = sort;
    try {
      localStorage.setItem("echofs-sort", `${sort} ${this.descending ? "desc" : "asc"}`);
    } catch {
      // It holds until the page is closed, then.
    }
    this.list.setSort(sort, this.descending);
    this.load().catch(complain);
  }

  reconsider(rows = this.list.selected()) {
    this.details.concern(rows, this.folder);
    if (rows.length) fill(this.bar, this.selectionBar(rows));
    else fill(this.bar, this.query === null ? this.path() : h("h1", { class: "crumbs" }, "Found: ", named(this.query)), this.tools());
    this.bar.classList.toggle("selecting", rows.length > 0);
  }

  path() {
    const parts = this.folder ? this.folder.split("/") : [];
    const crumb = (name, path, last) => h("li", {}, last
      ? h("h1", { "aria-current": "page" }, named(name, { title: name }))
      : h("a", { href: folderUrl(path) }, named(name, { title: name })));
    return h("nav", { class: "crumbs", "aria-label": "Path" }, h("ol", {},
      crumb("Files", "", !parts.length),
      parts.map((name, index) => crumb(name, parts.slice(0, index + 1).join("/"), index === parts.length - 1))));
  }

  tools() {
    if (this.query !== null) return h("div", { class: "tools" }, this.infoButton());
    return h("div", { class: "tools" },
      button({ label: "New folder", icon: "newfolder", kind: "spare", onClick: () => this.newFolder() }),
      this.uploadButton(),
      this.infoButton());
  }

  uploadButton() {
    const element = button({
      label: "Upload", icon: "upload", kind: "primary", "aria-haspopup": "menu",
      onClick: () => menu(element, [
        { label: "Files…", icon: "file", onClick: () => chooseUploads(this.folder) },
        { label: "A folder…", icon: "folder", onClick: () => chooseFolderUploads(this.folder) },
      ]),
    });
    return element;
  }

  infoButton() {
    return button({ label: "Details", icon: "info", quiet: true, "aria-pressed": String(this.details.isOpen), onClick: () => this.details.toggle() });
  }

  selectionBar(rows) {
    const files = rows.filter((row) => !row.folder);
    return [
      button({ label: "Clear the selection", icon: "close", quiet: true, onClick: () => this.list.select([]) }),
      h("h1", { class: "crumbs" }, `${count(rows.length, "item")} selected`),
      h("div", { class: "tools" },
        files.length === rows.length && button({ label: "Download", icon: "download", kind: "spare", onClick: () => actions.download(files) }),
        button({ label: "Move", icon: "move", kind: "spare", onClick: () => actions.move(rows) }),
        button({ label: "Copy", icon: "copy", kind: "spare", onClick: () => actions.copy(rows) }),
        button({ label: "Delete", icon: "trash", kind: "spare", onClick: () => actions.trash(rows) }),
        this.infoButton()),
    ];
  }

  async newFolder() {
    const name = await actions.newFolder(this.folder);
    if (name) go(folderUrl(join(this.folder, name)));
  }

  end() {
    this.abort.abort();
    this.list.end();
  }
}

function rememberedSort() {
  const [sort, order] = (localStorage.getItem("echofs-sort") ?? "name asc").split(" ");
  return SORTS.has(sort) ? [sort, order === "desc"] : ["name", false];
}
