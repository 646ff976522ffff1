"""The three roles as Flask applications."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from echofs import __version__
from echofs.adapters.frames import HEADER_BYTES
from echofs.adapters.member_file import MemberFile
from echofs.adapters.meters import PrometheusMeters, install_metrics
from echofs.adapters.stores.registry import open_store
from echofs.bootstrap import parts
from echofs.core.errors import AuthenticationFailed, InvalidSetting
from echofs.core.models import Member
from echofs.services.accounts import Accounts, Principal
from echofs.services.chunks import ChunkKeeper
from echofs.services.cluster import ClusterSurvey, Heartbeat, MemberRegistry
from echofs.services.health import ControllerHealth, MasterHealth, WorkerHealth
from echofs.services.late import settle_late
from echofs.services.loops import Loop, Loops
from echofs.services.replication import BATCH_BYTES, BATCH_CHUNKS
from echofs.settings import ProcessRole, Settings, load
from echofs.web.access import check_declared, install_access
from echofs.web.accounts import accounts_blueprint
from echofs.web.controller import controller_blueprint
from echofs.web.downloads import downloads_blueprint
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.headers import install_headers
from echofs.web.limits import AccountLimits, Rates
from echofs.web.ops import cluster_blueprint, ops_blueprint
from echofs.web.queries import install_queries
from echofs.web.request_ids import install_request_ids
from echofs.web.tokens import Authenticator, Tokens, TokenSettings
from echofs.web.uploads import uploads_blueprint
from echofs.web.worker import worker_blueprint

EXTENSION = "echofs"
CONTROLLER = "controller"
BEAT_SECONDS = 1.0


def create_app(role: str, settings: Settings | None = None) -> Flask:
    """The application of ``master``, ``worker`` or ``controller``; settings come from the environment unless given.

    ``app.extensions["echofs"]`` is its :class:`Loops`, to be started in the process that serves, after any fork. Raises
    :class:`InvalidSetting` for an unknown role or a wrong setting.
    """
    builders = {ProcessRole.MASTER: _master, ProcessRole.WORKER: _worker, ProcessRole.CONTROLLER: _controller}
    if role not in builders:
        raise InvalidSetting(f"There is no role {role!r}: use {', '.join(builders)}.", field="ECHOFS_ROLE")
    settings = settings or load(role=role)
    app = builders[ProcessRole(role)](settings)
    check_declared(app)
    return app


def _master(settings: Settings) -> Flask:
    basics = parts.open_basics(settings)
    meters = PrometheusMeters()
    app = _application(basics)
    plane = parts.open_data_plane(app, settings, basics, meters)
    service = parts.open_file_service(settings, basics, plane, meters)
    health = MasterHealth(plane.catalog, plane.members, basics.clock, __version__)
    survey = ClusterSurvey(
        plane.catalog, plane.workers, plane.members, basics.clock, wanted=settings.replication_factor
    )
    install_metrics(app, meters, outbox_depth=health.outbox_depth)
    authenticate = _mount_accounts(app, settings, parts.make_accounts(settings, plane.users, basics), basics)
    install_access(app, authenticate=authenticate, verify_call=_no_internal_routes)
    monotonic = basics.clock.monotonic
    app.register_blueprint(ops_blueprint(health.report, api=True))
    app.register_blueprint(cluster_blueprint(survey))
    app.register_blueprint(uploads_blueprint(service.uploads, monotonic, settings.chunk_size))
    app.register_blueprint(files_blueprint(service.files, monotonic))
    app.register_blueprint(downloads_blueprint(service.files, service.reader, meters))
    if settings.trusted_proxies:
        proxies = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = Loops(
        Loop("members", BEAT_SECONDS, plane.members.refresh),
        Loop("late replicas", BEAT_SECONDS, partial(settle_late, service.replicator, plane.catalog)),
        on_stop=(service.replicator.stop, service.reader.stop),
    )
    return app


def _worker(settings: Settings) -> Flask:
    basics = parts.open_basics(settings)
    meters = PrometheusMeters()
    app = _application(basics)
    codec = parts.open_codec(settings)
    largest = parts.largest_chunk(settings) + HEADER_BYTES
    store = open_store(settings.chunk_store, owner=settings.worker_id, max_value_bytes=largest)
    keeper = ChunkKeeper(store, codec, meters, settings.worker_id)
    health = WorkerHealth(store, settings.worker_id, basics.clock, __version__)
    member = Member(
        settings.worker_id, settings.worker_url, settings.worker_zone, settings.worker_weight, store_id=store.store_id
    )
    heartbeat = Heartbeat(basics.controller, member, store.free_bytes)
    install_metrics(app, meters)
    verify = _verifier(basics, settings.worker_id)
    install_access(app, authenticate=_no_user_routes, verify_call=verify)
    app.register_blueprint(ops_blueprint(health.report))
    app.register_blueprint(
        worker_blueprint(keeper, health.account, max(BATCH_BYTES, largest) + BATCH_CHUNKS * HEADER_BYTES)
    )
    app.extensions[EXTENSION] = Loops(
        Loop("heartbeat", BEAT_SECONDS, heartbeat.beat), on_stop=(heartbeat.leave, store.close)
    )
    return app


def _controller(settings: Settings) -> Flask:
    basics = parts.open_basics(settings)
    app = _application(basics)
    registry = MemberRegistry(MemberFile(parts.run_file(settings, "members.json")), basics.clock)
    install_metrics(app, PrometheusMeters())
    verify = _verifier(basics, CONTROLLER)
    install_access(app, authenticate=_no_user_routes, verify_call=verify)
    app.register_blueprint(ops_blueprint(ControllerHealth(registry, __version__).report))
    app.register_blueprint(controller_blueprint(registry))
    app.extensions[EXTENSION] = Loops()
    return app


def _application(basics: parts.Basics) -> Flask:
    """An application with what every role has; blueprints and access come after."""
    app = Flask("echofs", static_folder=None)
    # A path with two slashes is another path: redirecting would turn a missing id into another route.
    app.url_map.merge_slashes = False
    install_request_ids(app, basics.clock, basics.ids)
    install_errors(app)
    install_headers(app)
    install_queries(app)
    return app


def _mount_accounts(
    app: Flask, settings: Settings, accounts: Accounts, basics: parts.Basics
) -> Callable[[str], Principal]:
    """Add the account routes; what turns a user's token into its bearer."""
    life = TokenSettings(
        settings.jwt_secret,
        access_seconds=int(settings.jwt_expiration_hours * 3600),
        refresh_seconds=int(settings.jwt_refresh_days * 86400),
    )
    tokens = Tokens(app, life)
    authenticator = Authenticator(tokens, accounts, basics.clock)
    rates = Rates(login_per_name_and_address=settings.login_rate) if settings.login_rate else None
    storage = f"redis://{settings.redis_addr}" if settings.redis_addr else "memory://"
    limits = AccountLimits(app, rates, storage_uri=storage, enabled=bool(settings.login_rate))
    app.register_blueprint(accounts_blueprint(accounts, tokens, authenticator, limits))
    return authenticator


def _verifier(basics: parts.Basics, audience: str) -> Callable[[str, str, str], None]:
    """What checks the internal calls that are meant for this process."""
    return lambda token, method, path: basics.signer.verify(token, audience, method, path)


def _no_internal_routes(token: str, method: str, path: str) -> None:
    raise AuthenticationFailed("A master has no internal routes.")


def _no_user_routes(token: str) -> Principal:
    raise AuthenticationFailed("Only masters serve users.")
