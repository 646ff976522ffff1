"""Decisions about single files: what operators ordered for them, and what users hinted."""

from __future__ import annotations

from echofs.core.advice import Decision
from echofs.core.advice_json import encode_decision
from echofs.core.orders import ordered
from echofs.services.orders import Hint, Orders


def of_files(orders: Orders, epoch: int, now: float) -> dict[str, Decision]:
    """By file, an order before a hint."""
    hints = [hint for hint in orders.hints(now) if hint.wanted.object_id]
    overrides = [override for override in orders.overrides(now) if override.object_id]
    return {hint.wanted.object_id: _of_hint(hint, epoch) for hint in hints} | {
        override.object_id: Decision(
            override.id, None, override.level, 0, epoch, override.made_at, reason=ordered(override), forced=True
        )
        for override in overrides
    }


def hinted(hint: Hint, epoch: int) -> dict[str, object]:
    """What is told of a hint."""
    return {**encode_decision(_of_hint(hint, epoch)), "kind": "hint", "object_id": hint.wanted.object_id or None}


def _of_hint(hint: Hint, epoch: int) -> Decision:
    reason = f"{hint.wanted.author} hinted at it"
    return Decision(hint.id, None, hint.wanted.level, 0, epoch, hint.made_at, reason=reason)
