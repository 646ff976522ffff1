"""A user's uploads that can be resumed and are not finished."""

from __future__ import annotations

from collections.abc import Iterator

from echofs.client.api import Api
from echofs.client.values import UnfinishedUpload


class Unfinished:
    """Such uploads by their ids: what they were begun for counts against the quota. Raises :class:`ClientError`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self) -> Iterator[UnfinishedUpload]:
        """All of them, the newest first, whichever program began them."""
        return map(UnfinishedUpload.parsed, self._api.pages("/uploads", "uploads"))

    def end(self, upload_id: str) -> None:
        """Forget what has arrived of one: nobody can go on with it. Raises :class:`NotFound`."""
        self._api.send("DELETE", f"/uploads/unfinished/{upload_id}", repeatable=False)
