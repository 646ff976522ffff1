"""What is installed is what is in the tree."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_installed() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = {path.parent for path in (ROOT / "echofs").rglob("__init__.py")}
    present = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert present == {name for name in listed if not name.startswith("echofs.migrations")}


def test_every_dependency_has_a_pinned_version() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = config["options"]["install_requires"].split() + config["options.extras_require"]["dev"].split()
    pinned = {normalised(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {normalised(re.split(r"[<>=\[]", requirement)[0]) for requirement in wanted} <= pinned


def normalised(name: str) -> str:
    """The form in which two project names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
