"""JSON as EchoFS stores it: one canonical spelling out, and distrust on the way in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from echofs.core.chunking import is_digest, pack_digests
from echofs.core.errors import InvalidName
from echofs.core.models import Digest
from echofs.core.names import check_path

_MOST = 2**63 - 1


def canonical(fields: Mapping[str, object]) -> bytes:
    """Sorted keys, no spaces, UTF-8: equal values have equal bytes."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class Fields:
    """The fields of a JSON object by name and type; ``what`` names the object in errors. Methods raise ValueError."""

    def __init__(self, parsed: object, what: str) -> None:
        if not isinstance(parsed, dict):
            raise ValueError(f"not a {what}")
        self._parsed: dict[str, object] = parsed
        self._what = what

    @classmethod
    def parsed(cls, raw: bytes, what: str) -> Fields:
        """Those of an object in JSON."""
        try:
            return cls(json.loads(raw), what)
        except RecursionError:
            raise ValueError(f"not a {what}") from None

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not self._parsed

    def text(self, name: str) -> str:
        """A string that has an encoding: JSON can spell lone surrogates, which have none."""
        value = self._parsed.get(name)
        if not isinstance(value, str):
            raise ValueError(f"a {self._what}'s {name} is a string")
        value.encode()
        return value

    def path(self, name: str) -> str:
        """A path that obeys the rules of names, as :func:`~echofs.core.names.check_path` returns it."""
        path = self.text(name)
        try:
            exact = check_path(path) == path
        except InvalidName as error:
            raise ValueError(f"a {self._what}'s {name} obeys the rules of names") from error
        if not exact:
            raise ValueError(f"a {self._what}'s {name} has no leading slash")
        return path

    def number(self, name: str, *, least: int = 0) -> int:
        """An integer that every catalog can hold."""
        return self.integer(self._parsed.get(name), name, least)

    def integer(self, value: object, name: str, least: int = 0) -> int:
        """The value, if it is such an integer."""
        # To Python, true is an integer too.
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            raise ValueError(f"a {self._what}'s {name} is a whole number of at least {least}")
        return value

    def decimal(self, name: str, *, most: float = math.inf) -> float:
        """A finite number from 0 to ``most``."""
        value = self._parsed.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= min(most, _MOST):
            raise ValueError(f"a {self._what}'s {name} is a number from 0 to {min(most, _MOST):g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._parsed.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"a {self._what}'s {name} is true or false")
        return value

    def value(self, name: str) -> object:
        """Whatever it is; None if there is no such field."""
        return self._parsed.get(name)

    def items(self, name: str) -> list[object]:
        """A list."""
        value = self._parsed.get(name)
        if not isinstance(value, list):
            raise ValueError(f"a {self._what}'s {name} is a list")
        return value

    def has(self, name: str) -> bool:
        """Whether there is such a field and it is not null."""
        return self._parsed.get(name) is not None

    def names(self) -> tuple[str, ...]:
        """The names of all fields, in the order they came in."""
        return tuple(self._parsed)

    def within(self, name: str) -> Fields:
        """An object within."""
        return Fields(self._parsed.get(name), self._what)

    def objects(self, name: str) -> list[Fields]:
        """A list of objects."""
        return [Fields(value, self._what) for value in self.items(name)]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(Fields({name: value}, self._what).text(name) for value in self.items(name))

    def digest(self, name: str) -> Digest:
        """A digest."""
        return self._digest(self._parsed.get(name), name)

    def digests(self, name: str) -> bytes:
        """A list of digests, packed."""
        return pack_digests([self._digest(value, name) for value in self.items(name)])

    def _digest(self, value: object, name: str) -> Digest:
        if not isinstance(value, str) or not is_digest(value):
            raise ValueError(f"a {self._what}'s {name} is 64 lower-case hexadecimal digits")
        return value
