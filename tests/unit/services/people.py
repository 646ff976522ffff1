"""Accounts, app passwords and administration with everything around them within reach."""

from __future__ import annotations

from echofs.core.audit import Action, Outcome
from echofs.core.models import Role, User
from echofs.services.accounts import Accounts, Principal
from echofs.services.administration import Administration
from echofs.services.app_passwords import AppAccess
from echofs.services.auditing import Auditing
from tests.fakes.app_passwords import MemoryAppPasswords
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.passwords import PlainHasher
from tests.fakes.users import MemoryUsers

PASSWORD = "correct horse battery"


class People:
    """``root`` is the one administrator, ``alice`` an ordinary user; neither registered."""

    def __init__(self, *, default_quota: int | None = None) -> None:
        self.users = MemoryUsers()
        self.passwords = MemoryAppPasswords()
        self.hasher = PlainHasher()
        self.clock = FakeClock()
        self.audit = MemoryAudit()
        ids = SequentialIds()
        auditing = Auditing(self.audit, self.clock, ids)
        self.accounts = Accounts(self.users, self.hasher, auditing, self.clock, ids, quota_bytes=default_quota)
        self.access = AppAccess(self.users, self.passwords, auditing, self.clock, ids)
        self.administration = Administration(self.users, self.accounts, self.passwords, auditing)
        self.root = self.accounts.create_admin("root", "root@example.org", PASSWORD)
        self.alice = self.accounts.create("alice", "alice@example.org", PASSWORD, Role.USER)

    def principal(self, user: User) -> Principal:
        return Principal(user.id, user.name, user.role, "jti", "sid")

    def written(self) -> list[tuple[Action, str, Outcome]]:
        """What the audit log has: action, subject, outcome."""
        return [(event.action, event.subject, event.outcome) for event in self.audit.events]
