"""What people do with the page, by what they see: labels, texts and roles."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

PASSWORD = "correct horse 42 battery"


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
        self.page.get_by_role("button", name="Upload").first.click()
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("menuitem", name="Files…").click()
        chooser.value.set_files([{"name": name, "mimeType": media_type, "buffer": content}])
        expect(self.uploads().get_by_text(shown or name)).to_be_visible()
        expect(self.uploads().get_by_role("heading")).to_contain_text("stored")
        expect(self.row(shown or name)).to_be_visible()

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

    def part(self, name: str) -> None:
        """Go to another part of the page."""
        self.page.get_by_role("navigation", name="Parts of the page").get_by_role("link", name=name).click()
