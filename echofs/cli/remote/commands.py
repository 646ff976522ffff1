"""All commands for files, in the order in which one meets them."""

from __future__ import annotations

import click

from echofs.cli.remote.about import receipt, stat, status
from echofs.cli.remote.account import login, logout, usage, whoami
from echofs.cli.remote.changes import cp, mkdir, mv, rm
from echofs.cli.remote.completion import completion
from echofs.cli.remote.get import cat, get
from echofs.cli.remote.history import restore, trash, versions
from echofs.cli.remote.listing import find_files, ls, tree
from echofs.cli.remote.put import put

ALL: tuple[click.Command, ...] = (
    login, logout, whoami, usage, put, get, cat, ls, tree, find_files, mv, cp, rm, mkdir, restore, trash,
    versions, stat, receipt, status, completion,
)  # fmt: skip
