"""``echofs verify``: the public checker."""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
def verify(files: tuple[str, ...]) -> None:
    """Check recorded histories: were the promises of all receipts kept?

    A history has one operation a line, as JSON; docs/consistency.md describes the fields. Exit code 1 says that a
    promise was broken or could not be decided.
    """
    from echofs.verify.__main__ import main

    sys.exit(main(files))
