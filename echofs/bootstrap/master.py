"""A master: the REST interface in front of the catalog and the workers."""

from __future__ import annotations

from functools import partial

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from echofs.adapters.meters import install_metrics
from echofs.adapters.steering_http import HttpSteering
from echofs.bootstrap.application import EXTENSION, bare_application, no_internal_routes
from echofs.bootstrap.basics import open_basics
from echofs.bootstrap.master_loops import background
from echofs.bootstrap.master_parts import MasterParts, open_parts
from echofs.bootstrap.resumable import open_resumable
from echofs.core.advice import OpClass
from echofs.services.cluster import ClusterSurvey
from echofs.services.overseeing import Overseeing, Room
from echofs.services.replacing import GivingWay
from echofs.settings import Settings
from echofs.web.access import install_access
from echofs.web.accounts import accounts_blueprint
from echofs.web.admin_cluster import admin_cluster_blueprint
from echofs.web.admin_users import admin_users_blueprint
from echofs.web.app_passwords import app_passwords_blueprint
from echofs.web.assets import Assets
from echofs.web.audit import audit_blueprint
from echofs.web.conflicts import conflicts_blueprint
from echofs.web.consistency import consistency_blueprint
from echofs.web.dav import DavLogins, DavParts, LockStorage, dav_blueprint
from echofs.web.documents import documents_blueprint
from echofs.web.downloads import Timing, downloads_blueprint
from echofs.web.files import files_blueprint
from echofs.web.floors import floors_blueprint
from echofs.web.folders import folders_blueprint
from echofs.web.limits import AccountLimits, Rates
from echofs.web.ops import cluster_blueprint, ops_blueprint
from echofs.web.page import page_blueprint
from echofs.web.page_sessions import page_sessions_blueprint
from echofs.web.resumable import resumable_blueprint
from echofs.web.tokens import Authenticator, Tokens, TokenSettings
from echofs.web.trash import trash_blueprint
from echofs.web.uploads import uploads_blueprint
from echofs.web.versions import versions_blueprint


def master(settings: Settings) -> Flask:
    """The application of this role. Raises like :func:`~echofs.bootstrap.create_app`."""
    basics = open_basics(settings)
    app = bare_application(basics)
    made = open_parts(settings, basics, app)
    install_metrics(app, made.meters, gauges=made.gauges())
    authenticate, tokens = _mount_accounts(app, made)
    install_access(app, authenticate=authenticate, verify_call=no_internal_routes, csrf_token=tokens.csrf)
    _mount_files(app, made)
    _mount_cluster(app, made)
    if settings.trusted_proxies:
        proxies = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.extensions[EXTENSION] = background(made, authenticate.forget)
    return app


def _mount_files(app: Flask, made: MasterParts) -> None:
    service, reading, monotonic = made.service, made.reading, made.basics.clock.monotonic
    timing = Timing(monotonic, partial(service.latencies.observe, OpClass.READ))
    app.register_blueprint(uploads_blueprint(service.uploads, reading.sessions, monotonic, made.settings.chunk_size))
    resumable = open_resumable(made.settings, made.basics, made.plane, service, made.meters)
    app.register_blueprint(resumable_blueprint(resumable, reading.sessions, monotonic, made.settings.chunk_size))
    app.register_blueprint(files_blueprint(service.files, service.replacing, reading, monotonic))
    app.register_blueprint(versions_blueprint(service.files, reading, monotonic))
    app.register_blueprint(trash_blueprint(service.recovery, service.quotas, reading, monotonic))
    app.register_blueprint(folders_blueprint(service.folders, reading.sessions, monotonic))
    app.register_blueprint(downloads_blueprint(service.files, reading, service.reader, made.meters, timing))
    app.register_blueprint(floors_blueprint(made.host.floors))
    app.register_blueprint(conflicts_blueprint(made.conflicts.conflicts))


def _mount_cluster(app: Flask, made: MasterParts) -> None:
    plane, clock = made.plane, made.basics.clock
    wanted = made.settings.replication_factor
    survey = ClusterSurvey(plane.catalog, plane.workers, plane.members, clock, wanted=wanted)
    app.register_blueprint(ops_blueprint(made.health.report, api=True))
    app.register_blueprint(cluster_blueprint(survey))
    steering = HttpSteering(made.basics.controller)
    app.register_blueprint(consistency_blueprint(steering, plane.catalog.file, plane.accounts.auditing))
    overseeing = Overseeing(
        plane.catalog,
        plane.members,
        made.basics.controller,
        made.health.report,
        Room(made.settings.spool_size, made.host.copy_age),
        plane.accounts.auditing,
        clock,
        wanted=wanted,
    )
    app.register_blueprint(admin_cluster_blueprint(overseeing, steering))


def _mount_dav(app: Flask, made: MasterParts, logins: DavLogins) -> None:
    service, clock = made.service, made.basics.clock
    catalog, files, folders = made.plane.catalog, service.files, service.folders
    giving_way = GivingWay(catalog, files, folders, service.recovery)
    parts = DavParts(catalog, service.uploads, files, folders, service.replacing, giving_way, service.reader)
    locks = LockStorage(made.plane.dav_locks, clock)
    app.register_blueprint(dav_blueprint(parts, locks, logins, clock.monotonic, made.settings.chunk_size))


def _mount_accounts(app: Flask, made: MasterParts) -> tuple[Authenticator, Tokens]:
    """Add the account routes; what turns a user's token into its bearer, and what makes tokens."""
    settings, sharing = made.settings, made.sharing
    service = made.plane.accounts
    life = TokenSettings(
        settings.jwt_secret,
        access_seconds=int(settings.jwt_expiration_hours * 3600),
        refresh_seconds=int(settings.jwt_refresh_days * 86400),
    )
    tokens = Tokens(app, life)
    authenticator = Authenticator(
        tokens,
        service.accounts,
        made.basics.clock,
        news=sharing.news if sharing else None,
        offline=made.host.rights,
        offline_seconds=settings.offline_rights_seconds,
    )
    rates = Rates(login_per_name_and_address=settings.login_rate) if settings.login_rate else None
    uri, options = sharing.counters() if sharing else ("memory://", {})
    limits = AccountLimits(app, rates, storage_uri=uri, storage_options=options, enabled=bool(settings.login_rate))
    attempts = limits.attempts(service.accounts)
    app.register_blueprint(accounts_blueprint(service.accounts, tokens, authenticator, attempts))
    app.register_blueprint(app_passwords_blueprint(service.app_access))
    app.register_blueprint(admin_users_blueprint(service.administration, made.plane.catalog.usages, authenticator))
    app.register_blueprint(audit_blueprint(service.audit))
    app.register_blueprint(page_sessions_blueprint(service.accounts, tokens, authenticator, attempts))
    assets = Assets()
    app.register_blueprint(page_blueprint(assets))
    app.register_blueprint(documents_blueprint(assets))
    _mount_dav(app, made, DavLogins(limits.wrong_guesses(service.app_access.check), made.basics.clock))
    return authenticator, tokens
