"""What policies know, remember and say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from echofs.core.advice import LinkReport, OpClass, Quantiles
from echofs.core.models import Level

LEVELS = tuple(Level)
"""Strongest first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known at one tick, ``at`` seconds by the controller's monotonic clock, from the ``masters`` that
    reported lately.

    ``catalog_reachable`` is the share of them that reach the catalog, ``catalog`` how fast it answers those. ``links``
    are the ways to the workers that are up, put together over all masters: ``closed`` breakers are those that most of
    them have closed. ``reached`` of ``workers`` are up and answer most masters, and ``up`` says which levels these can
    make a quorum for. ``lag`` is the age in seconds of the oldest version that waits in a journal, ``outbox_depth`` the
    number of replicas owed, ``hint`` the share (0 to 1) of clients' hints that ask for availability.
    """

    at: float
    masters: int = 0
    catalog_reachable: float = 1.0
    catalog: Quantiles = field(default_factory=Quantiles)
    catalog_errors: int = 0
    links: tuple[LinkReport, ...] = ()
    workers: int = 0
    reached: int = 0
    up: frozenset[Level] = frozenset(Level)
    lag: float = 0.0
    outbox_depth: int = 0
    journal_depth: int = 0
    writes_per_second: float = 0.0
    reads_per_second: float = 0.0
    hint: float = 0.0
    latencies: Mapping[OpClass, Mapping[Level, Quantiles]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Params:
    """What an operator may set, and the constants of all policies. Times are in seconds.

    A request should be answered within ``goal``, and the ``share`` of them that is should be at least 95 %. ``margin``
    is the number of standard errors behind "with confidence": 1.28 makes one in ten such statements wrong. ``samples``
    ticks in a row must wish for less before it is done, ``calm`` seconds for more; two switches are ``dwell`` apart.
    Within ``guard`` seconds there are two switches at most. ``patience`` is how long a level is given up at most
    without evidence against it. ``replicas`` is the number of workers a chunk is sent to.
    """

    op_class: OpClass
    goal: float = 0.05
    share: float = 0.95
    margin: float = 1.28
    samples: int = 3
    dwell: float = 5.0
    calm: float = 5.0
    guard: float = 60.0
    patience: float = 30.0
    replicas: int = 3


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a policy remembers of one class from tick to tick.

    ``since`` is when the level was last switched. Switches are counted by ``fault``: each fault has two at most.
    ``weaker_ticks`` counts the ticks in a row that wished for less, ``calm_since`` is when ticks began to wish for more
    without interruption, and ``calm_level`` the least of what they wished for. ``calm_needed`` is how long they must.
    """

    level: Level
    since: float
    fault: int = 0
    switches: int = 0
    weaker_ticks: int = 0
    calm_since: float | None = None
    calm_level: Level | None = None
    calm_needed: float = 0.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a policy would do if nothing had to be kept calm. An ``emergency`` is not kept waiting."""

    level: Level
    reason: str
    emergency: bool = False
    predictions: Mapping[Level, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is decided for now. ``switched`` says that it differs from the tick before; ``held`` why a wish for another
    level is not followed yet, or is empty."""

    level: Level
    reason: str
    switched: bool = False
    emergency: bool = False
    held: str = ""
    predictions: Mapping[Level, float] = field(default_factory=dict)


def weaker(one: Level, other: Level) -> bool:
    """Whether ``one`` promises less than ``other``."""
    return LEVELS.index(one) > LEVELS.index(other)
