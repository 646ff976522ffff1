"""What people go through with the page, from the first visit on."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.visitor import PASSWORD, Visitor

SCRIPT = "top.owned = true"
MARKUP = f"<img src=x onerror='{SCRIPT}'>"


def test_a_first_visit_to_a_file_deleted_by_mistake(visitor: Visitor) -> None:
    page = visitor.page
    visitor.upload("letter.txt", b"Dear Ada,")
    expect(visitor.row("letter.txt").get_by_label("3 of 3 copies, in 3 zones")).to_be_visible()
    expect(visitor.uploads()).to_contain_text("Stored: 3 copies in 3 zones")

    visitor.choose("letter.txt", "Receipt and details")
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("Losing any one worker loses nothing.")
    expect(details).to_contain_text("Committed")

    visitor.choose("letter.txt", "Rename")
    page.get_by_role("textbox", name="Name").fill("letter to Ada.txt")
    page.get_by_role("button", name="Rename").click()
    expect(visitor.row("letter to Ada.txt")).to_be_visible()
    expect(visitor.row("letter.txt")).to_have_count(0)

    visitor.choose("letter to Ada.txt", "Delete")
    expect(page.get_by_role("heading", name="Your files will be here")).to_be_visible()
    visitor.part("Trash")
    visitor.choose("letter to Ada.txt", "Restore")
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    visitor.part("Files")
    page.get_by_role("button", name="letter to Ada.txt", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Dear Ada,")


def test_hostile_files_are_shown_as_text_and_never_run(visitor: Visitor) -> None:
    page, svg = (
        visitor.page,
        f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>',
    )
    visitor.upload(MARKUP, b"x")
    visitor.upload("drawing.svg", svg.encode(), "image/svg+xml")
    page.get_by_role("button", name="drawing.svg", exact=True).click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text(svg)
    page.keyboard.press("Escape")
    visitor.upload("photo \u202egpj.exe", b"MZ", shown="photo U+202Egpj.exe")
    assert page.evaluate("'owned' in window") is False


def test_a_session_that_ended_is_begun_again_where_it_was(visitor: Visitor) -> None:
    page = visitor.page
    visitor.upload("letter.txt", b"Dear Ada,")
    page.context.clear_cookies()
    visitor.choose("letter.txt", "Versions")
    again = page.get_by_role("dialog", name="Sign in to go on")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("dialog", name="Versions")).to_contain_text("Version 1 (present)")


def test_who_is_not_signed_in_comes_to_where_they_wanted_after_that(visitor: Visitor) -> None:
    page = visitor.page
    page.context.clear_cookies()
    page.goto("/files/a/b")
    page.get_by_label("User name or e-mail address").fill(visitor.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/files/a/b")
    expect(page.get_by_role("navigation", name="Parts of the page")).to_be_visible()
