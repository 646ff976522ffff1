"""Operators' way to the controller, by signed calls of a master."""

from __future__ import annotations

from collections.abc import Mapping

from echofs.adapters.controller_http import HttpController
from echofs.core import faults, orders
from echofs.core.errors import AuthenticationFailed, Unavailable
from echofs.core.faults import Fault
from echofs.core.orders import Wanted, encode_wanted
from echofs.ports.steering import Answer, Steering

MODE_PATH = "/v1/mode"
HINT_PATH = "/v1/hint"
OVERRIDE_PATH = "/v1/override"
CRITICAL_PATH = "/v1/critical-keys"
EXPLAIN_PATH = "/v1/explain"
HISTORY_PATH = "/v1/history"
POLICY_PATH = "/v1/policy"
FAULTS_PATH = "/internal/v1/faults"


class HttpSteering(Steering):
    """Thread-safe."""

    def __init__(self, controller: HttpController) -> None:
        self._controller = controller

    def status(self) -> Answer:
        return self._asked("GET", POLICY_PATH)

    def mode(self, object_id: str) -> Answer:
        return _told(self._call("GET", MODE_PATH, query={"object_id": object_id} if object_id else None))

    def hint(self, wanted: Wanted) -> Answer:
        return self._asked("POST", HINT_PATH, encode_wanted(wanted))

    def override(self, wanted: Wanted) -> Answer:
        return self._asked("POST", OVERRIDE_PATH, encode_wanted(wanted))

    def overrides(self) -> Answer:
        return self._asked("GET", OVERRIDE_PATH)

    def clear_override(self, override_id: str, author: str) -> None:
        self._call("DELETE", OVERRIDE_PATH, {"override_id": override_id, "author": author})

    def critical_keys(self) -> Answer:
        return self._asked("GET", CRITICAL_PATH)

    def set_critical(self, object_id: str, author: str, *, critical: bool) -> None:
        fields = {"object_id": object_id, "author": author}
        self._call("POST" if critical else "DELETE", CRITICAL_PATH, fields)

    def explain(self, decision_id: str) -> Answer:
        return self._asked("GET", f"{EXPLAIN_PATH}/{orders.decision_id(decision_id)}")

    def history(self, after: str, limit: int) -> Answer:
        return _told(self._call("GET", HISTORY_PATH, query={"after": after, "limit": str(limit)}))

    def inject(self, fault: Fault) -> None:
        self._call("POST", FAULTS_PATH, faults.encode(fault))

    def withdraw(self, fault_id: str) -> None:
        self._call("DELETE", FAULTS_PATH, {"id": fault_id})

    def _asked(self, method: str, path: str, fields: dict[str, object] | None = None) -> Answer:
        return _told(self._call(method, path, fields))

    def _call(
        self, method: str, path: str, fields: Mapping[str, object] | None = None, query: Mapping[str, str] | None = None
    ) -> object:
        try:
            return self._controller.call(method, path, fields, query)
        except AuthenticationFailed as error:
            # It is this process that was refused: to whoever asked it, the controller is not there.
            raise Unavailable(error.message) from error


def _told(data: object) -> Answer:
    if isinstance(data, dict):
        return data
    raise Unavailable("The controller sent an answer that makes no sense.")
