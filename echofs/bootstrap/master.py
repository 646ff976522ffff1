"""A master: the REST interface in front of the catalog and the workers."""

from __future__ import annotations

import math
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from echofs import __version__
from echofs.adapters.catalog.gate import WATCH_SECONDS
from echofs.adapters.meters import PrometheusMeters, install_metrics
from echofs.adapters.steering_http import HttpSteering
from echofs.bootstrap import parts
from echofs.bootstrap.adoption import ADOPT_SECONDS, open_adoption
from echofs.bootstrap.application import (
    BEAT_SECONDS,
    EXTENSION,
    bare_application,
    no_internal_routes,
)
from echofs.bootstrap.basics import Basics, largest_chunk, open_basics
from echofs.bootstrap.host import Host, open_host, open_reading
from echofs.bootstrap.reintegration import REPLAY_SECONDS, open_conflict_service
from echofs.core.advice import OpClass
from echofs.core.models import Level
from echofs.ports.runtime import Meters
from echofs.services.accounts import Accounts
from echofs.services.advice import Adviser
from echofs.services.cluster import ClusterSurvey
from echofs.services.copying import EntryCopies
from echofs.services.drills import Drills
from echofs.services.heads import Heads
from echofs.services.health import MasterHealth
from echofs.services.late import settle_late
from echofs.services.loops import Loop, Loops
from echofs.services.reporting import REPORT_SECONDS, Reporting
from echofs.services.spooling import Spooling
from echofs.settings import Settings
from echofs.web.access import install_access
from echofs.web.accounts import accounts_blueprint
from echofs.web.conflicts import conflicts_blueprint
from echofs.web.consistency import consistency_blueprint
from echofs.web.downloads import Timing, downloads_blueprint
from echofs.web.files import files_blueprint
from echofs.web.floors import floors_blueprint
from echofs.web.limits import AccountLimits, Rates
from echofs.web.ops import cluster_blueprint, ops_blueprint
from echofs.web.tokens import Authenticator, Tokens, TokenSettings
from echofs.web.uploads import uploads_blueprint

if TYPE_CHECKING:
    from echofs.bootstrap.sharing import Sharing


def master(settings: Settings) -> Flask:
    """The application of this role. Raises like :func:`~echofs.bootstrap.create_app`."""
    basics = open_basics(settings)
    meters = PrometheusMeters()
    app = bare_application(basics)
    journal = parts.open_journal(settings, basics)
    adviser = Adviser(basics.clock)
    plane = parts.open_data_plane(app, settings, basics, meters, spool=journal, alone=True, faults=adviser.faults)
    sharing = _open_sharing(settings, basics, meters)
    heads = Heads(plane.catalog, sharing.heads if sharing else None, meters)
    host = open_host(settings, basics, plane.catalog, plane.gate, adviser.critical)
    service = parts.open_file_service(settings, basics, plane, journal, host, heads, meters, adviser)
    reading = open_reading(settings, host, plane.catalog, plane.gate, journal, heads, meters)
    spooling = Spooling(journal, service.replicator, plane.workers, plane.members, plane.catalog, plane.codec, meters)
    copies = EntryCopies(
        journal,
        plane.workers,
        plane.members,
        plane.codec,
        basics.clock,
        wanted=settings.replication_factor,
        largest=largest_chunk(settings),
    )
    late = partial(settle_late, service.replicator, plane.catalog, journal, plane.gate)
    conflicts = open_conflict_service(
        settings, basics, plane, journal, heads, service.replicator, service.reader, meters
    )
    adopt = open_adoption(settings, basics, plane, lambda entries: conflicts.adopting.replay(entries).settled, meters)
    redis = (lambda: sharing.link.here) if sharing else None
    health = MasterHealth(
        plane.catalog,
        plane.members,
        basics.clock,
        __version__,
        redis,
        journal,
        Level(settings.consistency_floor),
    )
    reporting = Reporting(
        f"{socket.gethostname()}:{os.getpid()}",
        basics.controller,
        adviser,
        plane.gate,
        plane.members.links.reports,
        journal,
        service.latencies,
        health.outbox_depth,
        basics.clock,
    )
    survey = ClusterSurvey(
        plane.catalog, plane.workers, plane.members, basics.clock, wanted=settings.replication_factor
    )
    install_metrics(
        app,
        meters,
        gauges={
            "outbox_depth": health.outbox_depth,
            "journal_depth": journal.depth,
            "journal_age_seconds": journal.oldest_age,
            "spool_bytes": journal.spooled_bytes,
            "advice_age_seconds": lambda: math.nan if adviser.age is None else adviser.age,
            "follower_age_seconds": host.copy_age,
        },
    )
    accounts = parts.make_accounts(settings, plane.users, basics)
    authenticate = _mount_accounts(app, settings, accounts, basics, host, sharing)
    install_access(app, authenticate=authenticate, verify_call=no_internal_routes)
    monotonic = basics.clock.monotonic
    timing = Timing(monotonic, partial(service.latencies.observe, OpClass.READ))
    app.register_blueprint(ops_blueprint(health.report, api=True))
    app.register_blueprint(cluster_blueprint(survey))
    app.register_blueprint(uploads_blueprint(service.uploads, reading.sessions, monotonic, settings.chunk_size))
    app.register_blueprint(files_blueprint(service.files, reading, monotonic))
    app.register_blueprint(downloads_blueprint(service.files, reading, service.reader, meters, timing))
    app.register_blueprint(floors_blueprint(host.floors))
    app.register_blueprint(conflicts_blueprint(conflicts.conflicts))
    app.register_blueprint(consistency_blueprint(HttpSteering(basics.controller), plane.catalog.file))
    if settings.trusted_proxies:
        proxies = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = Loops(
        Loop("catalog gate", WATCH_SECONDS, plane.gate.watch),
        Loop("members", BEAT_SECONDS, plane.members.refresh),
        Loop("report", REPORT_SECONDS, reporting.run_once),
        Loop("drills", REPORT_SECONDS, Drills(adviser.faults, plane.gate, basics.clock).run_once),
        Loop("late replicas", BEAT_SECONDS, late),
        Loop("spool", BEAT_SECONDS, spooling.run_once),
        Loop("reintegration", REPLAY_SECONDS, conflicts.reintegration.run_once),
        Loop("journal copies", BEAT_SECONDS, copies.run_once),
        Loop("adoption", ADOPT_SECONDS, adopt),
        host.loop(),
        *(sharing.loops(authenticate.forget) if sharing else ()),
        on_stop=(
            service.replicator.stop,
            service.reader.stop,
            plane.reader.stop,
            journal.close,
            *host.steps_on_stop(),
            *((sharing.link.close,) if sharing else ()),
        ),
    )
    return app


def _open_sharing(settings: Settings, basics: Basics, meters: Meters) -> Sharing | None:
    if settings.redis_addr is None:
        return None
    # Its library alone takes a sixth of a second to load.
    from echofs.bootstrap.sharing import open_sharing

    return open_sharing(settings.redis_addr, basics, meters)


def _mount_accounts(
    app: Flask, settings: Settings, accounts: Accounts, basics: Basics, host: Host, sharing: Sharing | None
) -> Authenticator:
    """Add the account routes; what turns a user's token into its bearer."""
    life = TokenSettings(
        settings.jwt_secret,
        access_seconds=int(settings.jwt_expiration_hours * 3600),
        refresh_seconds=int(settings.jwt_refresh_days * 86400),
    )
    tokens = Tokens(app, life)
    authenticator = Authenticator(
        tokens,
        accounts,
        basics.clock,
        news=sharing.news if sharing else None,
        offline=host.rights,
        offline_seconds=settings.offline_rights_seconds,
    )
    rates = Rates(login_per_name_and_address=settings.login_rate) if settings.login_rate else None
    uri, options = sharing.counters() if sharing else ("memory://", {})
    limits = AccountLimits(app, rates, storage_uri=uri, storage_options=options, enabled=bool(settings.login_rate))
    app.register_blueprint(accounts_blueprint(accounts, tokens, authenticator, limits))
    return authenticator
