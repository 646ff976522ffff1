/** Choosing a folder. */
import { get } from "./api.js";
import { newFolder } from "./actions.js";
import { dialog } from "./dialogs.js";
import { button, fill, h, icon, named } from "./dom.js";
import { folderOf, join } from "./format.js";
import { complain } from "./notices.js";
import { folderRow } from "./rows.js";

/**
 * Let the user walk through the folders and choose one.
 *
 * @param {string} title
 * @param {string} action the word on the button
 * @param {{from?: string, not?: {folder: boolean, path: string}[]}} [options] `from` is where to begin; what is moved
 *   cannot be chosen itself
 * @returns {Promise<string|undefined>} the path; "" is the root
 */
export function chooseFolder(title, action, { from = "", not = [] } = {}) {
  const moved = new Set(not.filter((row) => row.folder).map((row) => row.path));
  let here = from;
  const list = h("ul", { class: "tree" });
  const where = h("p", { class: "tree-path" });
  const showPlace = () => fill(where, here && button({ label: "Up", icon: "back", quiet: true, onClick: () => enter(folderOf(here)) }),
    icon("folder"), named(here || "Files"));
  const enter = async (path) => {
    const before = here;
    // At once, so that a choice made while the folder loads means what is shown.
    here = path;
    showPlace();
    try {
      const { data } = await get("/files", { folder: path, limit: 1 });
      if (here !== path) return;
      const folders = (data.folders ?? []).map(folderRow).filter((row) => !moved.has(row.path));
      fill(list, folders.length
        ? folders.map((row) => h("li", {}, h("button", { type: "button", on: { click: () => enter(row.path) } }, icon("folder"), named(row.name))))
        : h("li", { class: "quiet-text" }, "No folders in here."));
    } catch (error) {
      complain(error);
      if (here !== path) return;
      here = before;
      showPlace();
    }
  };
  enter(here);
  return dialog(title, (close) => ({
    body: [where, list],
    actions: [
      button({ label: "New folder", icon: "newfolder", onClick: async () => {
        const name = await newFolder(here);
        if (name) await enter(join(here, name));
      } }),
      button({ label: action, kind: "primary", onClick: () => close(here) }),
    ],
  }));
}
