"""What every role is made of. Nothing here loads the catalog: workers and the controller have none, and start in a
third of the time and memory without its libraries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from echofs.adapters.call_tokens import SharedSecretSigner
from echofs.adapters.controller_http import HttpController
from echofs.adapters.frames import Lz4Codec
from echofs.adapters.http_pool import HttpPool
from echofs.adapters.system import SystemClock, Uuid7Ids
from echofs.core.chunking import MIB
from echofs.ports.runtime import Clock, Ids
from echofs.settings import Settings

CONNECT_SECONDS = 1.0
CONTROLLER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Basics:
    """Time, names and signed calls: every role has them."""

    clock: Clock
    ids: Ids
    signer: SharedSecretSigner
    controller: HttpController


def open_basics(settings: Settings) -> Basics:
    """Nothing here connects to anything yet."""
    clock = SystemClock()
    signer = SharedSecretSigner(settings.cluster_secret, clock)
    pool = HttpPool(connect_timeout=CONNECT_SECONDS, timeout=CONTROLLER_SECONDS)
    return Basics(clock, Uuid7Ids(), signer, HttpController(pool, settings.controller_url, signer))


def open_codec(settings: Settings) -> Lz4Codec:
    """The chunk codec."""
    return Lz4Codec(largest_chunk(settings))


def largest_chunk(settings: Settings) -> int:
    """The most plain bytes in one chunk: lists of digests come to one MiB whatever the chunk size."""
    return max(settings.chunk_size, MIB)


def run_file(settings: Settings, name: str) -> Path:
    """A small file a process keeps across restarts, apart for each role and port of a host."""
    folder = settings.data_dir / "run" / settings.process_name
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
