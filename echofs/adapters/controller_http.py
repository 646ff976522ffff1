"""Calls to the controller."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from echofs.adapters.http_answers import Answer
from echofs.adapters.http_pool import HttpPool
from echofs.core import jobs_report
from echofs.core.advice import Advice, Report
from echofs.core.advice_json import decode_advice
from echofs.core.errors import AuthenticationFailed, Conflict, EchoError, InvalidRequest, NotFound, Unavailable
from echofs.core.fields import Fields
from echofs.core.jobs_report import JobsReport
from echofs.core.membership import CONTROLLER, decode, encode
from echofs.core.models import Intent, Member
from echofs.core.report_json import encode_report
from echofs.ports.cluster import CallSigner, ControllerClient

HEARTBEAT_PATH = "/internal/v1/heartbeat"
LEAVE_PATH = "/internal/v1/leave"
MEMBERS_PATH = "/internal/v1/members"
REPORT_PATH = "/internal/v1/report"
WORKERS_PATH = "/internal/v1/workers"
JOBS_PATH = "/internal/v1/jobs"

_REFUSALS: dict[int, type[EchoError]] = {
    http.client.BAD_REQUEST: InvalidRequest,
    http.client.UNAUTHORIZED: AuthenticationFailed,
    http.client.NOT_FOUND: NotFound,
    http.client.CONFLICT: Conflict,
}


class HttpController(ControllerClient):
    """The controller over internal HTTP; its refusals come back as the errors they were raised as. Thread-safe."""

    def __init__(self, pool: HttpPool, url: str, signer: CallSigner) -> None:
        self._pool = pool
        self._url = url
        self._signer = signer

    def heartbeat(self, member: Member) -> None:
        self.call("POST", HEARTBEAT_PATH, encode(member))

    def leave(self, worker_id: str) -> None:
        self.call("POST", LEAVE_PATH, {"worker_id": worker_id})

    def members(self) -> list[Member]:
        data = self.call("GET", MEMBERS_PATH)
        try:
            return [decode(entry) for entry in data["members"]]  # type: ignore[index]  # KeyError and TypeError follow
        except (KeyError, TypeError, InvalidRequest) as error:
            raise Unavailable("The controller sent a list of workers that makes no sense.") from error

    def report(self, report: Report) -> Advice:
        data = self.call("POST", REPORT_PATH, encode_report(report))
        try:
            return decode_advice(data)
        except ValueError as error:
            raise Unavailable(f"The controller sent advice that makes no sense: {error}.") from error

    def set_intent(self, worker_id: str, intent: Intent) -> None:
        self.call("POST", f"{WORKERS_PATH}/{quote(worker_id, safe='')}", {"intent": intent.value})

    def tell_jobs(self, report: JobsReport) -> None:
        self.call("POST", JOBS_PATH, jobs_report.encode(report))

    def jobs(self) -> tuple[JobsReport, float] | None:
        data = self.call("GET", JOBS_PATH)
        try:
            fields = Fields(data, "answer about the jobs")
            if not fields.has("report"):
                return None
            return jobs_report.decode(fields.value("report")), fields.decimal("age_seconds")
        except ValueError as error:
            raise Unavailable(f"The controller sent an answer that makes no sense: {error}.") from error

    def call(
        self, method: str, path: str, fields: Mapping[str, object] | None = None, query: Mapping[str, str] | None = None
    ) -> object:
        """One signed call; the data of its answer. Raises what the controller refused it with, and
        :class:`Unavailable`."""
        headers = {
            "Authorization": f"Bearer {self._signer.sign(CONTROLLER, method, path)}",
            "Content-Type": "application/json",
        }
        body = b"" if fields is None else json.dumps(fields).encode()
        try:
            target = f"{path}?{urlencode(query)}" if query else path
            answer = self._pool.call(self._url, method, target, headers=headers, body=body)
        except Unavailable as error:
            raise Unavailable(f"The controller does not answer: {error.message}") from error
        envelope = _envelope(answer)
        if answer.status == http.client.OK:
            return envelope.get("data")
        raise _refusal(answer.status, envelope)


def _envelope(answer: Answer) -> Mapping[str, object]:
    try:
        envelope = json.loads(answer.body)
    except ValueError:
        envelope = None
    if isinstance(envelope, dict):
        return envelope
    raise Unavailable(f"The controller answered {answer.status} and no JSON: is something else on its port?")


def _refusal(status: int, envelope: Mapping[str, object]) -> EchoError:
    if status == http.client.UNAUTHORIZED:
        return AuthenticationFailed(
            "The controller does not accept this process's calls: CLUSTER_SECRET and the clock must agree on all hosts."
        )
    message = str(envelope.get("message", ""))
    return _REFUSALS.get(status, Unavailable)(message or f"The controller answered {status}.")
