"""One cluster and one browser for all stories; each story is another user in a window of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from tests.browser.visitor import Visitor
from tests.cluster.cluster import Cluster

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE_MS = 20_000
_EXPECTED = "Failed to load resource"
"""What browsers say of every refusal; what the page makes of it is the stories' matter."""
VIEWER = ("chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/", "chrome://resources/")
"""Chromium's own viewer of PDF files."""
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder starts real processes."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster of three workers."""
    started = Cluster(tmp_path_factory.mktemp("browser"), environ={"MASTER_PROCESSES": "1"})
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    # Ended with the last story, as no other event loop can run in the thread until then.
    with sync_playwright() as playwright:
        executable = chromium(playwright)
        if executable is None:
            pytest.skip("No Chromium was found: install it, or name it in CHROMIUM.")
        # Without its own sandbox, which needs rights that containers lack; all it is shown is EchoFS.
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        started = playwright.chromium.launch(executable_path=executable, args=options)
        yield started
        started.close()


def chromium(playwright: Playwright) -> str | None:
    """Where Chromium is: the one that ``CHROMIUM`` names, one of the system's, or Playwright's own."""
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), playwright.chromium.executable_path]
    return next((path for path in found if path and Path(path).exists()), None)


@pytest.fixture
def page(browser: Browser, cluster: Cluster) -> Iterator[Page]:
    """An empty window that stays within this origin and has nothing to complain of: no errors, no blocked content."""
    context = browser.new_context(
        base_url=cluster.url, viewport={"width": 1280, "height": 800}, locale="en-GB", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    window, complaints = context.new_page(), list[str]()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            complaints.append(message.text)

    def failed(error: Error) -> None:
        complaints.append(str(error))

    def asked(request: Request) -> None:
        if not request.url.startswith((cluster.url, "blob:", "data:", *VIEWER)):
            complaints.append(f"a request to {request.url}")

    window.on("console", said)
    window.on("pageerror", failed)
    window.on("request", asked)
    yield window
    context.close()
    assert complaints == []


@pytest.fixture
def visitor(page: Page) -> Visitor:
    """Somebody who has just made an account."""
    return Visitor.registered(page, f"visitor{next(_numbers)}")
