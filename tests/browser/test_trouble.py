"""An upload whose master is killed."""

from __future__ import annotations

import random
import re
from hashlib import sha256

import pytest
from playwright.sync_api import Request, expect

from tests.browser.visitor import Visitor
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.chaos

BACK_MS = 60_000


def test_an_upload_outlives_its_master(cluster: Cluster, visitor: Visitor) -> None:
    page, panel = visitor.page, visitor.uploads()
    content = random.Random(7).randbytes(24 << 20)
    offsets: list[int] = []

    def asked(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    page.on("request", asked)
    with visitor.slow_uploads(4_000_000):
        visitor.choose_files({"film.bin": content})
        expect(panel).to_contain_text(re.compile(r"[89](\.\d)? MiB of 24 MiB"))
        killed = cluster.pid("master")
        cluster.signal("master")
        expect(panel).to_contain_text("EchoFS does not answer. Progress is kept, and it is tried again.")
        visitor.part("Trash")
        expect(page.get_by_text("EchoFS does not answer right now.")).to_be_visible()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible(timeout=BACK_MS)
    expect(page.get_by_text("EchoFS does not answer right now.")).to_be_hidden()
    expect(panel.get_by_role("heading")).to_have_text("1 file stored", timeout=BACK_MS)
    assert cluster.pid("master") != killed
    assert sha256(visitor.stored("film.bin")).digest() == sha256(content).digest()
    assert offsets[-1] > 0, "it went on where it was"
