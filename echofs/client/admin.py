"""What administrators do through the REST interface."""

from __future__ import annotations

from echofs.client.api import Api


class Admin:
    """The administrator's part. All of it raises :class:`ClientError`, :class:`NotAllowed` for other users."""

    def __init__(self, api: Api) -> None:
        self._api = api
