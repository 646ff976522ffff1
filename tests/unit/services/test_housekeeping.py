"""What is forgotten, and what is not."""

from __future__ import annotations

import pytest

from echofs.core.audit import Action, Actor
from echofs.services.auditing import Auditing
from echofs.services.housekeeping import Housekeeping
from tests.fakes.audit import MemoryAudit
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.uploads import MemoryUploads
from tests.fakes.users import MemoryUsers

DAY = 86400


@pytest.mark.parametrize(("days", "left"), [(30, ["late"]), (31, ["early", "late"]), (0, ["early", "late"])])
def test_the_audit_log_is_kept_for_so_many_days(days: int, left: list[str]) -> None:
    clock, audit = FakeClock(), MemoryAudit()
    auditing = Auditing(audit, clock, SequentialIds())
    auditing.note(Actor("", "early"), Action.LOGIN)
    clock.advance(30.5 * DAY)
    auditing.note(Actor("", "late"), Action.LOGIN)
    Housekeeping(MemoryCatalog(clock), MemoryUsers(), MemoryUploads(), audit, clock, audit_days=days).run_once()
    assert [event.actor.name for event in audit.events] == left
