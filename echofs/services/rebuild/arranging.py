"""From manifests found to a catalog's files: histories chosen, and paths given to one living file each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from echofs.core import manifest
from echofs.core.chunking import digest_of
from echofs.core.histories import Candidate, bytes_of, decide, recovered_path
from echofs.core.manifest import Manifest
from echofs.core.models import ChunkKind, ChunkRecord, Digest, Dot, Kind
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.ports.runtime import Clock, Ids
from echofs.services.rebuild.findings import HEAD, PAST, Claim, Findings

Store = Callable[[Frame], ChunkRecord]
"""Makes a chunk durable on the workers, as any write does; raises what :meth:`PendingChunk.wait` raises."""


@dataclass(slots=True)
class Outcome:
    """How the manifests were used: ``recovered`` files stand at a path of their own beside the one that had it,
    ``passed_over`` versions lost a race when they were written, ``misfit`` ones name two owners of one file."""

    recovered: int = 0
    passed_over: int = 0
    misfit: int = 0


class Arranging:
    """Makes new versions where two claim one place, their manifests stored on the workers first, like any write's."""

    def __init__(self, findings: Findings, codec: ChunkCodec, store: Store, clock: Clock, ids: Ids) -> None:
        self._findings = findings
        self._codec = codec
        self._store = store
        self._clock = clock
        self._ids = ids
        self._origin = ids.new()
        self._counter = itertools.count(1)
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Choose histories, then settle who has which path. Raises what storing a manifest raises."""
        rivals: list[Digest] = []
        for file_id in self._findings.files():
            rivals += self._choose(file_id)
        for digest in rivals:
            self._recover(self._findings.manifest(digest))
        while contested := self._findings.contested():
            for owner_id, path in contested:
                self._settle(self._findings.claims(owner_id, path))
        return self.outcome

    def _choose(self, file_id: str) -> list[Digest]:
        found = self._findings.candidates(file_id)
        owner_id = found[0][0]
        own = [candidate for owner, candidate in found if owner == owner_id]
        self.outcome.misfit += len(found) - len(own)
        history = decide(own)
        self.outcome.passed_over += history.passed_over
        *past, head = history.versions
        self._findings.set_roles([*((each.manifest, PAST) for each in past), (head.manifest, HEAD)])
        return [rival.manifest for rival in history.rivals]

    def _recover(self, rival: Manifest) -> None:
        """Keep a version that may have been its file's head as the first one of a file of its own."""
        version = rival.version
        path = recovered_path(version.path, version.manifest)
        if self._findings.recovered(rival.owner_id, path, (version.content.size, version.content.digest)):
            return
        first = replace(
            version, file_id=self._ids.new(), number=1, parent=0, kind=Kind.CONTENT, path=path, content_version=1
        )
        self._make(replace(rival, version=first, parent_manifest=""))

    def _settle(self, claims: list[Claim]) -> None:
        """The file that was changed last has the path; the others are moved aside, except the mere trace of a creation
        that lost its race and was repeated on the winner."""
        repeated = bytes_of(
            version for claim in claims if claim.head.number > 1 for version in self._findings.history(claim.file_id)
        )
        traces = [claim for claim in claims if claim.head.number == 1 and claim.head.content in repeated]
        self._findings.set_roles([(claim.head.manifest, "") for claim in traces])
        self.outcome.passed_over += len(traces)
        rest = sorted(
            (claim for claim in claims if claim not in traces),
            key=lambda claim: (claim.head.created_at, claim.head.manifest),
        )
        for other in rest[:-1]:
            self._move_aside(other.head)

    def _move_aside(self, head: Candidate) -> None:
        present = self._findings.manifest(head.manifest)
        version = present.version
        moved = replace(
            version,
            number=version.number + 1,
            parent=version.number,
            kind=Kind.MOVE,
            path=recovered_path(version.path, version.manifest),
        )
        self._findings.set_roles([(head.manifest, PAST)])
        self._make(replace(present, version=moved, parent_manifest=version.manifest))

    def _make(self, described: Manifest) -> None:
        version = replace(
            described.version, dot=Dot(self._origin, next(self._counter)), created_at=self._clock.now(), manifest=""
        )
        described = replace(described, version=version, salt=self._ids.new())
        raw = manifest.encode(described)
        digest = digest_of(raw)
        record = self._store(self._codec.encode(raw, digest, ChunkKind.MANIFEST))
        self._findings.add_manifest(replace(described, version=replace(version, manifest=digest)), raw, HEAD)
        for worker_id in record.replicas:
            self._findings.add_held(worker_id, [digest])
        self.outcome.recovered += 1
