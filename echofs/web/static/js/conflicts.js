/** Changes that met while the catalog was away, and what is to become of them. */
import { changed } from "./actions.js";
import { get, post } from "./api.js";
import { button, fill, h, icon, named } from "./dom.js";
import { exactly, size } from "./format.js";
import { complain, notice } from "./notices.js";
import { badge } from "./shell.js";

/** Those that wait for a decision. @returns {Promise<object[]>} as in docs/api.md, Conflicts */
export async function openConflicts(options = {}) {
  const { data } = await get("/conflicts", { state: "open", limit: 1000 }, options);
  return data.conflicts;
}

/** Show in the side bar how many wait. */
export async function countConflicts(options) {
  const open = await openConflicts(options);
  badge("conflicts", open.length, `${open.length} to be decided`);
}

export async function show(main) {
  const list = h("div", { class: "cards" });
  fill(main, h("div", { class: "page" },
    h("h1", {}, "Conflicts"),
    h("p", { class: "lead" }, "While the catalog was away, somebody else changed the same file. Nothing is lost: choose what is to be kept."),
    list));
  const load = async () => {
    const [open, all] = await Promise.all([openConflicts(), get("/conflicts", { state: "resolved", limit: 50 })]);
    fill(list,
      open.length ? open.map((conflict) => conflictCard(conflict))
        : h("div", { class: "empty" }, icon("check"), h("h2", {}, "Nothing to decide"), h("p", {}, "Changes that met were put together by themselves, or there were none.")),
      all.data.conflicts.length > 0 && [h("h2", {}, "Decided"), all.data.conflicts.map(decided)]);
    badge("conflicts", open.length, `${open.length} to be decided`);
  };
  await load();
  const again = () => load().catch(complain);
  addEventListener("echofs-changed", again);
  return () => removeEventListener("echofs-changed", again);
}

/** A conflict with the choices there are. */
export function conflictCard(conflict) {
  const choose = (keep, done) => async () => {
    try {
      await post(`/conflicts/${encodeURIComponent(conflict.id)}/resolve`, { keep });
      notice(done);
      changed();
    } catch (error) {
      complain(error);
    }
  };
  const { mine } = conflict;
  return h("section", { class: "card conflict", "aria-label": `Conflict about ${conflict.path}` },
    h("p", { class: "card-title" }, icon("conflict"), named(conflict.path)),
    h("p", {}, mine
      ? `Your version of ${exactly(mine.updated_at)} (${size(mine.size)}) met another change of the same file.`
      : "Your change met another change of the same file."),
    h("div", { class: "tools" },
      button({ label: "Keep both", icon: "copy", kind: "primary", onClick: choose("both", "Both are kept.") }),
      button({ label: "Keep mine", onClick: choose("mine", "Your version is the present one; the other stays in the history.") }),
      button({ label: "Keep the other", onClick: choose("theirs", "The other version stays.") })));
}

function decided(conflict) {
  return h("section", { class: "card" }, h("p", { class: "card-title" }, icon("check"), named(conflict.path)),
    h("p", { class: "quiet-text" }, `${conflict.rule}, ${exactly(conflict.resolved_at ?? conflict.created_at)}`));
}
