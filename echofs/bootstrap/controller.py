"""The controller: who belongs to the cluster, and which level is to be tried first."""

from __future__ import annotations

from flask import Flask

from echofs import __version__
from echofs.adapters.controller_files import MEMORY_FILE, DecisionFiles, MemoryFile
from echofs.adapters.member_file import MemberFile
from echofs.adapters.meters import PrometheusMeters, install_metrics
from echofs.bootstrap.application import (
    EXTENSION,
    bare_application,
    no_user_routes,
    verifier,
)
from echofs.bootstrap.basics import open_basics, run_file
from echofs.core.membership import CONTROLLER
from echofs.services.cluster import JobsBoard, MemberRegistry
from echofs.services.controlling import TICK_SECONDS, Controlling
from echofs.services.health import ControllerHealth
from echofs.services.loops import Loop, Loops
from echofs.settings import Settings
from echofs.web.access import install_access
from echofs.web.controller import controller_blueprint
from echofs.web.ops import ops_blueprint
from echofs.web.steering import steering_blueprint


def controller(settings: Settings) -> Flask:
    """The application of this role. Raises like :func:`~echofs.bootstrap.create_app`."""
    basics = open_basics(settings)
    app = bare_application(basics)
    registry = MemberRegistry(MemberFile(run_file(settings, "members.json")), basics.clock)
    meters = PrometheusMeters()
    folder = run_file(settings, MEMORY_FILE).parent
    controlling = Controlling(
        registry.members,
        MemoryFile(folder),
        DecisionFiles(folder),
        basics.clock,
        basics.ids,
        meters,
        policy=settings.consistency_policy,
        goal=settings.latency_goal_ms / 1000,
        replicas=settings.replication_factor,
    )
    install_metrics(app, meters, gauges={"consistency_level": controlling.levels})
    verify = verifier(basics, CONTROLLER)
    install_access(app, authenticate=no_user_routes, verify_call=verify)
    app.register_blueprint(ops_blueprint(ControllerHealth(registry, __version__).report))
    app.register_blueprint(controller_blueprint(registry, JobsBoard(basics.clock), controlling.status))
    app.register_blueprint(steering_blueprint(controlling))
    app.extensions[EXTENSION] = Loops(Loop("decisions", TICK_SECONDS, controlling.tick))
    return app
