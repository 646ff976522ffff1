/** What can be done with files and folders, one or many. Each tells how it went, and that something has changed. */
import { ApiError, contentUrl, get, patch, post, remove } from "./api.js";
import { prompt } from "./dialogs.js";
import { h } from "./dom.js";
import { baseName, count, folderUrl, join } from "./format.js";
import { complain, notice } from "./notices.js";
import { go } from "./router.js";
import { chooseFolder } from "./tree.js";

const AT_ONCE = 4;
const BETWEEN_DOWNLOADS_MS = 400;

/** Tell everything on the page that shows files to look again. */
export function changed() {
  dispatchEvent(new CustomEvent("echofs-changed"));
}

/** Open a folder, or look at a file; `rows` are those to leaf through from there. */
export async function open(row, rows = [row]) {
  if (row.folder) {
    go(folderUrl(row.path));
    return;
  }
  const { preview } = await import("./preview.js");
  preview(row, rows.filter((each) => !each.folder));
}

/** The menu for one row or many. */
export function menuFor(rows, { details }) {
  const one = rows.length === 1 ? rows[0] : null;
  const files = rows.every((row) => !row.folder);
  return [
    one && { label: "Open", icon: one.folder ? "folder" : "file", keys: "Enter", onClick: () => open(one) },
    files && { label: "Download", icon: "download", onClick: () => download(rows) },
    one && !one.folder && { label: "Receipt and details", icon: "safe", keys: "i", onClick: () => details.openFor(one) },
    one && !one.folder && { label: "Versions", icon: "history", onClick: () => versions(one) },
    null,
    one && { label: "Rename", icon: "rename", keys: "F2", onClick: () => rename(one) },
    { label: "Move to…", icon: "move", onClick: () => move(rows) },
    { label: "Copy to…", icon: "copy", onClick: () => copy(rows) },
    null,
    { label: "Delete", icon: "trash", keys: "Del", danger: true, onClick: () => trash(rows) },
  ].filter((item) => item !== false && item !== undefined && !(item === null && !one));
}

/** Save files to the user's computer. */
export async function download(files) {
  for (const [index, file] of files.entries()) {
    // Browsers drop downloads that begin in the same instant.
    if (index) await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS_MS));
    const link = h("a", { href: contentUrl(file.id), download: file.name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
  }
}

/** Show the versions of a file. */
export async function versions(file) {
  const { showVersions } = await import("./versions.js");
  await showVersions(file);
}

/** Ask for a name and make a folder of it. @returns {Promise<string|undefined>} the name */
export function newFolder(parent) {
  return prompt("New folder", {
    label: "Name", action: "Create",
    submit: async (name) => {
      await post("/folders", { path: join(parent, asName(name)) });
      notice("Folder created.");
      changed();
    },
  });
}

/** Ask for a new name. */
export function rename(row) {
  const dot = row.name.lastIndexOf(".");
  return prompt(row.folder ? "Rename the folder" : "Rename the file", {
    label: "Name", action: "Rename", value: row.name, select: !row.folder && dot > 0 ? dot : row.name.length,
    submit: async (name) => {
      if (name === row.name) return;
      await relocate(row, join(row.parent, asName(name)));
      notice("Renamed.");
      changed();
    },
  });
}

/** Ask for a folder and move everything there. */
export async function move(rows) {
  const folder = await chooseFolder(`Move ${named(rows)} to`, "Move here", { from: rows[0].parent, not: rows });
  if (folder === undefined) return;
  await each(rows, (row) => relocate(row, join(folder, row.name)), "moved");
}

/** Ask for a folder and copy everything there. */
export async function copy(rows) {
  const folder = await chooseFolder(`Copy ${named(rows)} to`, "Copy here", { from: rows[0].parent });
  if (folder === undefined) return;
  await each(rows, (row) => (row.folder
    ? post("/folders/copy", { path: row.path, to: join(folder, row.name) })
    : post(`/files/${row.id}/copy`, { path: join(folder, row.name) })), "copied");
}

/** Move everything to the trash, from where it can be brought back at once. */
export async function trash(rows) {
  const files = rows.filter((row) => !row.folder);
  const undo = { label: "Undo", onClick: () => each(files, (file) => post(`/trash/${file.id}/restore`, {}), "restored") };
  await each(rows, (row) => (row.folder ? remove("/folders", { path: row.path }) : remove(`/files/${row.id}`)), "moved to the trash",
    { action: files.length === rows.length ? undo : undefined });
}

/** A slash would make a path of the name. What else makes a bad name the API says. */
function asName(text) {
  if (!text.includes("/")) return text;
  throw new ApiError(400, { code: "invalid_name", field: "path", message: "A name has no slash: to put it elsewhere, move it." });
}

function relocate(row, path) {
  return row.folder ? patch("/folders", { path: row.path, to: path }) : patch(`/files/${row.id}`, { path });
}

function named(rows) {
  return rows.length === 1 ? `“${rows[0].name}”` : count(rows.length, "item");
}

/** Do the same with all of them, a few at a time, and say how it went. */
export async function each(rows, action, done, { action: further } = {}) {
  const left = [...rows];
  const failed = [];
  const worker = async () => {
    for (let row = left.shift(); row; row = left.shift()) await action(row).catch((error) => failed.push({ row, error }));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  changed();
  const good = rows.length - failed.length;
  if (!failed.length) notice(`${rows.length === 1 ? rows[0].name : count(good, "item")} ${done}.`, { action: further });
  else if (rows.length === 1) complain(failed[0].error);
  else {
    const { row, error } = failed[0];
    notice(`${good} of ${count(rows.length, "item")} ${done}. ${baseName(row.path)}: ${error.message}`, { kind: "bad" });
  }
}

/** A file as it is now. */
export async function fresh(fileId) {
  const { data, consistency } = await get(`/files/${encodeURIComponent(fileId)}`);
  return { file: data.file, consistency };
}
