"""How the system is."""

from __future__ import annotations

from marshmallow import fields

from echofs.core.models import MemberState
from echofs.services.health import Status
from echofs.web.openapi.description import Answer, Parameter, Resource, Route
from echofs.web.openapi.fields import Shape, by_name, choice, flag, listed, text, whole


class Health(Shape):
    """How a process is."""

    status = choice(Status, "`degraded` still serves; `unavailable` should get no requests.")
    role = text("What the process does.")
    version = text("The release it runs.")
    reasons = listed(text("A sentence."), "Everything that keeps it from being well.")
    details = by_name(fields.Raw(allow_none=True), "Figures behind it.")


class WorkerHealth(Shape):
    """A worker, as it says itself when asked."""

    worker_id = text("Its id.")
    zone = text("Its failure domain.")
    state = choice(MemberState, "How it counted before it was asked.")
    reachable = flag("It answered.")
    status = choice(Status, "How it is.", null=True)
    version = text("The release it runs.", null=True)
    free_bytes = whole("Its room; null where that is unlimited or unknown.", null=True)
    store_id = text("The identity of its store.")


class ReplicationStats(Shape):
    """How far the copies are from complete."""

    replication_factor = whole("Copies that every chunk is to have.", least=1)
    replicas_owed = whole("Copies known to be missing; the jobs make them.")
    workers_known = whole("Workers of the cluster.")
    workers_available = whole("Those that take requests.")
    zones = whole("Failure domains.")


_HEALTH = {
    "status": "ok",
    "role": "master",
    "version": "0.5.0",
    "reasons": [],
    "details": {"catalog": "ok", "workers_known": 3, "workers_up": 3},
}
_NO_STORE = Parameter("Cache-Control", "`no-store`.", required=True)
_RETRY = Parameter("Retry-After", "Seconds.", {"type": "integer"}, required=True)
_ILL = {**_HEALTH, "status": "unavailable", "reasons": ["The catalog does not answer."]}
_SAYS = Route(
    "Ask how this master is",
    {
        200: Answer("It serves requests.", Health, _HEALTH, headers=(_NO_STORE,)),
        503: Answer("It should get no requests.", Health, _ILL, headers=(_NO_STORE, _RETRY)),
    },
)
_WORKER = {
    "worker_id": "worker1",
    "zone": "zone1",
    "state": "up",
    "reachable": True,
    "status": "ok",
    "version": "0.5.0",
    "free_bytes": 52_428_800_000,
    "store_id": "7d0c5c2e41f04a6e",
}

RESOURCE = Resource(
    "Cluster",
    "How the system is, for load balancers, supervisors and people.",
    {
        "ops.health": _SAYS,
        "ops.api_health": _SAYS,
        "prometheus_metrics": Route(
            "Read the meters",
            {200: Answer("Prometheus' text format.", media_type="text/plain")},
            "The proxy in front keeps it inside.",
            query=(Parameter("name[]", "Only the meters of that name."),),
        ),
        "cluster.workers_health": Route(
            "Ask all workers how they are",
            {
                200: Answer(
                    "What they say, at most a second old.",
                    {"workers": listed(WorkerHealth), "reachable": whole("How many answered.")},
                    {"workers": [_WORKER], "reachable": 1},
                )
            },
        ),
        "cluster.replication_stats": Route(
            "Show how complete the copies are",
            {
                200: Answer(
                    "Figures of the whole cluster.",
                    ReplicationStats,
                    {
                        "replication_factor": 3,
                        "replicas_owed": 0,
                        "workers_known": 3,
                        "workers_available": 3,
                        "zones": 3,
                    },
                )
            },
        ),
    },
)
