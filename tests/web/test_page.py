"""The page as browsers receive it: its headers, its files, its weight, and nothing from anywhere else."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from echofs.web.assets import STATIC, Assets
from echofs.web.errors import install_errors
from echofs.web.headers import install_headers
from echofs.web.page import PAGES, page_blueprint

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip, br"}
FIRST_LOAD_BYTES = 300_000
MAX_LINES = 300
OURS = sorted(path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.parts)
TEMPLATES = sorted((STATIC.parent / "templates").glob("*"))
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
FIRST_SCRIPTS = [path for path in SCRIPTS if "admin" not in path.relative_to(STATIC).parts]
_REFERENCE = re.compile(r'(?:href|src|data-uppy)="(/static/[^"]+)"')


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    app = Flask("echofs-tests", static_folder=None)
    app.url_map.merge_slashes = False
    install_errors(app)
    install_headers(app)
    app.register_blueprint(page_blueprint(Assets()))
    return app.test_client()


def address(rule: str) -> str:
    return re.sub(r"<path:\w+>", "a/%3Cscript%3Ealert(1)%3C/script%3E", rule)


def policy(header: str) -> dict[str, list[str]]:
    """A Content-Security-Policy by directive."""
    parts = [part.split() for part in header.split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", [address(rule) for rule in PAGES])
def test_every_address_of_the_page_gives_the_same_document(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.data == client.get("/").data


def test_nothing_runs_that_is_not_a_file_of_this_origin(client: FlaskClient) -> None:
    rules = policy(client.get("/").headers["Content-Security-Policy"])
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == ["'none'"]
    assert (rules["require-trusted-types-for"], rules["trusted-types"]) == (["'script'"], ["'none'"])
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["form-action"] == ["'self'"]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:"} & {
        v for all_ in rules.values() for v in all_
    }


def test_the_page_cannot_be_framed_guessed_at_or_kept(client: FlaskClient) -> None:
    for path, status in (("/", 200), ("/nowhere", 404)):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == status
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe|autoescape", text)


def test_templates_escape_what_they_are_given(client: FlaskClient) -> None:
    app = client.application
    with app.test_request_context("/"):
        shown = app.jinja_env.from_string("{{ name }}").render(name="<script>")
        page = app.jinja_env.get_template("page.html").render(asset=lambda name: '"><script>', modules=["x"])
    assert app.jinja_env.autoescape is not False
    assert '"><script>' not in page
    assert app.select_jinja_autoescape("page.html")
    assert shown == "&lt;script&gt;"


@pytest.mark.parametrize("path", OURS + TEMPLATES, ids=lambda path: path.name)
def test_no_file_of_ours_names_another_host(path: Path) -> None:
    found = re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9.-]+[^\s\"']*", path.read_text())
    assert [url for url in found if not url.startswith("http://www.w3.org/")] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_put_in_text_and_never_markup(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|\.cookie\b",
        text,
    )
    assert text.count("\n") <= MAX_LINES


def test_everything_that_scripts_import_is_there() -> None:
    for path in SCRIPTS:
        for name in re.findall(r"""(?:from|import\()\s*["'](\.[^"']+)["']""", path.read_text()):
            assert (path.parent / name).resolve() in SCRIPTS, (path.name, name)


def test_the_first_load_is_light_and_from_here(client: FlaskClient) -> None:
    document = client.get("/", headers=BROWSER)
    total = len(gzip.compress(document.data))
    references = set(_REFERENCE.findall(document.text))
    assert len(references) > len(FIRST_SCRIPTS) * 0.9
    for reference in references:
        answer = client.get(reference, headers=BROWSER)
        assert (answer.status_code, answer.headers["Content-Encoding"]) == (200, "gzip"), reference
        total += len(answer.data)
    assert total < FIRST_LOAD_BYTES
    assert not re.findall(r'(?:href|src)="(?!/|#)', document.text)


def test_static_files_may_be_kept_for_ever_under_addresses_that_change(client: FlaskClient) -> None:
    address = Assets().url("js/app.js")
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.mimetype == "text/javascript"
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_files_of_another_version_are_not_kept(client: FlaskClient) -> None:
    assert client.get("/static/0123456789abcdef/js/app.js").headers["Cache-Control"] == "no-cache"


def test_compressed_and_plain_are_the_same_bytes(client: FlaskClient) -> None:
    address = Assets().url("css/base.css")
    plain = client.get(address)
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(client.get(address, headers=BROWSER).data) == plain.data
    refused = client.get(address, headers={"Accept-Encoding": "gzip;q=0"})
    assert (refused.data, "Content-Encoding" in refused.headers) == (plain.data, False)


def test_one_changed_file_changes_all_addresses(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    for name in ("a.js", "b.js"):
        (tmp_path / "js" / name).write_text("1")
    before = Assets(tmp_path).url("js/a.js")
    (tmp_path / "js" / "b.js").write_text("2")
    assert Assets(tmp_path).url("js/a.js") != before


@pytest.mark.parametrize(
    "name",
    ["../page.py", "js/../../page.py", "%2e%2e/page.py", "js/%2e%2e/%2e%2e/page.py", "js", "", "js/none.js", "x%00"],
)
def test_nothing_outside_of_the_static_files_is_given_away(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{Assets().version}/{name}").status_code == 404


def test_people_and_programs_are_each_told_in_their_way_that_nothing_is_there(client: FlaskClient) -> None:
    person = client.get("/nowhere/<script>", headers=BROWSER)
    assert (person.status_code, person.mimetype) == (404, "text/html")
    assert "<script>" not in person.text.replace("<script src", "")
    for path, headers in (("/nowhere", {}), ("/nowhere", {"Accept": "*/*"}), ("/api/v1/nowhere", BROWSER)):
        program = client.get(path, headers=headers)
        assert (program.status_code, program.get_json()["error"]["code"]) == (404, "not_found")


def test_the_vendored_files_are_those_that_were_noted() -> None:
    vendored = STATIC / "vendor"
    noted = re.findall(r"^([0-9a-f]{64})  (\S+)$", (vendored / "VENDORED.txt").read_text(), re.MULTILINE)
    present = {path.name for path in vendored.iterdir()} - {"VENDORED.txt"}
    assert {name for _, name in noted} == present
    for digest, name in noted:
        assert hashlib.sha256((vendored / name).read_bytes()).hexdigest() == digest, name
