/** All versions of a file: to look at, to save, to bring back. */
import { changed } from "./actions.js";
import { contentUrl, get, post } from "./api.js";
import { dialog } from "./dialogs.js";
import { button, h, icon, named } from "./dom.js";
import { count, exactly, size } from "./format.js";
import { complain, notice } from "./notices.js";
import { preview } from "./preview.js";
import { fileRow } from "./rows.js";

const KINDS = { move: "moved", tombstone: "deleted", content: "" };

/** Show the history of a file in a dialog. */
export async function showVersions(file) {
  try {
    const { data } = await get(`/files/${encodeURIComponent(file.id)}/versions`);
    await dialog("Versions", (close) => ({
      body: [
        h("p", {}, named(file.name), `: ${count(data.versions.length, "version")}. Old ones are kept and can be brought back.`),
        h("ol", { class: "versions" }, data.versions.map((version, index) => entry(file, version, index === 0, close))),
      ],
    }), { kind: "wide" });
  } catch (error) {
    complain(error);
  }
}

function entry(file, version, present, close) {
  const row = { ...fileRow({ ...version, id: file.id }), key: `${file.id} ${version.version}` };
  const bytes = version.kind !== "tombstone";
  return h("li", {},
    h("div", { class: "version-text" },
      h("strong", {}, `Version ${version.version}`, present && " (present)", KINDS[version.kind] && `, ${KINDS[version.kind]}`),
      h("span", { class: "quiet-text" }, `${exactly(version.updated_at)} · ${size(version.size)} · `, named(version.path))),
    bytes && h("div", { class: "tools" },
      button({ label: `Look at version ${version.version}`, icon: "file", quiet: true, onClick: () => preview(row, [row], { version: version.version }) }),
      h("a", { class: "button quiet", href: contentUrl(file.id, { version: version.version }), download: version.name, "aria-label": `Download version ${version.version}`, title: "Download" }, icon("download")),
      !present && button({ label: "Bring back", icon: "restore", onClick: () => bringBack(file, version, close) })));
}

async function bringBack(file, version, close) {
  try {
    await post(`/files/${encodeURIComponent(file.id)}/versions/${version.version}/restore`, {});
    notice(`Version ${version.version} is the present one again; the others are still there.`);
    close();
    changed();
  } catch (error) {
    complain(error);
  }
}
