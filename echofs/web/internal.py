"""Reading what other processes of the cluster send."""

from __future__ import annotations

from flask import request

from echofs.core.errors import InvalidRequest, TooLarge

SMALL_BODY_BYTES = 8192
"""Many times a heartbeat."""


def internal_fields(limit: int = SMALL_BODY_BYTES) -> dict[str, object]:
    """The JSON object in a body of at most ``limit`` bytes. Raises :class:`InvalidRequest` or :class:`TooLarge`."""
    length = request.content_length
    if length is None:
        raise InvalidRequest("An internal call must declare its Content-Length.", field="Content-Length")
    if length > limit:
        raise TooLarge(f"The body is longer than {limit} bytes.")
    try:
        fields = request.get_json(force=True, silent=True)
    except RecursionError:  # Brackets within brackets without end: no JSON that anybody means.
        fields = None
    if not isinstance(fields, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return fields
