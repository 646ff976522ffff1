"""Every link in the documentation leads somewhere."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
_SKIPPED = {"build", "dist", "node_modules"}
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")


def documents() -> list[Path]:
    """All Markdown files of the project, none of its tools' or of what it installed."""
    found = []
    for path in ROOT.rglob("*.md"):
        parts = path.relative_to(ROOT).parts
        if not any(part.startswith(".") or part in _SKIPPED for part in parts):
            found.append(path)
    return sorted(found)


@cache
def prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


@cache
def anchors(document: Path) -> set[str]:
    """The anchors a Markdown page offers, made from its headings as code hosts make them."""
    seen: Counter[str] = Counter()
    found = set(_ANCHOR.findall(prose(document)))
    for heading in _HEADING.findall(prose(document)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(document: Path) -> list[str]:
    """The links of a page that lead nowhere; links to other sites are not followed."""
    problems = []
    for pair in _LINK.findall(_CODE.sub("", prose(document))):
        link = unquote(pair[0] or pair[1])
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            problems.append(link)
    return problems


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_a_missing_file_and_a_missing_heading_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `title`, twice\n\n# A title, twice\n\n[a](#a-title-twice-1) [b](#c) [d](e.md) [f](page.md#c)\n"
    )
    assert broken(page) == ["#c", "e.md", "page.md#c"]


def test_code_is_not_taken_for_links(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\n[a](b.md)\n```\nand `[c](d.md)`, but [home](https://example.org/x#y)\n")
    assert broken(page) == []
