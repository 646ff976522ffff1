"""The one settings object. Each field names its variable, how its text is read, and what holds when it is not set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from echofs.core.models import Level
from echofs.core.policies import DEFAULT, POLICIES
from echofs.settings import parsing
from echofs.settings.parsing import KIB, MIB, Parser


class ProcessRole(StrEnum):
    """What a process is there for. ``ALL`` supervises one process of each; ``COMMAND`` is a one-off such as
    ``echofs db upgrade``, which reaches the catalog only and needs no secret."""

    MASTER = "master"
    WORKER = "worker"
    CONTROLLER = "controller"
    JOBS = "jobs"
    ALL = "all"
    COMMAND = "command"


Known = Mapping[str, Any]
Default = str | Callable[[Known], str]
"""A default is text and goes through the field's parser, or a function of the fields before it that gives such text."""


@dataclass(frozen=True, slots=True)
class Variable:
    """How one field comes from the environment. Without a default an unset variable gives ``unset``."""

    name: str
    parse: Parser
    default: Default = ""
    unset: str | None = None
    secret: bool = False


def _from(
    variable: str, parse: Parser, default: Default = "", *, unset: str | None = None, secret: bool = False
) -> Any:
    source = Variable(variable, parse, default, unset, secret)
    return dataclasses.field(repr=not secret, metadata={"variable": source})


def _master_host(known: Known) -> str:
    return "127.0.0.1" if known["role"] == ProcessRole.ALL else "0.0.0.0"


def _chunk_store(known: Known) -> str:
    return f"disk:{known['data_dir'] / known['worker_id']}"


def _s3_checksums(known: Known) -> str:
    return "when_required" if known["s3_endpoint_url"] else "when_supported"


def _worker_url(known: Known) -> str:
    address = known["worker_host"]
    return f"http://{f'[{address}]' if ':' in address else address}:{known['worker_port']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Sizes are in bytes, times in seconds unless a name says otherwise; secrets and
    addresses that may hold a password are left out of ``repr``."""

    role: ProcessRole = _from("ECHOFS_ROLE", ProcessRole)  # noqa: RUF009  (it is dataclasses.field)
    data_dir: Path = _from("ECHOFS_DATA_DIR", parsing.folder, ".echofs")  # noqa: RUF009
    """Where this host keeps everything: catalog, secrets, chunks."""

    jwt_secret: str = _from("JWT_SECRET", parsing.text, unset="", secret=True)
    """Signs users' tokens; empty in roles that never see one."""
    cluster_secret: str = _from("CLUSTER_SECRET", parsing.text, unset="", secret=True)
    """Signs calls between EchoFS processes."""
    jwt_expiration_hours: float = _from("JWT_EXPIRATION_HOURS", parsing.number(0, 24 * 366), "1")
    jwt_refresh_days: float = _from("JWT_REFRESH_DAYS", parsing.number(0, 3660), "30")
    default_quota: int = _from("DEFAULT_QUOTA", parsing.size(0, 1 << 60), "0")
    """How much new users may store; 0 means as much as there is room."""
    audit_days: int = _from("AUDIT_DAYS", parsing.integer(0, 36_500), "365")
    """How long the audit log is kept; 0 means for ever."""
    login_rate: str = _from("LOGIN_RATE", parsing.rate, "10/minute")
    """Login attempts allowed per address, in Flask-Limiter's words; empty when switched off."""

    master_host: str = _from("MASTER_HOST", parsing.host, _master_host)
    master_port: int = _from("MASTER_PORT", parsing.port, "8080")
    master_processes: int = _from("MASTER_PROCESSES", parsing.integer(1, 256), "2")
    master_threads: int = _from("MASTER_THREADS", parsing.integer(2, 1024), "16")
    trusted_proxies: int = _from("TRUSTED_PROXIES", parsing.integer(0, 16), "0")
    """Reverse proxies in front of the master whose X-Forwarded-* headers are believed."""

    worker_id: str = _from("WORKER_ID", parsing.worker_id, unset="")
    worker_host: str = _from("WORKER_HOST", parsing.host, "127.0.0.1")
    worker_port: int = _from("WORKER_PORT", parsing.port, "8091")
    worker_url: str = _from("WORKER_URL", parsing.url, _worker_url)
    """Where masters reach this worker."""
    worker_zone: str = _from("WORKER_ZONE", parsing.name, lambda known: known["worker_id"], unset="")
    """Failure domain: replicas of a chunk go to different zones first."""
    worker_weight: float = _from("WORKER_WEIGHT", parsing.number(0, 1_000_000), "1")
    worker_threads: int = _from("WORKER_THREADS", parsing.integer(2, 1024), "16")
    worker_timeout: float = _from("WORKER_TIMEOUT", parsing.number(0, 3600), "10")
    """How long a worker may stay silent before a master turns to another one."""
    chunk_store: str = _from("CHUNK_STORE", parsing.store, _chunk_store)

    controller_host: str = _from("CONTROLLER_HOST", parsing.host, "127.0.0.1")
    controller_port: int = _from("CONTROLLER_PORT", parsing.port, "8082")
    controller_url: str = _from(
        "ECHOFS_CONTROLLER_URL", parsing.url, lambda known: f"http://127.0.0.1:{known['controller_port']}"
    )

    consistency_policy: str = _from("CONSISTENCY_POLICY", parsing.choice(*POLICIES), DEFAULT)
    """How the controller chooses levels: one of ``core.policies``."""
    latency_goal_ms: float = _from("LATENCY_GOAL_MS", parsing.number(0, 600_000), "50")
    """Milliseconds within which 95 % of the requests should be answered, as the controller sees it."""

    replication_factor: int = _from("REPLICATION_FACTOR", parsing.integer(2, 16), "3")
    replace_after: float = _from("REPLACE_AFTER", parsing.number(0, 31_536_000), "30")
    """How long a worker may be down before the jobs have others stand in for it."""
    chunk_size: int = _from("CHUNK_SIZE", parsing.size(64 * KIB, 16 * MIB), "1MB")
    upload_memory: int = _from("UPLOAD_MEMORY", parsing.size(MIB, 1 << 40), "64MB")
    """The most memory one master process spends on chunks on their way to workers."""
    max_upload_size: int = _from("MAX_UPLOAD_SIZE", parsing.size(0, 1 << 50), "0")
    """The largest file accepted; 0 means any size."""
    upload_expires_hours: int = _from("UPLOAD_EXPIRES_HOURS", parsing.integer(1, 24 * 366), "168")
    """How long a resumable upload waits for its next bytes."""
    trash_days: int = _from("TRASH_DAYS", parsing.integer(0, 36_500), "30")
    """How long a deleted file can be brought back; 0 means for ever."""
    versions_kept: int = _from("VERSIONS_KEPT", parsing.integer(1, 1_000_000), "100")
    """How many versions of a file are kept, the present one included."""
    versions_days: int = _from("VERSIONS_DAYS", parsing.integer(0, 36_500), "90")
    """How long an old version is kept after it was replaced; 0 means for ever."""
    spool_size: int = _from("SPOOL_SIZE", parsing.size(MIB, 1 << 50), "1GB")
    """The most room a host's journal takes: what its masters accepted and neither catalog nor workers have yet."""
    follower_files: int = _from("FOLLOWER_FILES", parsing.integer(0, 100_000_000), "100000")
    """Of how many files a host keeps a copy of the head, those changed last."""
    offline_rights_seconds: int = _from("OFFLINE_RIGHTS_SECONDS", parsing.integer(0, 86_400), "300")
    """For how long a token or a floor counts without the catalog, after the last question about it."""
    consistency_floor: str = _from("CONSISTENCY_FLOOR", parsing.choice(*Level), "available")
    """The weakest consistency level that anybody is given."""

    database_url: str = _from(
        "DATABASE_URL", parsing.catalog, lambda known: f"sqlite:///{known['data_dir'] / 'catalog.db'}", secret=True
    )
    catalog: str = _from("CATALOG", parsing.choice("sql", "dynamodb"), "sql")
    """Where files are: in the database that ``database_url`` names, as users always are, or on DynamoDB."""
    redis_addr: str | None = _from("REDIS_ADDR", parsing.redis, secret=True)
    """The URL of a Redis or Valkey server that all masters share; None without one."""
    aws_region: str | None = _from("AWS_REGION", parsing.name)
    s3_endpoint_url: str | None = _from("S3_ENDPOINT_URL", parsing.endpoint)
    """Where S3 answers; AWS's own address for the region when not set."""
    s3_bucket_name: str | None = _from("S3_BUCKET_NAME", parsing.name)
    s3_checksums: str = _from("S3_CHECKSUMS", parsing.choice("when_supported", "when_required"), _s3_checksums)
    """When requests carry the newer checksums of S3, which many other endpoints do not know."""
    dynamodb_endpoint_url: str | None = _from("DYNAMODB_ENDPOINT_URL", parsing.endpoint)
    """Where DynamoDB answers; AWS's own address for the region when not set."""
    dynamodb_files_table: str | None = _from("DYNAMODB_FILES_TABLE", parsing.name)
    dynamodb_chunks_table: str | None = _from("DYNAMODB_CHUNKS_TABLE", parsing.name)
    dynamodb_sessions_table: str | None = _from("DYNAMODB_SESSIONS_TABLE", parsing.name)

    log_level: str = _from("LOG_LEVEL", parsing.choice("debug", "info", "warning", "error"), "info")
    log_format: str = _from("LOG_FORMAT", parsing.choice("text", "json"), "text")

    @property
    def process_name(self) -> str:
        """What this process is called in logs: its role, or the worker's id."""
        return self.worker_id if self.role is ProcessRole.WORKER else self.role.value

    @property
    def listen(self) -> tuple[str, int]:
        """Host and port this role answers on (the master's for ``ALL``). Raises KeyError for roles that answer on
        none."""
        master = (self.master_host, self.master_port)
        return {
            ProcessRole.MASTER: master,
            ProcessRole.ALL: master,
            ProcessRole.WORKER: (self.worker_host, self.worker_port),
            ProcessRole.CONTROLLER: (self.controller_host, self.controller_port),
        }[self.role]


FIELDS: dict[str, Variable] = {field.name: field.metadata["variable"] for field in dataclasses.fields(Settings)}
VARIABLES: tuple[str, ...] = tuple(variable.name for variable in FIELDS.values())
"""The names of all variables, in the order of ``.env.example``."""
