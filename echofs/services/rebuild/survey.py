"""Reading the workers: what each holds, and every manifest once, from any replica that is good."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from echofs.core import manifest
from echofs.core.errors import CorruptFrame, StoreUnavailable, Unavailable
from echofs.core.models import ChunkKind, Digest, Member
from echofs.ports.chunks import ChunkCodec, WorkerClient
from echofs.services.rebuild.findings import Findings

PAGE = 512
FETCHED_TOGETHER = 32
"""Manifests in one answer of a worker: at most some 2 MiB."""

Say = Callable[[str], None]


class Survey:
    """``say`` is told of the progress, in sentences. With ``allow_missing``, workers that do not answer are left out
    instead of ending the rebuild."""

    def __init__(
        self, workers: WorkerClient, codec: ChunkCodec, findings: Findings, say: Say, *, allow_missing: bool
    ) -> None:
        self._workers = workers
        self._codec = codec
        self._findings = findings
        self._say = say
        self._allow_missing = allow_missing
        self._members: dict[str, Member] = {}
        self.left_out: list[str] = []
        self.damaged = 0

    def list_all(self, members: Sequence[Member]) -> None:
        """Ask every worker what it holds. Raises :class:`Unavailable` for one that does not answer."""
        for member in members:
            try:
                held = {kind: self._list(member, kind) for kind in ChunkKind}
            except StoreUnavailable as error:
                if not self._allow_missing:
                    raise Unavailable(
                        f"{member.worker_id} does not answer, and what only it holds would be left out. Start it, or "
                        "add --allow-missing to go on without it."
                    ) from error
                self.left_out.append(member.worker_id)
                self._say(f"{member.worker_id} does not answer and is left out.")
                continue
            self._members[member.worker_id] = member
            self._say(
                f"{member.worker_id} holds {held[ChunkKind.MANIFEST]} manifests and "
                f"{held[ChunkKind.CONTENT] + held[ChunkKind.LIST]} other chunks."
            )

    def _list(self, member: Member, kind: ChunkKind) -> int:
        count, after = 0, ""
        while page := self._workers.listed(member, kind, after):
            self._findings.add_held(member.worker_id, page)
            if kind is ChunkKind.MANIFEST:
                self._findings.add_listed(page)
            count, after = count + len(page), page[-1]
        return count

    def read_manifests(self) -> None:
        """Fetch, verify and keep every manifest that was listed; count those of which no replica is good."""
        total, done, after = self._findings.count_listed(), 0, ""
        while page := self._findings.listed(after, PAGE):
            found = dict(self._read(page))
            for digest in page:
                self.damaged += not self._keep(digest, found.get(digest))
            done, after = done + len(page), page[-1]
            self._say(f"Read {done} of {total} manifests.")

    def _keep(self, digest: Digest, raw: bytes | None) -> bool:
        if raw is None:
            return False
        try:
            described = manifest.decode(raw, digest)
        except ValueError:
            return False
        return self._findings.add_manifest(described, raw)

    def read_list(self, digest: Digest) -> bytes | None:
        """The plain bytes of a list of digests, if any replica is good."""
        return dict(self._read([digest], kinds=tuple(ChunkKind))).get(digest)

    def _read(
        self, digests: Sequence[Digest], kinds: tuple[ChunkKind, ...] = (ChunkKind.MANIFEST,)
    ) -> Iterator[tuple[Digest, bytes]]:
        """The plain bytes of those chunks of which a replica is good; bad replicas are no longer held."""
        untried = {digest: self._findings.holders(digest) for digest in digests}
        while untried := {digest: holders for digest, holders in untried.items() if holders}:
            shares: dict[str, list[Digest]] = defaultdict(list)
            for digest, holders in untried.items():
                # Spread over the holders by the digest itself, which is as good as random.
                shares[holders.pop(int(digest[:8], 16) % len(holders))].append(digest)
            for worker_id, share in shares.items():
                for at in range(0, len(share), FETCHED_TOGETHER):
                    for digest, plain in self._fetch(worker_id, share[at : at + FETCHED_TOGETHER], kinds):
                        del untried[digest]
                        yield digest, plain

    def _fetch(
        self, worker_id: str, digests: list[Digest], kinds: tuple[ChunkKind, ...]
    ) -> Iterator[tuple[Digest, bytes]]:
        try:
            frames = self._workers.fetch(self._members[worker_id], digests)
        except StoreUnavailable as error:
            if not self._allow_missing:
                raise Unavailable(f"{worker_id} stopped answering; see to it and run this again.") from error
            if worker_id not in self.left_out:
                self.left_out.append(worker_id)
                self._say(f"{worker_id} stopped answering.")
            return
        for digest in digests:
            try:
                yield digest, self._verified(frames.get(digest, b""), digest, kinds)
            except CorruptFrame:
                self._findings.drop_held(worker_id, digest)

    def _verified(self, frame: bytes | memoryview, digest: Digest, kinds: tuple[ChunkKind, ...]) -> bytes:
        plain = self._codec.decode(frame, digest, check_digest=True)
        if self._codec.split(frame)[0].kind not in kinds:
            raise CorruptFrame("The frame is of another kind than it was listed as.")
        return plain
