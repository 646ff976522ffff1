"""From wishes to switches: few of them, late where waiting is safe, at once where it is not.

A fault is what makes a policy leave a level; it may cause two switches, away and back. A new one begins with the first
switch ``guard`` seconds after the last, or with an emergency. A return waits until wishes were calm for ``calm``
seconds, and for ``guard`` seconds when an emergency follows the last switch so soon that the trouble seems to flap.
Masters need not wait for any of this: each request also looks at their own breakers.
"""

from __future__ import annotations

from dataclasses import replace

from echofs.core.models import Level
from echofs.core.policies.values import LEVELS, Outcome, Params, PolicyState, Wish, weaker

SWITCHES_PER_FAULT = 2


def settle(wish: Wish, at: float, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    """What becomes of a wish at ``at``, and what to remember."""
    if wish.level is state.level:
        quiet = replace(state, weaker_ticks=0, calm_since=None, calm_level=None)
        return _kept(wish, quiet, ""), quiet
    if weaker(wish.level, state.level):
        return _weaken(wish, at, state, params)
    return _strengthen(wish, at, state, params)


def _weaken(wish: Wish, at: float, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    if wish.emergency:
        flaps = state.fault > 0 and at - state.since < params.guard
        after = _switched(wish.level, at, state, params, new_fault=True)
        after = replace(after, calm_needed=params.guard if flaps else params.calm)
        return _moved(wish, after), after
    waiting = replace(state, weaker_ticks=state.weaker_ticks + 1, calm_since=None, calm_level=None)
    if waiting.weaker_ticks < params.samples:
        return _kept(wish, waiting, f"{waiting.weaker_ticks} of {params.samples} samples ask for {wish.level}"), waiting
    if held := _held(at, state, params):
        return _kept(wish, waiting, held), waiting
    after = _switched(wish.level, at, waiting, params)
    return _moved(wish, after), after


def _strengthen(wish: Wish, at: float, state: PolicyState, params: Params) -> tuple[Outcome, PolicyState]:
    calm_since = at if state.calm_since is None else state.calm_since
    level = wish.level if state.calm_level is None else max(wish.level, state.calm_level, key=LEVELS.index)
    waiting = replace(state, weaker_ticks=0, calm_since=calm_since, calm_level=level)
    needed = state.calm_needed or params.calm
    if at - calm_since < needed:
        return _kept(wish, waiting, f"{level} must stay possible for {needed:g} s"), waiting
    if held := _held(at, state, params):
        return _kept(wish, waiting, held), waiting
    after = _switched(level, at, waiting, params)
    return _moved(replace(wish, level=level), after), after


def _held(at: float, state: PolicyState, params: Params) -> str:
    if state.fault and at - state.since < params.dwell:
        return f"the last switch is less than {params.dwell:g} s ago"
    if state.switches >= SWITCHES_PER_FAULT and at - state.since < params.guard:
        return f"two switches within {params.guard:g} s are enough"
    return ""


def _switched(level: Level, at: float, state: PolicyState, params: Params, *, new_fault: bool = False) -> PolicyState:
    again = state.switches >= SWITCHES_PER_FAULT or weaker(level, state.level)
    fresh = new_fault or state.fault == 0 or (again and at - state.since >= params.guard)
    return PolicyState(
        level=level,
        since=at,
        fault=state.fault + 1 if fresh else state.fault,
        switches=1 if fresh else state.switches + 1,
        calm_needed=params.calm,
    )


def _kept(wish: Wish, state: PolicyState, held: str) -> Outcome:
    return Outcome(state.level, wish.reason, held=held, predictions=wish.predictions)


def _moved(wish: Wish, state: PolicyState) -> Outcome:
    return Outcome(state.level, wish.reason, switched=True, emergency=wish.emergency, predictions=wish.predictions)
