"""How far an upload has come that may be resumed, as a value: which chunks hold its bytes, and what the file will be
made of once the last one is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from echofs.core import chunking
from echofs.core.chunking import DIGEST_BYTES, unpack_digests
from echofs.core.models import Content, Digest


@dataclass(frozen=True, slots=True)
class Received:
    """The first ``size`` bytes of a file, in chunks of ``chunk_size``.

    The digests of its whole chunks, in order: ``lists`` names the list chunks that are full, ``folded`` one that is
    not, and ``inline`` holds the rest, at most ``chunking.INLINE_CHUNKS``, so that what has to be written down each
    time stays small however long the file is. That number divides ``chunking.DIGESTS_PER_LIST``: the last fold of a
    list is the list itself. ``piece`` is the digest of the bytes behind the last whole chunk, a chunk for the time
    being; ``""`` where there are none.
    """

    chunk_size: int
    size: int = 0
    lists: bytes = b""
    folded: Digest = ""
    inline: bytes = b""
    piece: Digest = ""

    @property
    def piece_size(self) -> int:
        """Bytes behind the last whole chunk."""
        return self.size % self.chunk_size

    @property
    def whole_size(self) -> int:
        """Bytes in whole chunks."""
        return self.size - self.piece_size

    @property
    def folded_chunks(self) -> int:
        """How many digests ``folded`` holds."""
        listed = len(self.lists) // DIGEST_BYTES * chunking.DIGESTS_PER_LIST
        return self.size // self.chunk_size - listed - len(self.inline) // DIGEST_BYTES

    @property
    def is_full(self) -> bool:
        """Whether the digests must be folded before another chunk is added."""
        return len(self.inline) == chunking.INLINE_CHUNKS * DIGEST_BYTES

    def with_chunk(self, digest: Digest) -> Received:
        """One whole chunk more, which begins with the piece if there was one. Only where it is not full."""
        return replace(
            self, size=self.whole_size + self.chunk_size, inline=self.inline + bytes.fromhex(digest), piece=""
        )

    def with_piece(self, digest: Digest, size: int) -> Received:
        """The bytes behind the last whole chunk are these ``size`` ones."""
        return replace(self, size=self.whole_size + size, piece=digest)

    def with_fold(self, digest: Digest) -> Received:
        """The digests since the last full list, all of them, are in the list chunk ``digest``."""
        if self.folded_chunks + len(self.inline) // DIGEST_BYTES == chunking.DIGESTS_PER_LIST:
            return replace(self, lists=self.lists + bytes.fromhex(digest), folded="", inline=b"")
        return replace(self, folded=digest, inline=b"")

    def ending(self) -> list[Digest]:
        """The digests that are neither in a full list nor folded, the piece's included."""
        return [*unpack_digests(self.inline), *([self.piece] if self.piece else [])]

    @property
    def needs_lists(self) -> bool:
        """Whether a file of these bytes has more chunks than a version holds the digests of."""
        return -(-self.size // self.chunk_size) > chunking.INLINE_CHUNKS

    def content(self, digest: Digest, lists: bytes = b"") -> Content:
        """The file that these bytes are: ``digest`` is that of all of them, ``lists`` names the list chunks of a file
        that needs them."""
        inline = b"" if lists else chunking.pack_digests(self.ending())
        return Content(self.size, digest, self.chunk_size, inline, lists)
