"""Forms that several resources answer with, as :mod:`echofs.web.render` and :mod:`echofs.web.levels` make them."""

from __future__ import annotations

from echofs.core.consistency import Guarantee
from echofs.core.models import Kind, Level
from echofs.web.openapi.fields import Shape, choice, decimal, flag, listed, moment, text, whole
from echofs.web.openapi.parameters import ETAG, FILE

_DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
_SESSION = "v1.AZPzwqG0fD2OX2BxgpOktQ"


class Version(Shape):
    """One version of a file."""

    path = text("Where the file is: its folder, a slash and its name.")
    name = text("The last part of the path.")
    folder = text("The path of the folder it is in; empty for the root.")
    version = whole("Counts the changes of the file.", least=1)
    kind = choice(Kind, "What this version changed.")
    size = whole("Bytes.")
    digest = text("SHA-256 of the content, in hexadecimal.")
    content_type = text("The media type its client gave, or a guess from the name.")
    etag = text("Changes with the content; in `If-Match` and `If-None-Match` it stands in quotes.")
    updated_at = moment("When this version was made.")


class File(Version):
    """A file with its present version."""

    id = text("Stays the same however the file is named.")
    created_at = moment("When its first version was made.")


class ReadReceipt(Shape):
    """What a read got."""

    mode_requested = text("What was asked for.")
    mode_used = choice(Level, "What it is worth.")
    version = whole("The version found; null for a listing.", null=True, least=1)
    staleness_ms = whole("It was the present one at most so long before; null when that cannot be told.", null=True)
    guarantee = choice(Guarantee, "What holds of this answer.")
    provisional = flag("The version waits for the catalog.")
    degraded = flag("This is less than was asked for first.")
    reason = text("Why it is less; else empty.")
    session = text("The token to send with the next request.")


class Receipt(Shape):
    """What a write got, counted from what workers really acknowledged."""

    mode_requested = text("What was asked for.")
    mode_used = choice(Level, "The level that was met.")
    version = whole("The version's number.", least=1)
    dot = text("The version's unique name.")
    replicas = whole("Durable copies of the chunk that has fewest, the manifest included.")
    replicas_wanted = whole("How many there are to be.", least=1)
    zones = whole("Failure domains of the chunk that has fewest.")
    workers = listed(text("A worker's id."), "Workers that hold every chunk.")
    owed = whole("Copies still to be made; the jobs see to it.")
    committed = flag("The catalog has it.")
    provisional = flag("It is durable on the master and waits for the catalog.")
    latency_ms = decimal("From the arrival of the request to the commit.")
    reason = text("Why it is not more; else empty.")
    spooled = flag("The master's own disk holds what too few workers hold; never counted as a replica.")
    guarantee = choice(Guarantee, "What holds of this write.")
    decision = text("The controller's decision that chose the level; else empty.")
    degraded = flag("The level is weaker than the one wanted first.")
    session = text("The token by which reads see this write, through any master.")


VERSION_EXAMPLE: dict[str, object] = {
    "path": "photos/tree.jpg",
    "name": "tree.jpg",
    "folder": "photos",
    "version": 1,
    "kind": "content",
    "size": 48123,
    "digest": _DIGEST,
    "content_type": "image/jpeg",
    "etag": ETAG,
    "updated_at": "2026-03-01T09:30:00.000000Z",
}
FILE_EXAMPLE = {"id": FILE, **VERSION_EXAMPLE, "created_at": "2026-03-01T09:30:00.000000Z"}
READ_EXAMPLE: dict[str, object] = {
    "mode_requested": "auto",
    "mode_used": "strong",
    "version": 1,
    "staleness_ms": 0,
    "guarantee": "linearizable",
    "provisional": False,
    "degraded": False,
    "reason": "",
    "session": _SESSION,
}
WRITE_EXAMPLE: dict[str, object] = {
    "mode_requested": "auto",
    "mode_used": "strong",
    "version": 1,
    "dot": "master1:17",
    "replicas": 3,
    "replicas_wanted": 3,
    "zones": 3,
    "workers": ["worker1", "worker2", "worker3"],
    "owed": 0,
    "committed": True,
    "provisional": False,
    "latency_ms": 4.2,
    "reason": "",
    "spooled": False,
    "guarantee": "linearizable",
    "decision": "",
    "degraded": False,
    "session": _SESSION,
}
