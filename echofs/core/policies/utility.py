"""What a level is worth to somebody who also wants to be answered in time: the published utility function."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from echofs.core.models import Level

WORTH: Mapping[Level, float] = MappingProxyType({Level.STRONG: 1.0, Level.HYBRID: 0.7, Level.AVAILABLE: 0.4})
"""What a request answered within the goal is worth. One that is answered later, or not at all, is worth nothing."""


def utility(level: Level, share: float) -> float:
    """The mean worth of requests of which ``share`` are served at ``level`` within the goal; from 0 to 1."""
    return WORTH[level] * share
