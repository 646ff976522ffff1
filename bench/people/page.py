"""Uploading in a browser: by the page as people use it, and by as little script as a browser needs."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

from bench.cluster import Cluster, token_of
from bench.errors import BenchError, NotInstalled
from bench.people.account import Account
from bench.people.sources import Source
from bench.people.ways import Contest, ResumableCurl
from tests.browser.conftest import chromium
from tests.browser.visitor import PASSWORD, Visitor

_PATIENCE_MS = 120_000
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")

# From the choice, which the page hears of by the same event, until its heading says that all is stored.
_WATCH = """patience => {
  window.watched = new Promise((resolve, reject) => {
    let began = 0, sending = false;
    addEventListener("change", () => { began = performance.now(); }, { capture: true, once: true });
    const look = () => {
      const said = document.querySelector("section.uploads h2")?.textContent ?? "";
      sending ||= said.startsWith("Uploading");
      if (sending && said.endsWith("stored")) end(resolve, (performance.now() - began) / 1000);
      if (sending && said.endsWith("failed")) end(reject, new Error(said));
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { subtree: true, childList: true, characterData: true });
    const timer = setTimeout(() => end(reject, new Error("the upload takes too long")), patience);
    const end = (settle, value) => { observer.disconnect(); clearTimeout(timer); settle(value); };
  });
  window.watched.catch(() => {});
}"""

_BARE_INPUT = "bare"
_BARE = """([id, api]) => {
  document.getElementById(id)?.remove();
  const input = Object.assign(document.createElement("input"), { type: "file", id });
  document.body.append(input);
  const asked = (method, address, headers, body) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => request.status < 300 ? resolve(request) : reject(new Error(request.responseText));
    request.onerror = () => reject(new Error("the connection broke"));
    request.send(body);
  });
  window.sent = (async () => {
    const { csrf } = (await (await fetch(`${api}/session`)).json()).data;
    const chosen = new Promise((resolve) => { input.onchange = () => resolve(performance.now()); });
    window.ready = true;
    const began = await chosen;
    const [file] = input.files;
    const always = { "Tus-Resumable": "1.0.0", "X-CSRF-Token": csrf };
    const named = { "Upload-Length": file.size, "Upload-Metadata": `path ${btoa(file.name)}` };
    const address = (await asked("POST", `${api}/uploads`, { ...always, ...named })).getResponseHeader("Location");
    const bytes = { "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream" };
    await asked("PATCH", address, { ...always, ...bytes }, file);
    return (performance.now() - began) / 1000;
  })();
  window.sent.catch(() => {});
}"""


class OnThePage:
    """A file is chosen on the page, as people do it."""

    name = "the page"

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor

    def send(self, source: Source) -> float:
        page = self._visitor.page
        with _told():
            # Chromium paints nothing in a tab behind another one.
            page.bring_to_front()
            page.evaluate(_WATCH, _PATIENCE_MS)
            self._visitor.choose_paths(source.place)
            return float(page.evaluate("window.watched"))


class Bare:
    """The same requests by XMLHttpRequest and nothing else: no page of this origin could be faster."""

    name = "XMLHttpRequest alone"

    def __init__(self, page: Page) -> None:
        self._page = page

    def send(self, source: Source) -> float:
        with _told():
            self._page.bring_to_front()
            self._page.evaluate(_BARE, [_BARE_INPUT, "/api/v1"])
            self._page.wait_for_function("window.ready")
            self._page.set_input_files(f"#{_BARE_INPUT}", source.place)
            return float(self._page.evaluate("window.sent"))


@contextlib.contextmanager
def page_contest(cluster: Cluster, folder: Path) -> Iterator[Contest]:
    """One file in Chromium without a window. Raises `NotInstalled` without one, `BenchError` if the page fails."""
    with sync_playwright() as playwright, _told():
        program = chromium(playwright)
        if program is None:
            raise NotInstalled("no Chromium was found; install it, or name it in CHROMIUM")
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        with contextlib.closing(browser):
            yield _contest(browser, cluster, folder)


def _contest(browser: Browser, cluster: Cluster, folder: Path) -> Contest:
    host, port = cluster.address
    context = browser.new_context(base_url=f"http://{host}:{port}", locale="en-GB")
    visitor = Visitor.registered(context.new_page(), f"visitor{secrets.token_hex(4)}")
    bare = context.new_page()
    bare.goto("/")
    account = Account(cluster.address, token_of(cluster.address, visitor.name, PASSWORD))
    return Contest(account, ResumableCurl(account, folder), OnThePage(visitor), (Bare(bare),))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in the browser, in its own words."""
    try:
        yield
    except (Error, AssertionError) as error:
        raise BenchError(f"the browser: {error}") from error
