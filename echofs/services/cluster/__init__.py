"""Who belongs to the cluster: the controller's registry, a worker's heartbeat, and what masters and jobs make of it."""

from echofs.services.cluster.board import JobsBoard
from echofs.services.cluster.heartbeat import Heartbeat
from echofs.services.cluster.links import Call, Links
from echofs.services.cluster.registry import MemberRegistry, MemberStatus
from echofs.services.cluster.survey import ClusterSurvey, WorkerAnswer
from echofs.services.cluster.view import MemberView

__all__ = [
    "Call",
    "ClusterSurvey",
    "Heartbeat",
    "JobsBoard",
    "Links",
    "MemberRegistry",
    "MemberStatus",
    "MemberView",
    "WorkerAnswer",
]
