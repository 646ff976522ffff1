/**
 * The parts of the page. To add one, write a module that exports `show(main, match, url)` and name it here; what `show`
 * returns, if anything, is called when the user leaves. A part with `role` is there only for users who have that role.
 */

/** @typedef {{name: string, title: string, pattern: RegExp, load: () => Promise<object>, nav?: {href: string, icon: string}, role?: string}} View */

/** @type {View[]} */
export const VIEWS = [
  {
    name: "files",
    title: "Files",
    pattern: /^\/(?:files\/(.*))?$/,
    load: () => import("./files.js"),
    nav: { href: "/files/", icon: "folder" },
  },
  {
    name: "trash",
    title: "Trash",
    pattern: /^\/trash$/,
    load: () => import("./trash.js"),
    nav: { href: "/trash", icon: "trash" },
  },
  {
    name: "conflicts",
    title: "Conflicts",
    pattern: /^\/conflicts$/,
    load: () => import("./conflicts.js"),
    nav: { href: "/conflicts", icon: "conflict" },
  },
  {
    name: "account",
    title: "Account",
    pattern: /^\/account$/,
    load: () => import("./account.js"),
    nav: { href: "/account", icon: "user" },
  },
  {
    name: "admin",
    title: "Admin",
    pattern: /^\/admin(?:\/(.*))?$/,
    load: () => import("./admin/admin.js"),
    nav: { href: "/admin/workers", icon: "admin" },
    role: "admin",
  },
  { name: "search", title: "Search", pattern: /^\/search$/, load: () => import("./files.js") },
];

/** The views that this user may see. */
export function viewsFor(user) {
  return VIEWS.filter((view) => !view.role || view.role === user.role);
}
