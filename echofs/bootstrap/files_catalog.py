"""Which catalog the settings ask for. Users stay in the database of ``DATABASE_URL`` whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from echofs.adapters.catalog.sql import SqlCatalog
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock
from echofs.settings import Settings

if TYPE_CHECKING:
    from echofs.adapters.catalog.records_tables import TableNames

DYNAMODB = "dynamodb"


def files_catalog(settings: Settings, engine: Engine, clock: Clock) -> Catalog:
    """The catalog of files, checked. ``engine`` is that of ``DATABASE_URL``, checked already. Call it after forking.

    Raises :class:`InvalidSetting` for missing tables or refused credentials, :class:`CatalogUnavailable` when there is
    no answer.
    """
    if settings.catalog != DYNAMODB:
        return SqlCatalog(engine, clock)
    # Loaded only where it is used: boto3 takes half a second and 30 MB.
    from echofs.adapters.catalog.records import RecordsCatalog
    from echofs.adapters.catalog.records_tables import check_tables

    client, names = _tables(settings)
    check_tables(client, names)
    return RecordsCatalog(client, names, clock)


def check_catalog(settings: Settings) -> None:
    """Raise as :func:`files_catalog` does if DynamoDB's tables cannot be used; leaves nothing open."""
    if settings.catalog == DYNAMODB:
        from echofs.adapters.catalog.records_tables import check_tables

        client, names = _tables(settings)
        try:
            check_tables(client, names)
        finally:
            client.close()


def create_catalog(settings: Settings) -> None:
    """Make those of DynamoDB's tables that are missing. Idempotent. Raises as :func:`files_catalog` does."""
    if settings.catalog == DYNAMODB:
        from echofs.adapters.catalog.records_tables import create_tables

        create_tables(*_tables(settings))


def _tables(settings: Settings) -> tuple[Any, TableNames]:
    from echofs.adapters.catalog.records_tables import TableNames
    from echofs.adapters.dynamodb import open_client

    client = open_client(region=settings.aws_region, endpoint_url=settings.dynamodb_endpoint_url)
    names = TableNames(
        files=settings.dynamodb_files_table or "",  # the settings have checked that none is missing
        chunks=settings.dynamodb_chunks_table or "",
        sessions=settings.dynamodb_sessions_table or "",
    )
    return client, names
