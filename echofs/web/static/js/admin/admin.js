/** The pages of administrators: one frame with a way to each of them. */
import { fill, h } from "../dom.js";
import { go } from "../router.js";
import { mark } from "../shell.js";

/** @typedef {{name: string, title: string, load: () => Promise<{show: Function}>}} Section */

/** @type {Section[]} */
const SECTIONS = [
  { name: "users", title: "Users", load: () => import("./users.js") },
  { name: "workers", title: "Workers", load: () => import("./workers.js") },
  { name: "replication", title: "Replication", load: () => import("./replication.js") },
  { name: "consistency", title: "Consistency", load: () => import("./consistency.js") },
  { name: "audit", title: "Audit log", load: () => import("./audit.js") },
];

export async function show(main, match, url) {
  const name = match[1] ?? "";
  const section = SECTIONS.find((candidate) => candidate.name === name);
  if (!section) {
    if (name === "") go("/admin/workers", { replace: true });
    else fill(main, h("div", { class: "empty" }, h("h1", {}, "There is nothing at this address"),
      h("p", {}, h("a", { href: "/admin/workers" }, "Go to the administration"))));
    return null;
  }
  const place = frame(main, section);
  const module = await section.load();
  return module.show(place, url);
}

/** Where the section is shown. The frame stays from one to the next, and with it the focus. */
function frame(main, section) {
  if (!main.querySelector(":scope > .admin")) {
    fill(main, h("div", { class: "admin" },
      h("nav", { class: "admin-tabs", "aria-label": "Administration" }, h("ul", {}, SECTIONS.map((each) => (
        h("li", {}, h("a", { href: `/admin/${each.name}`, dataset: { section: each.name } }, each.title)))))),
      h("div", { class: "page admin-page" })));
  }
  for (const link of main.querySelectorAll(".admin-tabs a")) {
    if (link.dataset.section === section.name) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else link.removeAttribute("aria-current");
  }
  mark({ name: "admin" }, section.title);
  const place = main.querySelector(".admin-page");
  fill(place, h("h1", {}, section.title), h("p", { class: "loading", role: "status" }, "Asking…"));
  return place;
}
