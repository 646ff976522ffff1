/** What stands around every part of the page: the bar at the top, the ways to the parts, who is signed in. */
import { button, calm, fill, h, icon, named } from "./dom.js";
import { menu } from "./menu.js";
import { go } from "./router.js";
import { session } from "./session.js";
import { viewsFor } from "./views.js";

let current = null;

/** The element that parts are shown in; made anew when somebody else is signed in. */
export function frame(app, { signOut }) {
  if (current?.user === session.user.id && app.contains(current.main)) return current.main;
  const main = h("main", { id: "main", class: "main", tabindex: "-1" });
  const aside = h("div", { class: "side-foot", id: "side-foot" });
  fill(app, top(signOut), h("div", { class: "columns" },
    h("nav", { class: "side", "aria-label": "Parts of the page" }, h("ul", {}, viewsFor(session.user).map(entry)), aside), main));
  current = { user: session.user.id, main };
  return main;
}

/** Forget the frame, as when nobody is signed in. */
export function unframe() {
  current = null;
}

/** Say which part is shown. */
export function mark(view, heading = view.title) {
  document.title = `${heading} · EchoFS`;
  for (const link of document.querySelectorAll(".side a[data-view]")) {
    if (link.dataset.view === view.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Have the search box say what is shown, unless somebody is writing in it. */
export function showSearch(url) {
  const input = document.querySelector(".search input");
  if (input && input !== document.activeElement) input.value = url.pathname === "/search" ? (url.searchParams.get("q") ?? "") : "";
}

/** Show a number beside a part's name; 0 shows none. */
export function badge(name, number, label) {
  const place = document.querySelector(`.side a[data-view="${name}"] .badge`);
  if (place) fill(place, number > 0 && h("span", { "aria-label": label }, number));
}

function entry(view) {
  if (!view.nav) return null;
  return h("li", {}, h("a", { href: view.nav.href, dataset: { view: view.name } },
    icon(view.nav.icon), h("span", {}, view.title), h("span", { class: "badge" })));
}

function top(signOut) {
  return h("header", { class: "top" },
    h("a", { class: "brand", href: "/files/", "aria-label": "EchoFS, my files" }, mascot(), h("span", {}, "EchoFS")),
    searchBox(),
    h("div", { class: "top-end" }, themeSwitch(), accountMenu(signOut)));
}

/** The sign of EchoFS. */
export function mascot() {
  return h("span", { class: "brand-mark", "aria-hidden": "true" });
}

function searchBox() {
  const input = h("input", {
    type: "search", name: "q", placeholder: "Search in all folders", "aria-label": "Search in all folders",
    autocomplete: "off", spellcheck: "false",
  });
  const search = () => {
    const query = input.value.trim();
    const there = location.pathname === "/search";
    if (query) go(`/search?${new URLSearchParams({ q: query })}`, { replace: there });
    else if (there) go("/files/");
  };
  input.addEventListener("input", calm(300, search));
  return h("form", { class: "search", role: "search", on: { submit: (event) => { event.preventDefault(); search(); } } },
    icon("search"), input);
}

/** A button that changes between light and dark. */
export function themeSwitch() {
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const change = () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("echofs-theme", theme);
    } catch {
      // It holds until the page is closed, then.
    }
    dispatchEvent(new CustomEvent("echofs-theme", { detail: theme }));
  };
  const element = button({ label: "Light or dark", icon: "moon", quiet: true, kind: "theme", onClick: change });
  element.append(icon("sun"));
  return element;
}

function accountMenu(signOut) {
  const element = button({
    label: "Account", quiet: true, kind: "avatar", "aria-haspopup": "menu",
    onClick: () => menu(element, [
      { label: "Account", icon: "user", onClick: () => go("/account") },
      { label: "Sign out", icon: "signout", onClick: signOut },
    ], { heading: named(session.user.username) }),
  });
  element.append(h("span", { "aria-hidden": "true" }, initial(session.user.username)));
  return element;
}

function initial(name) {
  return [...name][0].toLocaleUpperCase();
}
