"""What people do with the page, by what they see: labels, texts and roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import FileChooser, FilePayload, Locator, Page, expect

PASSWORD = "correct horse 42 battery"
API = "/api/v1"
TABS = 40
"""More steps of the Tab key than there are places on a page."""


@dataclass(frozen=True)
class Visitor:
    """A user in front of a window."""

    page: Page
    name: str

    @classmethod
    def registered(cls, page: Page, name: str) -> Visitor:
        """Somebody new, who has filled in the form."""
        page.goto("/")
        page.get_by_role("link", name="Create an account").click()
        page.get_by_label("User name").fill(name)
        page.get_by_label("E-mail address").fill(f"{name}@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        expect(page.get_by_role("heading", name="Your files will be here")).to_be_visible()
        return cls(page, name)

    def upload(self, name: str, content: bytes, media_type: str = "text/plain", *, shown: str = "") -> None:
        """Choose a file and wait until it is stored, and listed under the name that is ``shown``."""
        self.choose_files({name: content}, media_type)
        expect(self.uploads().get_by_text(shown or name).first).to_be_visible()
        expect(self.uploads().get_by_role("heading")).to_contain_text("stored")
        expect(self.row(shown or name)).to_be_visible()

    def choose_files(self, contents: Mapping[str, bytes], media_type: str = "application/octet-stream") -> None:
        """Choose files to upload, and wait for nothing."""
        self._chooser().set_files(
            [FilePayload(name=name, mimeType=media_type, buffer=content) for name, content in contents.items()]
        )

    def choose_paths(self, *paths: Path) -> None:
        """Choose files of the disk to upload, and wait for nothing."""
        self._chooser().set_files(paths)

    def drop(self, *paths: Path) -> None:
        """Drop files and folders of the disk in the middle of the page, as a file manager does."""
        devtools = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 400, "data": data})
        devtools.detach()

    def uploads(self) -> Locator:
        """The panel of uploads."""
        return self.page.locator("section.uploads")

    def row(self, name: str) -> Locator:
        """The row of a file or folder."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(name, exact=True))

    def choose(self, name: str, action: str) -> None:
        """Choose from the menu of a file or folder."""
        self.row(name).get_by_role("button", name="Actions for").click()
        self.page.get_by_role("menuitem", name=action).click()

    def open(self, name: str) -> Locator:
        """Look at a file; the dialog that shows it."""
        self.row(name).get_by_role("button", name=name, exact=True).click()
        return self.page.get_by_role("dialog")

    def part(self, name: str) -> None:
        """Go to another part of the page."""
        self.page.get_by_role("navigation", name="Parts of the page").get_by_role("link", name=name).click()

    def sign_in_again(self) -> None:
        """Give the password to the dialog that asks for it above the page."""
        again = self.page.get_by_role("dialog", name="Sign in to go on")
        again.get_by_label("Password").fill(PASSWORD)
        again.get_by_role("button", name="Sign in").click()
        expect(again).to_have_count(0)

    @contextmanager
    def slow_uploads(self, bytes_per_second: int) -> Iterator[None]:
        """A network that takes no more than that, for a while."""
        devtools = self.page.context.new_cdp_session(self.page)
        limits = {"downloadThroughput": -1, "uploadThroughput": bytes_per_second}
        devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0, **limits})
        yield
        devtools.detach()

    def ask(self, method: str, path: str, body: object = None, media_type: str = "") -> dict[str, Any]:
        """The data of an answer of the API, asked beside the page with its cookies."""
        request = self.page.context.request
        csrf = request.get(f"{API}/session").json()["data"]["csrf"]
        headers = {"X-CSRF-Token": csrf, **({"Content-Type": media_type} if media_type else {})}
        answer = request.fetch(API + path, method=method, data=body, headers=headers)
        assert answer.ok, answer.text()
        data: dict[str, Any] = answer.json()["data"]
        return data

    def upload_beside(self, path: str, content: bytes, media_type: str = "text/plain") -> None:
        """Store a file beside the page, which shows it when it looks again."""
        self.ask("POST", f"/files/upload?path={quote(path, safe='')}", content, media_type)

    def _chooser(self) -> FileChooser:
        self.page.get_by_role("button", name="Upload").first.click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("menuitem", name="Files…").click()
        return chooser.value

    def tab_to(self, place: Locator) -> None:
        """Go on with the Tab key until the focus is there."""
        for _ in range(TABS):
            if place.evaluate("element => element.matches(':focus')"):
                return
            self.page.keyboard.press("Tab")
        expect(place).to_be_focused()

    def stored(self, path: str) -> bytes:
        """The bytes of a file, downloaded beside the page."""
        return self.page.context.request.get(f"{API}/files/{self.file(path)['id']}/download").body()

    def file(self, path: str) -> dict[str, Any]:
        """What the API says of a file."""
        found: dict[str, Any] = self.ask("GET", f"/files/by-path?path={quote(path, safe='')}")["file"]
        return found
