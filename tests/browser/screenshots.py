"""Pictures of the page for the documentation, taken of a cluster that is started and filled for them.

``python -m tests.browser.screenshots [FOLDER]`` writes them to docs/screenshots unless another folder is named.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.conftest import chromium
from tests.browser.samples import LANDSCAPE
from tests.browser.visitor import PASSWORD, Visitor
from tests.cluster.cluster import Cluster

DESK = ViewportSize(width=1120, height=680)
PHONE = ViewportSize(width=390, height=760)
PATIENCE_MS = 30_000
FILES = {
    "Letters/To Charles.txt": b"Dear Charles,\n\nthe notes on the engine are done.\n",
    "Music/Prelude.txt": b"",
    "Recipes/Bread.txt": b"Flour, water, salt and time.",
    "Budget 2026.csv": b"month,amount\n" * 900,
    "Notes on the engine.txt": b"We may say most aptly that it weaves algebraical patterns.\n" * 400,
    "Reading list.txt": b"Euler, Fourier, Lovelace\n",
    "Talk, draft.txt": b"Slide one\n" * 800,
}
PICTURES = ("Evening at the lake.png", "Hills in June.png", "Morning.png")


class Album:
    """Where pictures go, and the windows they are taken of."""

    def __init__(self, folder: Path, cluster: Cluster, browser: Browser) -> None:
        self.folder = folder
        self.cluster = cluster
        self.browser = browser

    @contextmanager
    def window(self, *, size: ViewportSize = DESK, dark: bool = False, signed_in: Page | None = None) -> Iterator[Page]:
        """A window, of somebody who is signed in in another if that is given."""
        state = signed_in.context.storage_state() if signed_in else None
        context = self.browser.new_context(
            base_url=self.cluster.url,
            viewport=size,
            locale="en-GB",
            color_scheme="dark" if dark else "light",
            storage_state=state,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()
        context.close()

    def take(self, page: Page, name: str) -> None:
        """Take a picture when everything is loaded."""
        expect(page.locator("body")).to_have_attribute("data-page", "ready")
        expect(page.locator(".chip.pending")).to_have_count(0)
        page.screenshot(path=self.folder / f"{name}.png", animations="disabled", caret="hide")


def main(arguments: list[str]) -> None:
    """Take all pictures."""
    folder = Path(arguments[0] if arguments else "docs/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        cluster = Cluster(Path(place))
        executable = chromium(playwright)
        if executable is None:
            raise SystemExit("No Chromium was found: install it, or name it in CHROMIUM.")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        try:
            album = Album(folder, cluster.start(), browser)
            with album.window() as page:
                _files(album, Visitor.registered(page, "Ada"))
            _administration(album)
        finally:
            browser.close()
            cluster.stop()


def _files(album: Album, ada: Visitor) -> None:
    page = ada.page
    page.evaluate("() => document.querySelectorAll('.toast button').forEach((button) => button.click())")
    for path, content in FILES.items():
        ada.upload_beside(path, content)
    for seed, name in enumerate(PICTURES):
        ada.upload_beside(name, bytes(page.evaluate(LANDSCAPE, seed)), "image/png")
    ada.upload_beside("Talk, draft.txt", b"Slide one, better\n" * 900)
    ada.upload_beside("Talk, draft.txt", b"Slide one, best\n" * 1000)
    for name in ("Old plan.txt", "Train tickets.txt", "Shopping.txt"):
        ada.upload_beside(name, b"x" * 2000)
        ada.ask("DELETE", f"/files/{ada.file(name)['id']}")
    page.reload()
    album.take(page, "files")
    for name, options in {"files-dark": {"dark": True}, "files-phone": {"size": PHONE}}.items():
        with album.window(signed_in=page, **options) as other:  # type: ignore[arg-type]
            other.goto("/files/")
            album.take(other, name)
    _details(album, ada)
    _uploads(album, ada)
    with album.window() as stranger:
        stranger.goto("/login")
        stranger.get_by_label("User name or e-mail address").fill("Ada")
        album.take(stranger, "sign-in")


def _details(album: Album, ada: Visitor) -> None:
    page = ada.page
    ada.choose("Hills in June.png", "Receipt and details")
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("Safe")
    album.take(page, "receipt")
    page.get_by_role("button", name="Close the details").click()
    expect(ada.open("Hills in June.png").get_by_role("img", name="Hills in June.png")).to_be_visible()
    album.take(page, "preview")
    page.keyboard.press("Escape")
    ada.choose("Talk, draft.txt", "Versions")
    expect(page.get_by_role("dialog", name="Versions")).to_contain_text("Version 3 (present)")
    album.take(page, "versions")
    page.keyboard.press("Escape")
    ada.part("Trash")
    expect(ada.row("Shopping.txt")).to_be_visible()
    album.take(page, "trash")
    ada.part("Files")
    expect(ada.row("Letters")).to_be_visible()


def _uploads(album: Album, ada: Visitor) -> None:
    chance = random.Random(4)
    scans = {f"Scan {number}.tiff": chance.randbytes(number << 20) for number in (3, 4, 6, 9)}
    ada.choose_files({"Cover.tiff": chance.randbytes(300_000)})
    expect(ada.uploads()).to_contain_text("Stored: 3 copies")
    with ada.slow_uploads(4_000_000):
        ada.choose_files(scans)
        ada.uploads().get_by_role("button", name="Pause Scan 6.tiff").click()
        expect(ada.uploads()).to_contain_text(" of 9 MiB")
        ada.page.wait_for_timeout(1500)
        album.take(ada.page, "uploads")
    ada.uploads().get_by_role("button", name="Cancel all").click()


def _administration(album: Album) -> None:
    environ = {**album.cluster.environment, "ECHOFS_DATA_DIR": str(album.cluster.data_dir)}
    command = [sys.executable, "-m", "echofs", "admin", "create", "--username", "grace", "--email", "grace@example.org"]
    subprocess.run(command, env={**environ, "ECHOFS_ADMIN_PASSWORD": PASSWORD}, check=True, cwd=album.cluster.folder)
    with album.window() as page:
        page.goto("/login?next=/admin/workers")
        page.get_by_label("User name or e-mail address").fill("grace")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        for title in ("Workers", "Users", "Replication", "Consistency", "Audit log"):
            page.get_by_role("navigation", name="Administration").get_by_role("link", name=title).click()
            expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
            expect(page.locator(".loading")).to_have_count(0)
            album.take(page, f"admin-{title.split()[0].lower()}")


if __name__ == "__main__":
    main(sys.argv[1:])
