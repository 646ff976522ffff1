"""Bringing two changes of the same content together, where they touch different parts of it.

A merge is either clean or does not happen: no conflict marks ever get into a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise

MAX_BYTES = 1 << 20
"""Larger contents are not merged but kept both."""
_MAX_LINES = 20_000
_ABSENT = object()


class NotMergeable(Exception):
    """Both changed the same part, or what they changed is not of a type that can be merged."""


def merge(base: bytes, mine: bytes, theirs: bytes, *, as_json: bool) -> bytes:
    """What both changes of ``base`` make together.

    Text is merged line by line. JSON is merged key by key of its objects: a list or a plain value is one part. Raises
    :class:`NotMergeable`.
    """
    if max(len(base), len(mine), len(theirs)) > MAX_BYTES:
        raise NotMergeable
    try:
        return (_merge_json if as_json else _merge_text)(base, mine, theirs)
    except (RecursionError, UnicodeEncodeError):
        # JSON may be nested deeper than Python goes, and spell characters that have no encoding.
        raise NotMergeable from None


def _merge_text(base: bytes, mine: bytes, theirs: bytes) -> bytes:
    lines = [_lines(content) for content in (base, mine, theirs)]
    return b"".join(merge_lines(*lines))


def _lines(content: bytes) -> list[bytes]:
    try:
        content.decode()
    except UnicodeDecodeError:
        raise NotMergeable from None
    # Only as git and diff see lines: bytes.splitlines would cut at a lone carriage return too.
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    if b"\0" in content or len(lines) > _MAX_LINES:
        raise NotMergeable
    return lines if lines[-1] else lines[:-1]


def merge_lines(base: Sequence[bytes], mine: Sequence[bytes], theirs: Sequence[bytes]) -> list[bytes]:
    """Three-way merge (Khanna, Kunal and Pierce, "A formal investigation of diff3", 2007).

    Lines of ``base`` that both sides kept cut all three into parts; in each part at most one side may differ from
    ``base``, or both in the same way. Unlike diff3 it is strict: changes of neighbouring lines belong to one part.
    Raises :class:`NotMergeable`.
    """
    merged: list[bytes] = []
    for (b, m, t), (b_end, m_end, t_end) in pairwise([(0, 0, 0), *_anchors(base, mine, theirs)]):
        merged += _choose(base[b : b_end - 1], mine[m : m_end - 1], theirs[t : t_end - 1])
        merged += base[b_end - 1 : b_end]
    return merged


def _anchors(base: Sequence[bytes], mine: Sequence[bytes], theirs: Sequence[bytes]) -> list[tuple[int, int, int]]:
    """For each line kept by both, the places right behind it in all three; then a line imagined after the last."""
    in_mine, in_theirs = _kept(base, mine), _kept(base, theirs)
    both = sorted(in_mine.keys() & in_theirs.keys())
    found = [(line + 1, in_mine[line] + 1, in_theirs[line] + 1) for line in both]
    return [*found, (len(base) + 1, len(mine) + 1, len(theirs) + 1)]


def _kept(base: Sequence[bytes], changed: Sequence[bytes]) -> dict[int, int]:
    """Lines of ``base`` that are still there, each with its place in ``changed``; both grow together."""
    # The matcher leaves out lines that occur very often: it finds less, never anything wrong, and stays fast.
    blocks = SequenceMatcher(None, base, changed).get_matching_blocks()
    return {block.a + at: block.b + at for block in blocks for at in range(block.size)}


def _choose(base: Sequence[bytes], mine: Sequence[bytes], theirs: Sequence[bytes]) -> Sequence[bytes]:
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    raise NotMergeable


def _merge_json(base: bytes, mine: bytes, theirs: bytes) -> bytes:
    values = [_parse(content) for content in (base, mine, theirs)]
    merged = _merge_values(*values)
    try:
        # Where the lines merge to the same value, they keep the spelling that their writers chose.
        lines = _merge_text(base, mine, theirs)
        if _parse(lines) == merged:
            return lines
    except NotMergeable:
        pass
    indent = 2 if b"\n" in theirs.strip() else None
    spelled = json.dumps(merged, ensure_ascii=False, indent=indent)
    return spelled.encode() + (b"\n" if theirs.endswith(b"\n") else b"")


def _parse(content: bytes) -> object:
    try:
        return json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_exact)
    except ValueError:
        raise NotMergeable from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise NotMergeable
    return dict(pairs)


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _exact(text: str) -> float:
    """A number, if it survives being read and written as it stands."""
    number = float(text)
    if repr(number) != text:
        raise NotMergeable
    return number


def _merge_values(base: object, mine: object, theirs: object) -> object:
    if _same(mine, base) or _same(mine, theirs):
        return theirs
    if _same(theirs, base):
        return mine
    if isinstance(base, dict) and isinstance(mine, dict) and isinstance(theirs, dict):
        keys = dict.fromkeys((*theirs, *mine))
        values = {
            key: _merge_values(base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT)) for key in keys
        }
        return {key: value for key, value in values.items() if value is not _ABSENT}
    raise NotMergeable


def _same(one: object, other: object) -> bool:
    """Equality as JSON has it: to Python, 1, 1.0 and true are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other
