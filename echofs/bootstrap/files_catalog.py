"""Which catalog of files the settings ask for, and the tables on DynamoDB that an operator has made by one command.
Users stay in the database of ``DATABASE_URL`` whatever the catalog is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from echofs.adapters.catalog.engine import gate_of
from echofs.adapters.catalog.gate import PATIENT_SECONDS, CatalogGate
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.ports.catalog import Catalog
from echofs.ports.runtime import Clock
from echofs.settings import Settings

if TYPE_CHECKING:
    from echofs.adapters.catalog.records_tables import TableNames

DYNAMODB = "dynamodb"


def files_catalog(settings: Settings, engine: Engine, clock: Clock) -> tuple[Catalog, CatalogGate]:
    """The catalog of files, and the gate before it and the users. ``engine`` is that of ``DATABASE_URL``. Nothing is
    asked yet. Call it after forking."""
    if settings.catalog != DYNAMODB:
        return SqlCatalog(engine, clock), gate_of(engine)
    # Loaded only where it is used: boto3 takes half a second and 30 MB.
    from echofs.adapters.catalog.records import RecordsCatalog, RecordsProbe
    from echofs.adapters.dynamodb import open_client

    client, names = _tables(settings)
    region, endpoint_url = settings.aws_region, settings.dynamodb_endpoint_url
    hurried = open_client(region=region, endpoint_url=endpoint_url, read_seconds=PATIENT_SECONDS)
    gate = CatalogGate(RecordsProbe(hurried, names), before=gate_of(engine))
    return RecordsCatalog(client, names, clock, gate), gate


def check_catalog(settings: Settings) -> None:
    """Raise :class:`InvalidSetting` for missing tables of DynamoDB or refused credentials, :class:`CatalogUnavailable`
    when there is no answer; nothing where the catalog is SQL. Leaves nothing open."""
    if settings.catalog == DYNAMODB:
        from echofs.adapters.catalog.records_tables import check_tables

        client, names = _tables(settings)
        try:
            check_tables(client, names)
        finally:
            client.close()


def create_catalog(settings: Settings) -> None:
    """Make those of DynamoDB's tables that are missing. Idempotent. Raises as :func:`check_catalog` does."""
    if settings.catalog == DYNAMODB:
        from echofs.adapters.catalog.records_tables import create_tables

        create_tables(*_tables(settings))


def create_store(settings: Settings) -> None:
    """Make the table of a ``CHUNK_STORE`` on DynamoDB if it is missing. Idempotent. Raises :class:`InvalidSetting` and
    :class:`StoreUnavailable`."""
    kind, _, place = settings.chunk_store.partition(":")
    if kind == DYNAMODB:
        from echofs.adapters.dynamodb import DEADLINE_SECONDS
        from echofs.adapters.stores.dynamodb_table import TableAccess, create_table

        create_table(place, TableAccess(settings.aws_region, settings.dynamodb_endpoint_url, DEADLINE_SECONDS))


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
