/** Begins the page, and shows at each address what belongs there. */
import { countConflicts } from "./conflicts.js";
import { calm, fill, h } from "./dom.js";
import { banner, complain } from "./notices.js";
import * as router from "./router.js";
import { onExpired, open, session, signOut } from "./session.js";
import { frame, mark, showSearch, unframe } from "./shell.js";
import { askAgain, showSignIn } from "./signin.js";
import { drawUsage } from "./usage.js";
import { viewsFor } from "./views.js";

const app = document.getElementById("app");
const ENTRANCES = new Set(["/login", "/register"]);
let leave = null;
let visit = 0;
let told = null;

async function begin() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    try {
      await open();
      break;
    } catch (error) {
      banner(error.message ?? "EchoFS does not answer right now. Trying again.");
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  banner(null);
  onExpired(askAgain);
  addEventListener("echofs-changed", calm(1000, tellAside));
  router.start(show);
}

async function show(url) {
  const mine = (visit += 1);
  leave?.();
  leave = null;
  document.body.dataset.page = "changing";
  if (!session.user) {
    unframe();
    if (ENTRANCES.has(url.pathname)) showSignIn(app, url, (next) => router.go(next, { replace: true }));
    else router.go(`/login${url.pathname === "/" ? "" : `?${new URLSearchParams({ next: url.pathname + url.search })}`}`, { replace: true });
    document.body.dataset.page = "ready";
    return;
  }
  if (ENTRANCES.has(url.pathname)) {
    router.go("/files/", { replace: true });
    return;
  }
  const main = frame(app, { signOut: depart });
  if (told !== session.user.id) tellAside();
  try {
    await showView(main, url, mine);
  } catch (error) {
    complain(error);
  }
  if (mine === visit) document.body.dataset.page = "ready";
}

async function showView(main, url, mine) {
  const view = viewsFor(session.user).find((candidate) => candidate.pattern.test(url.pathname));
  if (!view) {
    fill(main, h("div", { class: "empty" }, h("h1", {}, "There is nothing at this address"),
      h("p", {}, h("a", { href: "/files/" }, "Go to my files"))));
    return;
  }
  mark(view);
  showSearch(url);
  const module = await view.load();
  if (mine !== visit) return;
  const end = await module.show(main, view.pattern.exec(url.pathname), url);
  if (mine === visit) leave = end ?? null;
  else end?.();
}

/** Bring what stands beside the view up to date. */
function tellAside() {
  told = session.user?.id ?? null;
  if (!told) return;
  drawUsage();
  // Only a number in the side bar: the view itself complains when it is asked for.
  countConflicts({ patient: false }).catch(() => {});
}

async function depart() {
  try {
    const { endUploads } = await import("./uploads.js");
    if (!(await endUploads())) return;
    await signOut();
    router.go("/login");
  } catch (error) {
    complain(error);
  }
}

begin();
