"""Conditional requests and byte ranges as RFC 9110 (sections 13 and 14) defines them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Request
from werkzeug.http import parse_date

from echofs.core.errors import InvalidRequest, PreconditionFailed, RangeNotSatisfiable
from echofs.core.models import Timestamp, Version

MAX_RANGES = 16
_RANGE = re.compile(r"[ \t]*([0-9]*)-([0-9]*)[ \t]*")
_LAST_BYTES = re.compile(r"-0*[1-9][0-9]*")


def if_match(request: Request) -> tuple[str, ...] | None:
    """The etags of If-Match, ``("*",)`` for any, None without the header. A header without a valid etag matches
    nothing."""
    if "If-Match" not in request.headers:
        return None
    tags = request.if_match
    # An etag spelled "*" in quotes is just an etag, and none of ours.
    return ("*",) if tags.star_tag else tuple(tag for tag in tags.as_set() if tag != "*")


def create_only(request: Request) -> bool:
    """Whether the request demands that nothing exists yet (``If-None-Match: *``), the only use of that header on
    writes here."""
    if "If-None-Match" not in request.headers:
        return False
    if not request.if_none_match.star_tag:
        raise InvalidRequest("On a write, If-None-Match can only be *.", field="If-None-Match")
    return True


def http_time(moment: Timestamp) -> datetime:
    """A timestamp in the whole seconds of HTTP dates."""
    return datetime.fromtimestamp(moment // 1_000_000, UTC)


def not_modified(request: Request, version: Version) -> bool:
    """Whether a read may be answered with 304. Raises :class:`PreconditionFailed` for a failed If-Match or
    If-Unmodified-Since; the order is that of section 13.2.2."""
    matches = if_match(request)
    if matches is not None:
        if "*" not in matches and version.etag not in matches:
            raise PreconditionFailed("The file has changed since the version you named.", field="If-Match")
    elif request.if_unmodified_since and http_time(version.created_at) > request.if_unmodified_since:
        raise PreconditionFailed("The file has changed since then.", field="If-Unmodified-Since")
    if "If-None-Match" in request.headers:
        return request.if_none_match.contains_weak(version.etag)
    return bool(request.if_modified_since and http_time(version.created_at) <= request.if_modified_since)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``first`` to ``last``, both included."""

    first: int
    last: int


def requested_range(request: Request, version: Version) -> ByteRange | None:
    """The part of the file to send; None for the whole.

    Several ranges in one request may be ignored (section 14.2) and are, except that a set a client could only send to
    cause work (over 16, or overlapping) is refused, as are ranges that are malformed or begin behind the end:
    :class:`RangeNotSatisfiable`. Ignored are units other than bytes, a range whose If-Range does not hold, methods
    other than GET, and the last bytes of an empty file: those are all of it, and no 206 can say so.
    """
    unit, equals, listed = request.headers.get("Range", "").partition("=")
    if request.method != "GET" or not equals or unit.strip().lower() != "bytes":
        return None
    if not _if_range_holds(request, version):
        return None
    size = version.content.size
    texts = [text for text in listed.split(",", MAX_RANGES) if text.strip()]
    ranges = [_one_range(text, size) for text in texts or [""]]
    if len(ranges) == 1:
        if ranges[0] is None:
            if size == 0 and _LAST_BYTES.fullmatch(texts[0].strip()):
                return None
            raise RangeNotSatisfiable(f"The range lies behind the end of the file, which has {size} bytes.", size=size)
        return ranges[0]
    present = sorted((part.first, part.last) for part in ranges if part is not None)
    overlapping = any(left[1] >= right[0] for left, right in itertools.pairwise(present))
    if len(ranges) > MAX_RANGES or overlapping or not present:
        raise RangeNotSatisfiable("Ask for one range, or for few that do not overlap.", size=size)
    return None


def _one_range(text: str, size: int) -> ByteRange | None:
    """One range of a set; None where it cannot be satisfied."""
    match = _RANGE.fullmatch(text)
    if match is None or not (match[1] or match[2]) or len(text) > 64:
        raise RangeNotSatisfiable("The Range header is malformed; write bytes=FIRST-LAST.", size=size)
    if not match[1]:
        length = min(int(match[2]), size)
        return ByteRange(size - length, size - 1) if length else None
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        raise RangeNotSatisfiable("The Range header is malformed: it ends before it begins.", size=size)
    return ByteRange(first, last) if first < size else None


def _if_range_holds(request: Request, version: Version) -> bool:
    """Only a strong etag will do, or an exact date that is as strong (section 13.1.5): while the file has its first
    content, for later ones may have come within the same second."""
    value = request.headers.get("If-Range", "").strip()
    if not value:
        return True
    if value.startswith(('"', "W/")):
        return value == f'"{version.etag}"'
    return version.content_version == 1 and parse_date(value) == http_time(version.created_at)
