"""Password hashes by passlib."""

from __future__ import annotations

import unicodedata
from functools import cache

from passlib.context import CryptContext

from echofs.ports.runtime import PasswordHasher

_MIN_LISTED = 8
"""Shorter passwords are refused for their length alone, so shorter words need not be kept in memory."""


class PasslibHasher(PasswordHasher):
    """bcrypt over HMAC-SHA-256 of the password: all of a long password counts, not only bcrypt's first 72 bytes.

    ``rounds`` is the logarithm of the work, 4 to 31: each step doubles it. Passwords are prepared as RFC 8265 says
    (OpaqueString): NFC, and every kind of space is a plain space, because keyboards differ in how they send ``é``.
    """

    def __init__(self, rounds: int = 12) -> None:
        self._context = CryptContext(schemes=["bcrypt_sha256"], bcrypt_sha256__rounds=rounds)
        # A well-formed hash that belongs to no password. Not made by hashing, which would cost every start a hash.
        self._nobodys_hash = f"$bcrypt-sha256$v=2,t=2b,r={rounds}${'O' * 22}${'O' * 31}"

    def hash(self, password: str) -> str:
        return str(self._context.hash(_prepared(password)))

    def verify(self, password: str, password_hash: str) -> bool:
        return self._context.identify(password_hash) is not None and bool(
            self._context.verify(_prepared(password), password_hash)
        )

    def verify_nobody(self, password: str) -> None:
        self.verify(password, self._nobodys_hash)

    def is_common(self, password: str) -> bool:
        return password.lower() in _common_passwords()


def _prepared(password: str) -> bytes:
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced).encode(errors="surrogatepass")


@cache
def _common_passwords() -> frozenset[str]:
    # Imported when first needed: the lists take some 15 MB, which processes that register nobody should not pay.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for words in FREQUENCY_LISTS.values() for word in words if len(word) >= _MIN_LISTED)
