"""Files from a terminal and from Python, as the documentation shows it and as a story of one user."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from echofs.cli.main import echofs
from tests.cluster.client import PASSWORD, User
from tests.cluster.cluster import Cluster, eventually

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTED_URL = "http://127.0.0.1:8080"


class Terminal:
    """A user's terminal: commands run in this process, with configuration of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environ = {
            "XDG_CONFIG_HOME": str(folder / ".config"),
            "XDG_STATE_HOME": str(folder / ".state"),
            "ECHOFS_PASSWORD": PASSWORD,
            "ECHOFS_NEW_PASSWORD": f"another {PASSWORD}",
            **dict.fromkeys(("ECHOFS_PROFILE", "ECHOFS_URL", "ECHOFS_TOKEN", "ECHOFS_USERNAME")),
        }

    def run(self, *arguments: str, given: bytes = b"", code: int = 0, busy: bool = False) -> Result:
        """A command that must end with ``code``; if it looks at a ``busy`` cluster it may also miss copies."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            result = CliRunner(env=self._environ).invoke(echofs, arguments, input=given)
        finally:
            os.chdir(before)
        assert result.exit_code == code or (busy and result.exit_code == 1), (
            arguments,
            result.output,
            result.exception,
        )
        return result

    def json(self, *arguments: str) -> list[Any]:
        """The documents that a command prints."""
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    def logged_in(self, cluster: Cluster, name: str) -> Terminal:
        cluster.register(name)
        self.run("login", cluster.url, "-u", name)
        return self


def administrator(cluster: Cluster, name: str) -> None:
    """Make one, as the operator of the host does."""
    environ = {"ECHOFS_DATA_DIR": str(cluster.data_dir), "DATABASE_URL": "", "ECHOFS_ADMIN_PASSWORD": PASSWORD}
    made = ["admin", "create", "--username", name, "--email", f"{name}@example.org"]
    assert CliRunner(env=environ).invoke(echofs, made).exit_code == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def examples(document: str, language: str, cluster: Cluster) -> list[str]:
    """The blocks of code in a page of the documentation, for this cluster."""
    text = (DOCS / document).read_text(encoding="utf-8").replace(DOCUMENTED_URL, cluster.url)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def tree_of(top: Path) -> dict[str, str]:
    """SHA-256 of all files below, folders as ``""``."""
    return {
        path.relative_to(top).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in top.rglob("*")
    }


def fill(top: Path) -> None:
    for number in range(30):
        path = top / f"year {number % 3}" / f"ümlaut {number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(number * 4000))
    (top / "empty" / "inner").mkdir(parents=True)
    (top / "large").write_bytes(os.urandom(9 << 20))


def test_the_story_of_a_folder(cluster: Cluster, terminal: Terminal) -> None:
    local = terminal.folder / "photos"
    fill(local)
    terminal.logged_in(cluster, "tess")
    stored = terminal.json("put", "-r", "photos", "backup/")
    assert len(stored) == 30 + 1 + 1
    assert all(each["receipt"]["replicas"] >= 2 for each in stored if "receipt" in each)

    assert terminal.run("ls", "backup/photos").stdout.splitlines() == [
        *("empty/", "year 0/", "year 1/", "year 2/", "large")
    ]
    assert "└── large" in terminal.run("tree", "backup").stdout
    terminal.run("get", "-r", "backup/photos", "copies/")
    assert tree_of(terminal.folder / "copies" / "photos") == tree_of(local)
    assert all(
        each["skipped"] for each in terminal.json("put", "-r", "photos", "backup/", "--skip-same") if "file" in each
    )

    terminal.run("mv", "backup/photos", "album")
    terminal.run("cp", "-r", "album", "second")
    terminal.run("get", "-r", "second", "again")
    assert tree_of(terminal.folder / "again") == tree_of(local)

    terminal.run("rm", "album/large")
    terminal.run("cat", "album/large", code=3)
    terminal.run("restore", "album/large")
    (terminal.folder / "new").write_bytes(b"new")
    terminal.run("put", "new", "album/large")
    assert terminal.run("cat", "album/large").stdout_bytes == b"new"
    history = terminal.json("versions", "album/large")
    terminal.run("restore", "--version", str(history[-1]["version"]), "album/large")
    assert terminal.run("cat", "album/large").stdout_bytes == (local / "large").read_bytes()

    cluster.kill_worker(2)
    terminal.run("put", "new", "album/despite.txt")
    eventually(lambda: _complete(terminal, "album/despite.txt"), "all copies are there again", 60)
    terminal.run("logout")
    terminal.run("ls", code=4)


def _complete(terminal: Terminal, path: str) -> bool:
    result = CliRunner(env=terminal._environ).invoke(echofs, ["receipt", "--json", path])
    return result.exit_code == 0 and bool(json.loads(result.stdout)["complete"])


def test_patterns_name_files_and_folders(cluster: Cluster, terminal: Terminal) -> None:
    terminal.logged_in(cluster, "pat")
    for path in ("a/1.txt", "a/2.txt", "a/b/3.txt", "a/[1].txt"):
        terminal.run("put", "-", path, given=path.encode())

    assert terminal.run("cat", "a/?.txt").stdout == "a/1.txta/2.txt"
    assert terminal.run("cat", "a/**/*.txt").stdout == "a/1.txta/2.txta/[1].txta/b/3.txt"
    assert terminal.run("cat", "a/[1].txt").stdout == "a/[1].txt"
    assert terminal.run("cat", "a/[12].txt").stdout == "a/1.txta/2.txt"
    terminal.run("get", "a/*", "here", code=2)
    terminal.run("get", "a/*", "here/", code=1)
    assert sorted(os.listdir(terminal.folder / "here")) == ["1.txt", "2.txt", "[1].txt"]
    terminal.run("rm", "a/x*", code=3)
    terminal.run("rm", "-r", "a/*")
    assert terminal.run("ls", "a").stdout == ""


def test_what_is_there_is_only_replaced_on_purpose(cluster: Cluster, terminal: Terminal) -> None:
    terminal.logged_in(cluster, "olga")
    terminal.run("put", "-", "a", given=b"one")
    terminal.run("put", "-", "b", given=b"two")
    [file] = terminal.json("stat", "a")
    terminal.run("put", "--new", "-", "a", given=b"three", code=6)
    for command in ("mv", "cp"):
        assert "--force" in terminal.run(command, "a", "b", code=6).stderr
    terminal.run("put", "--if-match", "1-other", "-", "a", given=b"three", code=6)
    terminal.run("put", "--if-match", file["etag"], "-", "a", given=b"three")
    assert terminal.run("cat", "a", "b").stdout == "threetwo"
    terminal.run("cp", "--force", "a", "b")
    terminal.run("put", "-", "a", given=b"four")
    terminal.run("mv", "-f", "a", "b")
    assert terminal.run("cat", "b").stdout == "four"
    assert [each["version"] for each in terminal.json("versions", "b")] == [3, 2, 1]
    terminal.run("restore", "a")
    assert terminal.run("cat", "a").stdout == "four"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_what_the_documentation_pastes_into_a_shell_runs(cluster: Cluster, tmp_path: Path) -> None:
    tour = examples("../README.md", "bash", cluster)
    later = [block for page in ("api.md", "webdav.md") for block in examples(page, "bash", cluster)]
    for name in ("tree.jpg", "film.mkv"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    strict = 'set -euo pipefail; curl() { command curl --fail-with-body "$@"; }\n'
    script = (strict + "\n".join([*tour, *later])).replace('"ada', '"shelley')
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    assert len(set(re.findall(r"^([0-9a-f]{64})  ", run.stdout, re.MULTILINE))) == 1
    shelley = User.logged_in(cluster.url, "shelley", "correct horse 42")
    stored = {file["path"]: file["size"] for file in shelley.call("GET", "/api/v1/files").data["files"]}
    assert stored.keys() == {"programs/bash", "photos/tree.jpg", "films/film.mkv"}
    assert stored["films/film.mkv"] == (tmp_path / "film.mkv").stat().st_size
    assert (tmp_path / "first-hundred-bytes").stat().st_size == 100
    assert '"password":"' in run.stdout


def test_unfinished_uploads_are_listed_and_ended(cluster: Cluster, terminal: Terminal) -> None:
    terminal.logged_in(cluster, "uma")
    uma = User.logged_in(cluster.url, "uma")
    for path in ("YS8x", "YS8y"):
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": f"path {path}"}
        assert uma.call("POST", "/api/v1/uploads", b"", headers).status == 201
    found = terminal.json("uploads", "list")
    assert [(each["path"], each["offset"], each["length"]) for each in found] == [("a/2", 0, 9), ("a/1", 0, 9)]
    assert found[0]["id"] in terminal.run("uploads").stdout
    terminal.run("uploads", "end", code=2)
    terminal.run("uploads", "end", found[0]["id"])
    terminal.run("uploads", "end", found[0]["id"], code=3)
    terminal.run("uploads", "end", "--all")
    assert terminal.json("uploads", "list") == []


def test_every_command_in_the_documentation_runs(cluster: Cluster, terminal: Terminal) -> None:
    administrator(cluster, "ada")
    fill(terminal.folder / "photos")
    (terminal.folder / "photos" / "tree.jpg").write_bytes(b"jpg")
    for name in ("report.pdf", "notes.txt"):
        (terminal.folder / name).write_bytes(name.encode())
    text = (DOCS / "cli.md").read_text(encoding="utf-8").replace(DOCUMENTED_URL, cluster.url)
    lines = [
        line
        for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(lines) > 30
    for line in lines:
        words = shlex.split(line, comments=True)
        if "echofs" not in words:
            continue
        first = words.index("echofs") + 1
        last = next((place for place in range(first, len(words)) if words[place] in ("|", "||", ">")), len(words))
        expected = int(words[-1]) if "-eq" in words else 0
        looks = words[first] in ("receipt", "status")
        terminal.run(*words[first:last], given=b"from a pipe", code=expected, busy=looks)


def test_every_line_of_python_in_the_documentation_runs(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    administrator(cluster, "guido")
    monkeypatch.chdir(tmp_path)
    text = (
        (DOCS / "python.md")
        .read_text(encoding="utf-8")
        .replace(DOCUMENTED_URL, cluster.url)
        .replace('"ada"', '"guido"')
    )
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile("\n".join(blocks), "docs/python.md", "exec"), {})
    assert "precondition_failed" in capsys.readouterr().out
