/** How files and folders look in a list. */
import { button, h, icon, named } from "./dom.js";
import { exactly, folderOf, folderUrl, size, when } from "./format.js";
import { copiesText, isSafe, receiptOf } from "./receipts.js";

const KINDS = [
  [/^image\//, "image"], [/^audio\//, "audio"], [/^video\//, "video"], [/^application\/pdf$/, "pdf"],
  [/^text\/|json|xml|javascript|yaml/, "text"], [/zip|tar|gzip|compressed|7z|rar/, "archive"],
];

/** A row for a file of the API. */
export function fileRow(file) {
  return { ...file, key: file.id, folder: false, parent: file.folder };
}

/** A row for a folder, by its path. */
export function folderRow(path) {
  return { key: `folder:${path}`, folder: true, path, name: path.slice(path.lastIndexOf("/") + 1), parent: folderOf(path) };
}

/** The name of the icon for a row. */
export function kindIcon(row) {
  if (row.folder) return "folder";
  return KINDS.find(([pattern]) => pattern.test(row.content_type))?.[1] ?? "file";
}

/** The columns of a list of files; `where` adds the folder that each is in. */
export function fileColumns({ where = false } = {}) {
  return [
    { id: "title", label: "Name", sort: "name", cell: (row) => [icon(kindIcon(row)), nameCell(row, where)] },
    { id: "copies", label: "Copies", live: true, cell: (row) => [row.folder ? null : copiesChip(row)] },
    { id: "size", label: "Size", sort: "size", cell: (row) => [row.folder ? "" : size(row.size)] },
    { id: "time", label: "Changed", sort: "updated", cell: (row) => [row.folder ? "" : moment(row.updated_at)] },
    { id: "act", label: "Actions", cell: (row) => [menuButton(row)] },
  ];
}

/** A point in time, to the second when it is hovered over. */
export function moment(value) {
  return h("time", { datetime: value, title: exactly(value) }, when(value));
}

/** The button by which a row's menu opens. */
export function menuButton(row) {
  const element = button({ label: `Actions for ${row.name}`, icon: "more", quiet: true, onClick: () => {}, tabindex: "-1", "aria-haspopup": "menu" });
  element.dataset.menu = "";
  return element;
}

function nameCell(row, where) {
  const name = row.folder
    ? h("a", { href: folderUrl(row.path), tabindex: "-1", dataset: { open: "" } }, named(row.name, { title: row.name }))
    : h("button", { type: "button", tabindex: "-1", class: "as-link", dataset: { open: "" } }, named(row.name, { title: row.name }));
  const below = where && row.parent !== undefined
    ? named(row.parent || "Files", { class: "name where" })
    : h("span", { class: "where phone" }, row.folder ? "Folder" : `${size(row.size)} · ${when(row.updated_at)}`);
  return h("div", { class: "title-text" }, name, below);
}

function copiesChip(row) {
  const receipt = receiptOf(row);
  if (!receipt) return h("span", { class: "chip pending", title: "Copies are being counted" }, "…");
  const safe = isSafe(receipt);
  const text = `${copiesText(receipt)} copies, in ${receipt.zones} zones`;
  return h("span", { class: `chip ${safe ? "good" : "warn"}`, title: text, "aria-label": text },
    icon(safe ? "safe" : "unsafe"), `${receipt.replicas}/${receipt.replicas_wanted}`);
}
