"""A hasher that costs nothing and remembers how often it was asked."""

from __future__ import annotations

from echofs.ports.runtime import PasswordHasher


class PlainHasher(PasswordHasher):
    """``work`` counts verifications, those for nobody included: what a stranger could measure as time."""

    def __init__(self) -> None:
        self.work = 0

    def hash(self, password: str) -> str:
        return f"plain:{password}"

    def verify(self, password: str, password_hash: str) -> bool:
        self.work += 1
        return password_hash == f"plain:{password}"

    def verify_nobody(self, password: str) -> None:
        self.work += 1

    def is_common(self, password: str) -> bool:
        return password == "password"
