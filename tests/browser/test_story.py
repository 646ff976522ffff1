"""A first visit, from the account to a file that was deleted by mistake."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visitor import Visitor


def test_a_first_visit(visitor: Visitor) -> None:
    visitor.upload("letter.txt", b"Dear Ada,")
    expect(visitor.row("letter.txt").get_by_label("3 of 3 copies, in 3 zones")).to_be_visible()
    expect(visitor.uploads()).to_contain_text("Stored: 3 copies in 3 zones")

    visitor.choose("letter.txt", "Receipt and details")
    details = visitor.page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("Losing any one worker loses nothing.")
    expect(details).to_contain_text("Committed")

    visitor.choose("letter.txt", "Rename")
    visitor.page.get_by_role("textbox", name="Name").fill("letter to Ada.txt")
    visitor.page.get_by_role("button", name="Rename").click()
    expect(visitor.row("letter to Ada.txt")).to_be_visible()
    expect(visitor.row("letter.txt")).to_have_count(0)

    visitor.page.get_by_role("button", name="letter to Ada.txt", exact=True).click()
    expect(visitor.page.get_by_role("dialog")).to_contain_text("Dear Ada,")
    visitor.page.keyboard.press("Escape")
