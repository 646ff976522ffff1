"""Where downloads may be written, whatever a master says, and what a tree of local files becomes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from echofs.cli.remote.get import _inside
from echofs.cli.remote.paths import REMOTE, joined
from echofs.cli.remote.put import _tree
from echofs.core.errors import InvalidName


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//b", "..", "", "a/\x00", "a\nb", "./a"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidName):
        _inside(tmp_path, name)


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    assert _inside(tmp_path, "/etc/passwd") == tmp_path / "etc" / "passwd"


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "out").symlink_to(tmp_path)
    (top / "in").symlink_to(top)
    with pytest.raises(InvalidName, match="leads out of"):
        _inside(top, "out/x")
    assert _inside(top, "in/x") == top / "in" / "x"


@pytest.mark.parametrize(
    ("written", "path"),
    [("a/b", "a/b"), ("/a", "a"), ("echofs://a/b", "a/b"), ("echofs:///a", "a"), ("echofs://", ""), ("a/", "a/")],
)
def test_a_path_may_be_written_as_an_address(written: str, path: str) -> None:
    assert REMOTE.convert(written, None, None) == path


def test_a_name_in_the_root_has_no_slash() -> None:
    assert (joined("", "a"), joined("a/b", "c")) == ("a", "a/b/c")


def test_a_tree_has_all_files_and_the_folders_without_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b" / "empty").mkdir(parents=True)
    (tmp_path / "b" / "file").touch()
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found = [(path.relative_to(tmp_path).as_posix(), to) for path, to in _tree(tmp_path, "up")]
    assert found == [("a", "up/a"), ("link", "up/link"), ("b/file", "up/b/file"), ("b/empty", "up/b/empty")]
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}/loop: left out, it is a link to a folder.",
        f"{tmp_path}/pipe: left out, it is no ordinary file.",
    ]
