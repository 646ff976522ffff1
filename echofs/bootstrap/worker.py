"""A worker: chunks behind signed internal routes."""

from __future__ import annotations

import os

from flask import Flask

from echofs import __version__
from echofs.adapters.frames import HEADER_BYTES
from echofs.adapters.meters import PrometheusMeters, install_metrics
from echofs.adapters.stores.registry import StoreOptions, open_store
from echofs.adapters.system import boot_id
from echofs.bootstrap.application import (
    EXTENSION,
    bare_application,
    no_user_routes,
    verifier,
)
from echofs.bootstrap.basics import largest_chunk, open_basics, open_codec
from echofs.core.membership import HEARTBEAT_SECONDS
from echofs.core.models import Member
from echofs.services.chunks import ChunkKeeper
from echofs.services.cluster import Heartbeat
from echofs.services.health import WorkerHealth
from echofs.services.lanes import BATCH_BYTES, BATCH_CHUNKS
from echofs.services.loops import Loop, Loops
from echofs.settings import Settings
from echofs.web.access import install_access
from echofs.web.ops import ops_blueprint
from echofs.web.shortcut import Shortcut
from echofs.web.worker import chunk_calls, worker_blueprint

_PATIENCE = 0.8
"""How much of the time for which masters wait the store may take: a late refusal is of no use to them."""


def worker(settings: Settings) -> Flask:
    """The application of this role. Raises like :func:`~echofs.bootstrap.create_app`."""
    basics = open_basics(settings)
    meters = PrometheusMeters()
    app = bare_application(basics)
    codec = open_codec(settings)
    largest = largest_chunk(settings) + HEADER_BYTES
    store = open_store(
        settings.chunk_store, owner=settings.worker_id, max_value_bytes=largest, options=_store_options(settings)
    )
    keeper = ChunkKeeper(store, codec, meters, settings.worker_id)
    process = {"pid": os.getpid(), "parent": os.getppid(), "boot": boot_id()}
    health = WorkerHealth(store, settings.worker_id, basics.clock, __version__, process)
    member = Member(
        settings.worker_id, settings.worker_url, settings.worker_zone, settings.worker_weight, store_id=store.store_id
    )
    heartbeat = Heartbeat(basics.controller, member, store.free_bytes)
    requests = install_metrics(app, meters)
    verify = verifier(basics, settings.worker_id)
    install_access(app, authenticate=no_user_routes, verify_call=verify)
    app.register_blueprint(ops_blueprint(health.report))
    calls = chunk_calls(keeper, max(BATCH_BYTES, largest) + BATCH_CHUNKS * HEADER_BYTES)
    app.register_blueprint(worker_blueprint(keeper, health.account, calls))
    shortcut = Shortcut(app.wsgi_app, calls, verify=verify, observe=requests.observe, ids=basics.ids)
    app.wsgi_app = shortcut  # type: ignore[method-assign]  # Flask's documented place for middleware
    app.extensions[EXTENSION] = Loops(
        Loop("heartbeat", HEARTBEAT_SECONDS, heartbeat.beat), on_stop=(heartbeat.leave, store.close)
    )
    return app


def _store_options(settings: Settings) -> StoreOptions:
    return StoreOptions(
        threads=settings.worker_threads,
        deadline_seconds=settings.worker_timeout * _PATIENCE,
        aws_region=settings.aws_region,
        s3_endpoint_url=settings.s3_endpoint_url,
        s3_bucket_name=settings.s3_bucket_name,
        s3_checksums=settings.s3_checksums,
        dynamodb_endpoint_url=settings.dynamodb_endpoint_url,
    )
