"""What administrators see of the cluster, and order about workers."""

from __future__ import annotations

from marshmallow import INCLUDE

from echofs.core.alarms import Severity
from echofs.core.breaker import BreakerState
from echofs.core.errors import Conflict, NotFound, Unavailable
from echofs.core.models import Intent, MemberState
from echofs.web.openapi.description import Answer, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, by_name, choice, decimal, listed, moment, one, text, whole
from echofs.web.openapi.parameters import page_of, path_id
from echofs.web.schemas import IntentSchema

_WORKER_ID = "worker1"


class Latency(Shape):
    """Milliseconds, as the process that answers has measured them."""

    p50 = decimal("Half of the requests took at most so long; null while too little is known.", null=True)
    p95 = decimal("19 of 20 took at most so long; null while too little is known.", null=True)


class AdminWorker(Shape):
    """A worker as administrators see it."""

    worker_id = text("Its id.")
    state = choice(MemberState, "How it stands.")
    intent = choice(Intent, "What is wanted of it.")
    zone = text("Its failure domain.")
    weight = decimal("Its share of new chunks; 0 takes none.")
    url = text("Where masters reach it.")
    free_bytes = whole("Its room; null where that is unlimited or unknown.", null=True)
    store_id = text("The identity of its store.")
    store_ms = one(Latency)
    fetch_ms = one(Latency)
    breaker = choice(BreakerState, "`open` keeps requests of the answering process away from it.")
    owed = whole("Replicas it owes; null while the catalog does not say.", null=True)


class SweepPass(Shape):
    """One pass over all chunks."""

    chunks = whole("Chunks looked at.")
    owed = whole("Replicas found to be owed.")
    few = whole("Chunks with fewer than two replicas on workers that stay.")


class Sweep(Shape):
    """What the jobs last told of the sweep."""

    under_way = one(SweepPass, "The present pass; null while it rests.", null=True)
    last = one(SweepPass, "The last one that came to its end; null until one did.", null=True)
    ended_at = moment("When that was.", null=True)


class Jobs(Shape):
    """Who works at repair."""

    holder = text("Names the process; empty for none, null if not known.", null=True)
    reported_seconds_ago = decimal("When it last told of itself; null for never.", null=True)


class Alarm(Shape):
    """What an administrator should look at."""

    severity = choice(Severity, "How bad it is.")
    text = text("One sentence.")


class Replication(Shape):
    """How far the copies are from complete, and who works at it."""

    replication_factor = whole("Copies that every chunk is to have.", least=1)
    replicas_owed = whole("Copies known to be missing; null while the catalog does not say.", null=True)
    owed_by_worker = by_name(whole("How many."), "Copies owed to each worker; null while nothing is known.", null=True)
    owed_by_reason = by_name(whole("How many."), "The same by why they are owed.", null=True)
    sweep = one(Sweep, "Null while nothing is known.", null=True)
    jobs = one(Jobs)
    alarms = listed(Alarm, "The most severe first.")


class PastDecision(Shape):
    """A decision or an order. Further fields depend on its kind."""

    class Meta:
        unknown = INCLUDE

    id = text("For `explain`, if it is a decision.")
    kind = text("`decision`, `override`, or what else was noted.")
    at = whole("When it was made, in microseconds since 1970, UTC.")


_LATENCY = {"p50": 1.2, "p95": 4.8}
_WORKER = {
    "worker_id": _WORKER_ID,
    "state": "up",
    "intent": "up",
    "zone": "zone1",
    "weight": 1.0,
    "url": "http://10.0.0.11:8091",
    "free_bytes": 52_428_800_000,
    "store_id": "7d0c5c2e41f04a6e",
    "store_ms": _LATENCY,
    "fetch_ms": _LATENCY,
    "breaker": "closed",
    "owed": 0,
}
_PASS = {"chunks": 120_000, "owed": 2, "few": 0}
_REPLICATION = {
    "replication_factor": 3,
    "replicas_owed": 2,
    "owed_by_worker": {"worker3": 2},
    "owed_by_reason": {"too few replicas": 2},
    "sweep": {"under_way": None, "last": _PASS, "ended_at": "2026-03-01T09:00:00.000000Z"},
    "jobs": {"holder": "0193f3c2a1b47c3d8e5f60718293a4f0", "reported_seconds_ago": 2.5},
    "alarms": [{"severity": "warning", "text": "The worker worker3 is down: start it, or remove it for good."}],
}
_DECISION = {
    "id": "4-read-17",
    "kind": "decision",
    "at": 1_772_357_400_000_000,
    "op_class": "read",
    "level": "hybrid",
    "before": "strong",
    "reason": "the catalog takes too long",
}

RESOURCE = Resource(
    "Oversight",
    "What administrators see of the cluster, and order about workers.",
    {
        "admin_cluster.workers": Route(
            "List the workers",
            {200: Answer("Every one ever heard of.", {"workers": listed(AdminWorker)}, {"workers": [_WORKER]})},
        ),
        "admin_cluster.set_intent": Route(
            "Empty a worker, remove it, or take it back",
            {
                200: Answer(
                    "The controller knows.",
                    {"worker_id": text("Its id."), "intent": choice(Intent, "What is wanted of it now.")},
                    {"worker_id": _WORKER_ID, "intent": "draining"},
                )
            },
            path=(path_id("worker_id", "The worker's id.", _WORKER_ID),),
            bodies=json_body(IntentSchema, {"intent": "draining"}),
            errors=(NotFound, Conflict, Unavailable),
        ),
        "admin_cluster.replication": Route(
            "Show what is owed, who repairs it, and what is amiss",
            {200: Answer("What is not known is null.", Replication, _REPLICATION)},
        ),
        "admin_cluster.history": Route(
            "Read past decisions and orders",
            {
                200: Answer(
                    "A page, the newest first.",
                    {"decisions": listed(PastDecision), "next": text("For `after`; empty on the last page.")},
                    {"decisions": [_DECISION], "next": ""},
                )
            },
            query=page_of("decisions"),
            errors=(Unavailable,),
        ),
    },
)
