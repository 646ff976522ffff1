"""WebDAV on real processes: rclone copies and moves as with a mounted folder, and litmus tries the protocol."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.client import User
from tests.cluster.cluster import Cluster

RCLONE = Path(sys.executable).parent / "rclone"
FAILED = re.compile(r"^ *\d+\. (\w+)\.+ FAIL", re.MULTILINE)
PASSED = re.compile(r"^ *\d+\. (\w+)\.+ pass", re.MULTILINE)


@dataclass(frozen=True)
class Mount:
    """Where a user's files are mounted, and what the program that does it logs in with."""

    url: str
    name: str
    secret: str
    user: User

    def rclone(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A command of rclone, with ``dav:`` for the mounted folder."""
        hidden = subprocess.run([RCLONE, "obscure", self.secret], capture_output=True, text=True, check=True)
        environ = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_DAV_TYPE": "webdav",
            "RCLONE_CONFIG_DAV_URL": self.url,
            "RCLONE_CONFIG_DAV_VENDOR": "other",
            "RCLONE_CONFIG_DAV_USER": self.name,
            "RCLONE_CONFIG_DAV_PASS": hidden.stdout.strip(),
        }
        return subprocess.run([RCLONE, *arguments], env=environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def mount(cluster: Cluster) -> Mount:
    """A mounted folder of a new user."""
    user = User.registered(cluster.url, "dav-user")
    secret = user.post_json("/api/v1/auth/app-passwords", {"name": "rclone"}).data["password"]
    return Mount(f"{cluster.url}/dav", "dav-user", secret, user)


def test_rclone_copies_a_tree_moves_it_and_gets_the_same_bytes_back(mount: Mount, tmp_path: Path) -> None:
    tree, back = tmp_path / "tree", tmp_path / "back"
    for name, size in {"a.txt": 0, "b c/ü.bin": 5, "b c/d/e#f?.bin": 3_000_000}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(bytes(size % 256 for _ in range(size)))
    for arguments in (
        ("copy", tree, "dav:there"),
        ("check", "--download", tree, "dav:there"),
        ("moveto", "dav:there", "dav:else where"),
        ("copy", "dav:else where", back),
    ):
        done = mount.rclone(*arguments)
        assert done.returncode == 0, done.stderr
    assert not subprocess.run(["diff", "-r", tree, back], capture_output=True, check=False).stdout
    listed = mount.user.call("GET", "/api/v1/files?folder=else%20where").data
    assert [file["name"] for file in listed["files"]] == ["a.txt"]
    assert mount.rclone("purge", "dav:else where").returncode == 0
    assert mount.rclone("lsf", "dav:").stdout == ""


def test_a_wrong_password_mounts_nothing(mount: Mount) -> None:
    assert "401" in Mount(mount.url, mount.name, "wrong", mount.user).rclone("lsf", "dav:").stderr


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("suite", "failing"),
    [
        ("basic", set()),
        ("copymove", set()),
        ("http", set()),
        # What sets properties of its own is refused here, and all else passes.
        ("locks", {"owner_modify"}),
        ("props", {"propset", "propmanyns", "propget"}),
    ],
)
def test_litmus_passes(mount: Mount, suite: str, failing: set[str], tmp_path: Path) -> None:
    program = shutil.which("litmus")
    assert program, "litmus is not installed (Debian: apt install litmus)"
    run = subprocess.run(
        [program, "-k", f"{mount.url}/", mount.name, mount.secret],
        env={"TESTS": suite, "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"summary for `{suite}'" in run.stdout, run.stdout
    assert set(FAILED.findall(run.stdout)) == failing, run.stdout
    assert len(set(PASSED.findall(run.stdout))) > 3, run.stdout
