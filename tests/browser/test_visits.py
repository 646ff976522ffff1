"""What people go through with the page, from the first visit on."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Error, ViewportSize, expect

from tests.browser.samples import HTML, MARKUP, POLYGLOT, RECORDING, SVG, pdf, png, wav
from tests.browser.visitor import PASSWORD, Visitor

PHONE = ViewportSize(width=390, height=844)
OUTSIDE = """() => [...document.querySelectorAll("a, button, input, h1, h2, p")]
  .filter((element) => element.checkVisibility() && !element.closest(".skip-link"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1).map((element) => element.outerHTML)"""
"""What a window is too narrow for."""


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


def test_a_whole_folder_that_is_dropped_arrives_as_it_is(visitor: Visitor, tmp_path: Path) -> None:
    page, root = visitor.page, tmp_path / "holiday"
    contents = {"plan.txt": b"Go.", "Zürich/Zoë 🏔/день.txt": b"1", "Zürich/<b>bold.txt": b"2", "'; drop.txt": b""}
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "nothing in it").mkdir()

    visitor.drop(root)
    expect(visitor.uploads().get_by_role("heading")).to_have_text("4 files stored")
    page.get_by_role("link", name="holiday").click()
    expect(visitor.row("'; drop.txt")).to_be_visible()
    assert {name: visitor.stored(f"holiday/{name}") for name in contents} == contents
    page.get_by_role("link", name="Zürich").click()
    expect(visitor.row("<b>bold.txt")).to_be_visible()
    expect(visitor.row("Zoë 🏔")).to_be_visible()
    page.get_by_role("navigation", name="Path").get_by_role("link", name="holiday").click()
    page.get_by_role("link", name="nothing in it").click()
    expect(page.get_by_role("heading", name="This folder is empty")).to_be_visible()


def test_an_upload_is_paused_and_goes_on_and_its_session_may_end(visitor: Visitor) -> None:
    page, panel = visitor.page, visitor.uploads()
    contents = {f"part{number}.bin": random.Random(number).randbytes(1 << 20) for number in range(6)}
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status == 401 else None)
    with visitor.slow_uploads(600_000):
        visitor.choose_files(contents)
        panel.get_by_role("button", name="Pause part0.bin").click()
        expect(panel.get_by_role("listitem").filter(has_text="part0.bin")).to_contain_text("paused")
        # Four are on their way at once: those that wait need a session to begin.
        page.context.clear_cookies()
    visitor.sign_in_again()
    assert any(url.endswith("/uploads") for url in refused)
    expect(panel.get_by_role("heading")).to_have_text("Uploading 1 file")
    expect(panel.get_by_role("listitem").filter(has_text="part0.bin")).to_contain_text("paused")
    panel.get_by_role("button", name="Go on with part0.bin").click()
    expect(panel.get_by_role("heading")).to_have_text("6 files stored")
    assert {name: visitor.stored(name) for name in contents} == contents


def test_files_are_put_in_order_and_an_old_version_comes_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.upload_beside("notes.txt", b"first thoughts")
    visitor.upload("notes.txt", b"second thoughts")
    visitor.choose("notes.txt", "Versions")
    history = page.get_by_role("dialog", name="Versions")
    expect(history).to_contain_text("Version 2 (present)")
    history.get_by_role("button", name="Bring back").click()
    expect(history).to_have_count(0)
    expect(visitor.open("notes.txt")).to_contain_text("first thoughts")
    page.keyboard.press("Escape")

    visitor.choose("notes.txt", "Copy to…")
    page.get_by_role("button", name="New folder").last.click()
    page.get_by_role("dialog", name="New folder").get_by_label("Name").fill("kept")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Copy “notes.txt” to")).to_contain_text("kept")
    page.get_by_role("button", name="Copy here").click()
    expect(page.get_by_text("notes.txt copied.").first).to_be_visible()
    visitor.choose("kept", "Rename")
    page.get_by_role("textbox", name="Name").fill("archive")
    page.keyboard.press("Enter")
    visitor.choose("notes.txt", "Rename")
    page.get_by_role("textbox", name="Name").fill("thoughts.txt")
    page.keyboard.press("Enter")
    visitor.choose("thoughts.txt", "Move to…")
    page.get_by_role("dialog").get_by_role("button", name="archive").click()
    page.get_by_role("button", name="Move here").click()
    expect(visitor.row("thoughts.txt")).to_have_count(0)
    page.get_by_role("link", name="archive").click()
    expect(visitor.row("thoughts.txt")).to_be_visible()
    expect(visitor.row("notes.txt")).to_be_visible()
    assert visitor.stored("archive/thoughts.txt") == visitor.stored("archive/notes.txt") == b"first thoughts"


def test_pictures_sound_video_and_documents_are_shown(visitor: Visitor) -> None:
    page = visitor.page
    visitor.upload_beside("a.png", png(40, 30, ((9, 9, 9), (200, 0, 0))), "image/png")
    visitor.upload_beside("b.wav", wav(300), "audio/wav")
    visitor.upload_beside("c.webm", bytes(page.evaluate(RECORDING)), "video/webm")
    visitor.upload_beside("d.pdf", pdf("Hello"), "application/pdf")
    page.reload()
    shown = visitor.open("a.png")
    expect(shown.get_by_role("img", name="a.png")).to_have_js_property("naturalWidth", 40)
    for name, tag, length in (("b.wav", "audio", 0.2), ("c.webm", "video", 0)):
        page.keyboard.press("ArrowRight")
        expect(shown.get_by_role("heading", name=name)).to_be_visible()
        playing = "element => element.play().then(() => element.duration)"
        assert shown.locator(tag).evaluate(playing) > length
    shown.get_by_role("button", name="Next").click()
    if page.evaluate("navigator.pdfViewerEnabled"):
        expect(shown.get_by_title("Document")).to_have_attribute("src", re.compile("^blob:"))
    else:
        expect(shown).to_contain_text("There is no preview for this kind of file.")


def test_hostile_files_are_shown_as_text_and_never_run(visitor: Visitor) -> None:
    page = visitor.page
    stolen: list[str] = []
    page.context.on("request", lambda request: stolen.append(request.url) if "/owned" in request.url else None)
    visitor.upload(MARKUP, b"x")
    visitor.upload("photo \u202egpj.exe", b"MZ", shown="photo U+202Egpj.exe")
    for name, media_type, content in (("a.svg", "image/svg+xml", SVG), ("b.html", "text/html", HTML)):
        visitor.upload_beside(name, content.encode(), media_type)
        page.reload()
        expect(visitor.open(name).locator("pre")).to_have_text(content)
        page.keyboard.press("Escape")
    visitor.upload_beside("c.gif", POLYGLOT, "image/gif")
    page.reload()
    expect(visitor.open("c.gif").get_by_role("img", name="c.gif")).to_be_visible()
    page.keyboard.press("Escape")
    # Who is lured to the file's own address gets no further.
    lured = page.context.new_page()
    for file in visitor.ask("GET", "/files?folder=")["files"]:
        with suppress(Error):  # "Download is starting"
            lured.goto(f"/api/v1/files/{file['id']}/download?inline=1")
    assert stolen == []
    assert page.evaluate("'owned' in window") is False


def test_a_thousand_files_are_found_and_leafed_through(visitor: Visitor) -> None:
    page = visitor.page
    for number in range(10):
        visitor.upload_beside(f"all/Ledger {number}.txt", b"x")
    for number in range(7):
        visitor.ask("POST", "/folders/copy", {"path": "all", "to": "more"})
        visitor.ask("PATCH", "/folders", {"path": "more", "to": f"all/{number}"})
    page.get_by_role("searchbox").fill("leDger")
    found = page.get_by_role("grid", name="Files that were found")
    expect(found.get_by_role("row").nth(1)).to_contain_text("Ledger 0.txt")
    found.get_by_role("row").nth(1).focus()
    for said, last in (("500 items and more", 501), ("1,000 items and more", 1001), ("1,280 items", 1281)):
        expect(page.get_by_role("status")).to_have_text(said)
        page.keyboard.press("End")
        expect(found.locator(":focus")).to_have_attribute("aria-rowindex", str(last))
        assert found.get_by_role("row").count() < 100
    expect(found).to_have_attribute("aria-rowcount", "1281")


def test_everything_goes_by_keyboard(visitor: Visitor) -> None:
    page, press = visitor.page, visitor.page.keyboard.press
    for name in ("a.txt", "b.txt", "c.txt"):
        visitor.upload_beside(name, name.encode())
    page.reload()
    expect(visitor.row("a.txt")).to_be_visible()
    press("Tab")
    expect(page.get_by_role("link", name="Skip to")).to_be_focused()
    press("Enter")
    visitor.tab_to(visitor.row("a.txt"))
    press("F2")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("first")
    press("Enter")
    expect(visitor.row("first.txt")).to_be_visible()
    press("Home")
    press("Shift+ArrowDown")
    expect(page.get_by_role("heading", name="2 items selected")).to_be_visible()
    press("Delete")
    expect(visitor.row("first.txt")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    visitor.tab_to(page.get_by_role("button", name="Undo"))
    press("Enter")
    expect(visitor.row("b.txt")).to_be_visible()
    visitor.tab_to(visitor.row("first.txt"))
    press("Shift+F10")
    expect(page.get_by_role("menuitem", name="Open")).to_be_focused()
    press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("a.txt")
    press("Escape")
    press("i")
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("3 of 3")


def test_a_phone_has_room_for_all_of_it(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size(PHONE)
    visitor.upload("a name that is far longer than what a phone can show in one line of it.txt", b"x")
    for way in ("/files/", "/trash", "/conflicts", "/account"):
        page.goto(way)
        expect(page.locator("body")).to_have_attribute("data-page", "ready")
        assert page.evaluate(OUTSIDE) == []
    page.goto("/files/")
    visitor.choose("a name that is far longer than what a phone can show in one line of it.txt", "Receipt")
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("Safe")
    assert page.evaluate(OUTSIDE) == []


def test_who_is_not_signed_in_comes_to_where_they_wanted_after_that(visitor: Visitor) -> None:
    page = visitor.page
    page.context.clear_cookies()
    page.goto("/files/a/b")
    page.get_by_label("User name or e-mail address").fill(visitor.name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/files/a/b")
    expect(page.get_by_role("navigation", name="Parts of the page")).to_be_visible()
