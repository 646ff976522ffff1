"""The document as a page: complete, offline, and nothing in it that a browser would run or fetch from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from werkzeug.test import TestResponse

from echofs.web.openapi.reading import Reading, prose
from tests.web.test_every_route import Roles, roles  # noqa: F401 - a fixture


class Marks(HTMLParser):
    """The start tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        return [str(given[attribute]) for _tag, given in self.tags if attribute in given]


@pytest.fixture
def answer(roles: Roles) -> TestResponse:  # noqa: F811 - the fixture
    return roles.apps["master"].test_client().get("/api/docs")


@pytest.fixture
def document(roles: Roles) -> dict[str, Any]:  # noqa: F811 - the fixture
    parsed: dict[str, Any] = roles.apps["master"].test_client().get("/api/v1/openapi.json").get_json()
    return parsed


def test_every_operation_is_on_the_page_once(answer: TestResponse, document: dict[str, Any]) -> None:
    ids = Marks(answer.text).values("id")
    assert len(ids) == len(set(ids))
    wanted = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}
    assert wanted <= set(ids)


def test_every_link_within_the_page_leads_somewhere(answer: TestResponse) -> None:
    marks = Marks(answer.text)
    ids = set(marks.values("id"))
    assert {link[1:] for link in marks.values("href") if link.startswith("#")} <= ids


def test_nothing_in_it_is_inline_or_from_elsewhere(
    roles: Roles,  # noqa: F811 - the fixture
    answer: TestResponse,
) -> None:
    marks = Marks(answer.text)
    assert not [given for _tag, given in marks.tags if any(name == "style" or name[:2] == "on" for name in given)]
    assert all("src" in given for tag, given in marks.tags if tag == "script")
    assert "style" not in {tag for tag, _given in marks.tags}
    fetched = marks.values("src") + [str(given["href"]) for tag, given in marks.tags if tag == "link"]
    client = roles.apps["master"].test_client()
    assert fetched
    assert {client.get(address).status_code for address in fetched} == {200}
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_browser_may_keep_it(roles: Roles, answer: TestResponse) -> None:  # noqa: F811 - the fixture
    client = roles.apps["master"].test_client()
    again = client.get("/api/docs", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_text_is_only_text_but_for_code_and_links() -> None:
    assert prose("see `a<b` <b>") == "see <code>a&lt;b</code> &lt;b&gt;"
    assert prose("[tus](https://tus.io/)") == '<a href="https://tus.io/" rel="noreferrer">tus</a>'
    assert prose("[x](javascript:alert)") == "[x](javascript:alert)"


def test_examples_of_requests_are_commands(document: dict[str, Any]) -> None:
    commands = {operation.id: operation.curl for group in Reading(document).groups() for operation in group.operations}
    assert commands["files_details_file_id"] == (
        'curl "$server/api/v1/files/0193f3c2a1b47c3d8e5f60718293a4b5" \\\n  -H "Authorization: Bearer $token"'
    )
    assert '--json \'{"path": "photos/oak.jpg"}\'' in commands["files_change_file_id"]
    assert "-X PATCH" in commands["files_change_file_id"]
    assert "--head" in commands["head_downloads_download_file_id"]
    assert "?path=photos%2Ftree.jpg" in commands["uploads_upload"]
    assert "Authorization" not in commands["accounts_login"]
    assert not [command for command in commands.values() if re.search(r"[{}]", command.split("--json")[0])]
