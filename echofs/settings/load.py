"""Reading the environment, a ``.env`` file and the secrets into :class:`Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from echofs.core.errors import InvalidSetting
from echofs.settings.model import FIELDS, ProcessRole, Settings, Variable
from echofs.settings.secrets import secrets_for

ENV_FILE = Path(".env")
_SHOWN_CHARACTERS = 60
OWN_OF_WORKER = (
    "CHUNK_STORE",
    "WORKER_ZONE",
    "WORKER_WEIGHT",
    "AWS_REGION",
    "AWS_PROFILE",
    "S3_ENDPOINT_URL",
    "S3_BUCKET_NAME",
    "S3_CHECKSUMS",
)
_WILDCARDS = frozenset({"0.0.0.0", "::"})
_CHUNKS_IN_FLIGHT = 4
"""Fewer and an upload could not send one chunk to its workers while it reads the next."""


def load(environ: Mapping[str, str] | None = None, *, role: str, env_file: Path | None = ENV_FILE) -> Settings:
    """The settings of a process with this role, all checked.

    Values come from ``environ`` (the process's own by default), else from ``env_file`` if it exists, else from the
    defaults; empty means unset. With role ``all`` missing secrets are made and kept in the data folder. Raises
    :class:`InvalidSetting` with one line that names the variable.
    """
    given = _given(environ, env_file)
    given["ECHOFS_ROLE"] = role
    values: dict[str, Any] = {}
    for field, variable in FIELDS.items():
        values[field] = _value(variable, given.get(variable.name, ""), values)
    values |= {name.lower(): secret for name, secret in _secrets(values, given).items()}
    settings = Settings(**values)
    _check_together(settings)
    return settings


def role_from(environ: Mapping[str, str] | None = None, *, env_file: Path | None = ENV_FILE) -> str:
    """What ECHOFS_ROLE says, or the empty string."""
    return _given(environ, env_file).get("ECHOFS_ROLE", "")


def own_of_worker(
    index: int, environ: Mapping[str, str] | None = None, *, env_file: Path | None = ENV_FILE
) -> dict[str, str]:
    """The variables that with role ``all`` are one worker's alone, by the names under which that worker reads them:
    ``CHUNK_STORE_2`` is worker 2's ``CHUNK_STORE``. Workers count from 1."""
    given = _given(environ, env_file)
    return {name: given[f"{name}_{index}"] for name in OWN_OF_WORKER if f"{name}_{index}" in given}


def _given(environ: Mapping[str, str] | None, env_file: Path | None) -> dict[str, str]:
    merged: dict[str, str] = {}
    for source in (_read(env_file), os.environ if environ is None else environ):
        merged.update({name: value.strip() for name, value in source.items() if value.strip()})
    return merged


def _read(env_file: Path | None) -> dict[str, str]:
    if env_file is None or not env_file.is_file():
        return {}
    try:
        return {name: value or "" for name, value in dotenv_values(env_file, interpolate=False).items()}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidSetting(f"The settings file {env_file} cannot be read: {reason}.", field=str(env_file)) from error


def _value(variable: Variable, raw: str, known: Mapping[str, Any]) -> Any:
    default = variable.default
    chosen = raw or (default if isinstance(default, str) else default(known))
    if not chosen:
        return variable.unset
    try:
        return variable.parse(chosen)
    except ValueError as error:
        allowed = f"one of {', '.join(ProcessRole)}" if variable.parse is ProcessRole else str(error)
        raise InvalidSetting(
            f"{_shown(variable, chosen)} is not allowed: use {allowed}.", field=variable.name
        ) from None


def _shown(variable: Variable, value: str) -> str:
    """The variable with its value on one line of plain characters, or alone if the value may be secret."""
    if variable.secret:
        return f"The value of {variable.name}"
    short = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…"
    return f"{variable.name}={''.join(c if c.isprintable() else '?' for c in short)}"


def _secrets(values: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    none = dict.fromkeys(("JWT_SECRET", "CLUSTER_SECRET"), "")
    return none | secrets_for(values["role"], given, values["data_dir"])


def _check_together(settings: Settings) -> None:
    """What no variable can tell alone."""
    if settings.upload_memory < _CHUNKS_IN_FLIGHT * settings.chunk_size:
        raise InvalidSetting(
            f"UPLOAD_MEMORY is smaller than {_CHUNKS_IN_FLIGHT} chunks of CHUNK_SIZE: raise it.", field="UPLOAD_MEMORY"
        )
    _check_tables(settings)
    if settings.role is not ProcessRole.WORKER:
        return
    if not settings.worker_id:
        raise InvalidSetting(
            "WORKER_ID is not set: give every worker a name of its own, such as worker1.", field="WORKER_ID"
        )
    if any(f"//{address}" in settings.worker_url for address in _WILDCARDS | {"[::]"}):
        raise InvalidSetting(
            f"WORKER_URL is not set and WORKER_HOST={settings.worker_host} is no address masters can call:"
            f" set WORKER_URL, such as http://worker1.example:{settings.worker_port}.",
            field="WORKER_URL",
        )


def _check_tables(settings: Settings) -> None:
    if settings.catalog != "dynamodb" or settings.role in (ProcessRole.WORKER, ProcessRole.CONTROLLER):
        return
    tables = {
        "DYNAMODB_FILES_TABLE": settings.dynamodb_files_table,
        "DYNAMODB_CHUNKS_TABLE": settings.dynamodb_chunks_table,
        "DYNAMODB_SESSIONS_TABLE": settings.dynamodb_sessions_table,
    }
    for variable, name in tables.items():
        if name is None:
            raise InvalidSetting(f"{variable} is not set: CATALOG=dynamodb needs three tables.", field=variable)
        if list(tables.values()).count(name) > 1:
            raise InvalidSetting(f"{variable}={name} is named twice: give each table its own.", field=variable)
