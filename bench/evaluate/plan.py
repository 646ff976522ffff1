"""Which scenarios are played under which policies, with which seeds, and for how long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.evaluate.play import Length
from bench.evaluate.scenarios import BY_NAME, POLICIES, SCENARIOS, SLO, Scenario


@dataclass(frozen=True, slots=True)
class Turn:
    """One scenario to be played."""

    scenario: Scenario
    policy: str
    seed: int
    length: Length


@dataclass(frozen=True, slots=True)
class Plan:
    """All turns, in order."""

    turns: tuple[Turn, ...]

    def clusters(self) -> list[tuple[tuple[str, int], list[Turn]]]:
        """The turns of each policy and seed, which share a cluster: each has a user and files of its own."""
        groups: defaultdict[tuple[str, int], list[Turn]] = defaultdict(list)
        for turn in self.turns:
            groups[turn.policy, turn.seed].append(turn)
        return list(groups.items())

    def narrowed(self, names: Sequence[str], policies: Sequence[str], fault: float | None, seeds: int | None) -> Plan:
        """Only those of some scenarios and policies and of the first seeds; ``fault`` sets the length for all."""
        turns = [
            turn
            for turn in self.turns
            if (not names or turn.scenario.name in names)
            and (not policies or turn.policy in policies)
            and (seeds is None or turn.seed <= seeds)
        ]
        if fault is not None:
            turns = [replace(turn, length=replace(turn.length, fault=fault)) for turn in turns]
        return Plan(tuple(turns))


_MAIN, _BRIEF = Length(), Length(before=3.0, fault=12.0, after=4.0)
_MORE_SEEDS = (2, 3)
_MORE = ("bad-network", "one-worker", "catalog", "both-sides")


def _full() -> Plan:
    """The default policy with full faults; some of it twice more with brief ones and other seeds; then the other
    policies, where they matter, with brief ones. Together this takes 20 to 25 minutes."""
    turns = [Turn(scenario, SLO, 1, _MAIN) for scenario in SCENARIOS]
    for seed in _MORE_SEEDS:
        turns += [Turn(BY_NAME[name], SLO, seed, _BRIEF) for name in _MORE]
    for policy in POLICIES:
        if policy != SLO:
            turns += [Turn(scenario, policy, 1, _BRIEF) for scenario in SCENARIOS if scenario.compared]
    return Plan(tuple(turns))


FULL = _full()
SHORT = Plan(
    tuple(
        Turn(replace(BY_NAME[name], share=1.0), SLO, 1, Length(before=2.0, fault=8.0, after=4.0))
        for name in ("one-worker", "catalog", "both-sides")
    )
)
