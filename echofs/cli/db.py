"""``echofs db``: the catalog's tables."""

from __future__ import annotations

import click

from echofs.cli.data_folder import make_folder
from echofs.cli.loading import loading
from echofs.settings import ProcessRole, load


@click.group()
def db() -> None:
    """Create the catalog's tables and bring them up to date."""


@db.command()
def create() -> None:
    """Make the catalog's tables, or check those there are. Safe to repeat; changes no table that exists."""
    with loading():
        from echofs.adapters.catalog import schema
        from echofs.bootstrap.files_catalog import create_catalog, create_store

    settings = load(role=ProcessRole.COMMAND)
    make_folder(settings.data_dir)
    made = schema.create(schema.database_app(settings.database_url))
    create_catalog(settings)
    create_store(settings)
    click.echo("The catalog's tables were made." if made else "The catalog is up to date.")


@db.command()
def upgrade() -> None:
    """Bring the catalog up to date. Safe to repeat; stop the masters first when the release notes say so."""
    with loading():
        from echofs.adapters.catalog import schema

    settings = load(role=ProcessRole.COMMAND)
    make_folder(settings.data_dir)
    schema.upgrade(schema.database_app(settings.database_url))
    click.echo("The catalog is up to date.")


@db.command()
def current() -> None:
    """Say whether the catalog is up to date."""
    with loading():
        from echofs.adapters.catalog import schema
        from echofs.bootstrap.files_catalog import check_catalog

    settings = load(role=ProcessRole.COMMAND)
    make_folder(settings.data_dir)
    schema.check_current(schema.open_engine(schema.database_app(settings.database_url)))
    check_catalog(settings)
    click.echo("The catalog is up to date.")
