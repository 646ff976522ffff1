"""Requests made up from the API's document, by Schemathesis, against a whole cluster.

``python -m tests.web.fuzzing`` is ``make fuzz``: many requests for each operation, and a list of what went wrong.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis.errors import HypothesisDeprecationWarning
from schemathesis import AuthContext, Case
from schemathesis.engine import events, from_schema

from echofs.web.tus import BODY_TYPE
from tests.web.whole import ADMINISTRATOR, USER, WORKERS, Whole

# The bytes of a resumable upload are bytes like others.
schemathesis.serializer.alias(BODY_TYPE, "application/octet-stream")

SEED = 20_260_301
FEW = 100
PHASES = ("examples", "coverage", "fuzzing", "stateful")
_CHECKS: dict[str, Any] = {
    # A machine that is busy with other tests answers late, and what cannot wait is refused then, as it should be.
    "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "503"]},
    # It cannot ask an application again, only a server; test_every_route tries every route without a proof.
    "ignored_auth": {"enabled": False},
    # Refused for other reasons than the syntax: If-Match does not hold, the state has changed, a range lies outside.
    "positive_data_acceptance": {"enabled": False},
    "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
    # Without its version the tus protocol has 412; a POST that names no other method is none that is answered.
    "missing_required_header": {"expected-statuses": ["400", "401", "403", "405", "412", "415"]},
}
_ENDING = ("/api/v1/auth/", "/api/v1/session", "/api/v1/admin/users")
"""Where sessions may end."""
_OPERATIONS: list[dict[str, Any]] = [
    {
        # To the other methods, "upload" is an id like any other, and one that no file has.
        "include-name": "POST /api/v1/files/upload",
        "checks": {"allow_header_conformance": {"enabled": False}, "unsupported_method": {"enabled": False}},
    },
]


@dataclass
class Findings:
    """What came of it."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many were answered."""
        return self.statuses.total()

    def by_operation(self) -> Counter[str]:
        """How many each operation answered."""
        counts: Counter[str] = Counter()
        for (operation, _status), count in self.statuses.items():
            counts[operation] += count
        return counts


def fuzz(whole: Whole, user: str, *, examples: int, phases: Mapping[str, bool], seed: int = SEED) -> Findings:
    """Try every operation as that user, with about ``examples`` requests each in the phase that makes them up."""
    config = schemathesis.Config.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "checks": _CHECKS,
            "operations": _OPERATIONS,
            "phases": _phases(phases),
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
        }
    )
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", whole.master, config=config)
    client = Client(whole, user)
    # Asked before each request: the library would otherwise go on with a token that a request has ended.
    schema.auth(refresh_interval=None)(client.provider())
    # A function, since the library puts marks of its own on it.
    schema.hook("map_path_parameters")(lambda _context, path_parameters: client.with_known(path_parameters))
    findings = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(findings, event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            raise AssertionError(f"Schemathesis failed: {event}") from event.value
    return findings


def _phases(wanted: Mapping[str, bool]) -> dict[str, Any]:
    chosen: dict[str, Any] = {name: {"enabled": enabled} for name, enabled in wanted.items()}
    # One method that no address answers, instead of all of them at each address.
    chosen["coverage"]["unexpected-methods"] = ["TRACE"]
    return chosen


class Client:
    """Logs in anew whenever a request has ended the session, knows what exists, and calls drained workers back."""

    def __init__(self, whole: Whole, user: str) -> None:
        self._whole = whole
        self._user = user
        self.doubts = True
        self.drained = False
        self._token = ""
        self._file_id = ""
        self._turn = 0

    def provider(self) -> type:
        """What gives every request its proof."""
        client = self

        class Provider:
            def get(self, case: Case, _context: AuthContext) -> str:
                return client.token()

            def set(self, case: Case, token: str, _context: AuthContext) -> None:
                case.headers["Authorization"] = f"Bearer {token}"
                client.doubts = case.operation.path.startswith(_ENDING)
                client.drained = case.operation.path.startswith("/api/v1/admin/workers/")

        return Provider

    def with_known(self, path_parameters: dict[str, Any]) -> dict[str, Any]:
        """Every second id of a file is one that exists."""
        self._turn += 1
        if path_parameters and "file_id" in path_parameters and self._turn % 2:
            return {**path_parameters, "file_id": self.file_id()}
        return path_parameters

    def token(self) -> str:
        """One that is good now."""
        if not self._token or (self.doubts and self._ask("GET", "/api/v1/auth/profile").status_code == 401):
            self._token = self._whole.token(self._user)
        self.doubts = False
        if self.drained:
            # Or strong writes are rightly refused from here on.
            for worker in WORKERS:
                self._ask("POST", f"/api/v1/admin/workers/{worker}", json={"intent": "up"})
            self.drained = False
        return self._token

    def file_id(self) -> str:
        """A file that exists now."""
        self.token()
        if not self._file_id or self._ask("GET", f"/api/v1/files/{self._file_id}").status_code == 404:
            stored = self._ask("POST", f"/api/v1/files/upload?path=fuzzed/{self._turn}", data=b"hello")
            self._file_id = stored.get_json()["data"]["file"]["id"]
        return self._file_id

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._whole.master.test_client().open(path, method=method, headers=headers, **options)


def _note(findings: Findings, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        case = recorder.cases[case_id].value
        if interaction.response is not None:
            findings.statuses[case.operation.label, interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = recorder.cases[case_id].value
                interaction = recorder.interactions.get(case_id)
                failure = check.failure_info.failure
                key = f"{check.name} {case.operation.label}"
                status = interaction.response.status_code if interaction and interaction.response else "?"
                findings.failures.setdefault(
                    key, f"{failure.title}: {failure.message}\n{status} for {check.failure_info.code_sample}"
                )


def main() -> int:
    """Try everything as a user and as an administrator; the exit code is 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--user", choices=(USER, ADMINISTRATOR), help="only as that user")
    given = parser.parse_args()
    logging.disable()
    # Loops of the cluster draw their jitter while requests are made up.
    warnings.simplefilter("ignore", HypothesisDeprecationWarning)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="echofs-fuzz-") as folder:
        whole = Whole(Path(folder))
        try:
            for user in [given.user] if given.user else [USER, ADMINISTRATOR]:
                phases = dict.fromkeys(PHASES, True)
                findings = fuzz(whole, user, examples=given.examples, phases=phases, seed=given.seed)
                wrong += len(findings.failures)
                for line in _report(user, findings):
                    print(line)
        finally:
            whole.close()
    return 1 if wrong else 0


def _report(user: str, findings: Findings) -> Iterator[str]:
    statuses: Counter[int] = Counter()
    for (_operation, status), count in findings.statuses.items():
        statuses[status] += count
    counts = findings.by_operation()
    few = sorted(operation for operation, count in counts.items() if count < FEW)
    yield f"{user}: {findings.requests} requests to {len(counts)} operations"
    yield f"fewer than {FEW} to {len(few)}, most of which read nothing that could be varied: {', '.join(few)}"
    yield f"answers: {', '.join(f'{status}: {count}' for status, count in sorted(statuses.items()))}"
    refused = Counter({key: count for key, count in findings.statuses.items() if key[1] >= 500})
    for (operation, status), count in refused.most_common():
        yield f"{status} from {operation}: {count}"
    for key, failure in sorted(findings.failures.items()):
        yield f"\n{key}\n{failure}"


if __name__ == "__main__":
    sys.exit(main())
