/** Addresses of the page: going to one without loading the page anew, and showing what belongs there. */

let show = () => {};

/** Begin to show addresses; `action` is called with each new one. */
export function start(action) {
  show = action;
  addEventListener("popstate", () => show(new URL(location.href)));
  document.addEventListener("click", follow);
  show(new URL(location.href));
}

/** Go to an address of the page; with `replace` the present one is not kept in the history. */
export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  show(new URL(location.href));
}

/** Show the present address anew. */
export function reload() {
  show(new URL(location.href));
}

function follow(event) {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href);
  const ours = url.origin === location.origin && !url.pathname.startsWith("/api/") && !url.pathname.startsWith("/static/");
  if (!ours || (url.pathname === location.pathname && url.hash)) return;
  event.preventDefault();
  go(url.pathname + url.search);
}
