"""A seal that anybody could make."""

from __future__ import annotations

from echofs.ports.seal import TokenSeal


class OpenSeal(TokenSeal):
    """Hexadecimal digits and a word."""

    def seal(self, content: bytes) -> str:
        return f"{content.hex()}.sealed"

    def open(self, sealed: str) -> bytes:
        text, _, word = sealed.partition(".")
        if word != "sealed":
            raise ValueError("not sealed")
        return bytes.fromhex(text)
