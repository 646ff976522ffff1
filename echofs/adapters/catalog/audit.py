"""The AuditLog port on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Engine, Select, bindparam, delete, or_, select, tuple_, update

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.account_tables import audit
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import ESCAPE, literally, storable
from echofs.core.audit import Action, Actor, AuditEvent, Outcome
from echofs.core.models import Timestamp
from echofs.ports.audit import AuditLog, AuditPage, AuditQuery

_NEWEST_FIRST = "audit"
_CONCLUDE = (
    update(audit)
    .where(audit.c.id == bindparam("event"), audit.c.outcome == Outcome.BEGUN.value)
    .values(outcome=bindparam("ended"), detail=bindparam("particulars"))
)
_OLD = select(audit.c.id).where(audit.c.at < bindparam("before")).limit(bindparam("limit"))
_FORGET = delete(audit).where(audit.c.id.in_(_OLD))


class SqlAudit(AuditLog):
    """``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    def append(self, event: AuditEvent) -> None:
        row = {
            "id": event.id,
            "at": event.at,
            "actor_id": event.actor.id,
            "actor_name": event.actor.name,
            "address": event.address,
            "action": event.action.value,
            "subject": event.subject,
            "outcome": event.outcome.value,
            "detail": event.detail,
        }
        self._connections.write(lambda writer: writer.execute(audit.insert(), row))

    def conclude(self, event_id: str, outcome: Outcome, detail: str) -> None:
        values = {"event": event_id, "ended": outcome.value, "particulars": detail}
        self._connections.write(lambda writer: writer.execute(_CONCLUDE, values))

    def page(self, query: AuditQuery) -> AuditPage:
        values: dict[str, Any] = {"limit": query.limit + 1}
        if query.after:
            values["at"], values["id"] = cursor.decode(query.after, _NEWEST_FIRST)
        if not storable(query.actor, query.action):
            return AuditPage(())
        if query.actor:
            values["actor"] = query.actor
        if query.action:
            values |= {"action": query.action, "kind": literally(query.action) + ".%"}
        statement = _page_statement(bool(query.actor), bool(query.action), bool(query.after))
        with self._connections.reading() as connection:
            found = [_event(row) for row in connection.execute(statement, values)]
        shown = tuple(found[: query.limit])
        more = len(found) > query.limit
        return AuditPage(shown, cursor.encode((shown[-1].at, shown[-1].id), _NEWEST_FIRST) if more else "")

    def forget(self, before: Timestamp) -> int:
        return self._connections.sweep(_FORGET, {"before": before})


@cache
def _page_statement(by_actor: bool, by_action: bool, resumed: bool) -> Select[Any]:
    statement = select(*audit.c).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(bindparam("limit"))
    if by_actor:
        actor: BindParameter[str] = bindparam("actor")
        statement = statement.where(or_(audit.c.actor_id == actor, audit.c.actor_name == actor))
    if by_action:
        kind = audit.c.action.like(bindparam("kind"), escape=ESCAPE)
        statement = statement.where(or_(audit.c.action == bindparam("action"), kind))
    if resumed:
        statement = statement.where(tuple_(audit.c.at, audit.c.id) < tuple_(bindparam("at"), bindparam("id")))
    return statement


def _event(row: Any) -> AuditEvent:
    event_id, at, actor_id, actor_name, address, action, subject, outcome, detail = row
    return AuditEvent(
        event_id, at, Actor(actor_id, actor_name), address, Action(action), subject, Outcome(outcome), detail
    )
