"""Seals by HMAC-SHA-256 (RFC 2104), with a key derived from CLUSTER_SECRET, so that nothing else ever made with that
secret opens here."""

from __future__ import annotations

import base64
import binascii
import hmac

from echofs.ports.seal import TokenSeal

_KEY_LABEL = b"echofs session tokens, version 1"


class SharedSecretSeal(TokenSeal):
    """Thread-safe."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _KEY_LABEL, "sha256")

    def seal(self, content: bytes) -> str:
        return f"{_spell(content)}.{_spell(self._mark(content))}"

    def open(self, sealed: str) -> bytes:
        text, _, mark = sealed.partition(".")
        content = _read(text)
        # Base64 has several spellings for one value, and one is enough.
        if not hmac.compare_digest(_spell(self._mark(content)).encode(), mark.encode()) or _spell(content) != text:
            raise ValueError("not sealed by this cluster")
        return content

    def _mark(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("not a sealed text") from None
