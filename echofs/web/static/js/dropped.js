/** Files and whole folders that were dropped or chosen, with their paths. */

/** @typedef {{file: File, path: string}} Found `path` is relative to where it was dropped */

/** The files of an `<input type=file>`; those of a chosen folder have its name in their paths. */
export function chosenFiles(input) {
  return [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/**
 * The files of a drop, and all that are in the folders of it.
 *
 * Must be called while the event is being handled: afterwards browsers forget what was dropped.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<{files: Found[], folders: string[], unreadable: number}>} `folders` are those with nothing in them
 */
export async function droppedFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = { files: [], folders: [], unreadable: 0 };
  for (const entry of entries) {
    if (entry instanceof File) found.files.push({ file: entry, path: entry.name });
    else if (entry) await walk(entry, entry.name, found);
  }
  return found;
}

async function walk(entry, path, found) {
  try {
    if (entry.isFile) {
      found.files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
      return;
    }
    const inside = await children(entry.createReader());
    if (!inside.length) found.folders.push(path);
    for (const child of inside) await walk(child, `${path}/${child.name}`, found);
  } catch {
    // A file that its owner may not read, or that is gone since: the others are still wanted.
    found.unreadable += 1;
  }
}

/** All entries of a folder; readers hand them out a hundred at a time. */
async function children(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
