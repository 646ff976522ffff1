"""Decisions and advice as they travel: JSON objects, read with distrust."""

from __future__ import annotations

from echofs.core import faults
from echofs.core.advice import Advice, Decision, OpClass
from echofs.core.errors import InvalidRequest
from echofs.core.fields import Fields
from echofs.core.models import Level

_TEXT_CHARACTERS = 1000


def encode_decision(decision: Decision) -> dict[str, object]:
    """The decision as JSON has it."""
    return {
        "id": decision.id,
        "op_class": decision.op_class.value if decision.op_class else None,
        "level": decision.level.value,
        "number": decision.number,
        "epoch": decision.epoch,
        "made_at": decision.made_at,
        "ttl": decision.ttl,
        "reason": decision.reason,
        "predictions": {level.value: share for level, share in decision.predictions.items()},
        "forced": decision.forced,
    }


def decode_decision(parsed: object) -> Decision:
    """Inverse of :func:`encode_decision`. Raises ValueError."""
    fields = Fields(parsed, "decision")
    predictions = fields.within("predictions")
    return Decision(
        id=_line(fields, "id"),
        op_class=OpClass(fields.text("op_class")) if fields.has("op_class") else None,
        level=Level(fields.text("level")),
        number=fields.number("number"),
        epoch=fields.number("epoch", least=1),
        made_at=fields.number("made_at"),
        ttl=fields.decimal("ttl", most=3600),
        reason=_line(fields, "reason"),
        predictions={Level(name): predictions.decimal(name, most=1) for name in predictions.names()},
        forced=fields.flag("forced"),
    )


def encode_advice(advice: Advice) -> dict[str, object]:
    """The advice as JSON has it."""
    return {
        "epoch": advice.epoch,
        "decisions": [encode_decision(decision) for decision in advice.decisions.values()],
        "files": {file_id: encode_decision(decision) for file_id, decision in advice.files.items()},
        "critical": sorted(advice.critical),
        "faults": [faults.encode(fault) for fault in advice.faults],
    }


def decode_advice(parsed: object) -> Advice:
    """Inverse of :func:`encode_advice`. Raises ValueError for what no controller says, such as a decision of another
    epoch than the advice's own."""
    fields = Fields(parsed, "piece of advice")
    epoch = fields.number("epoch", least=1)
    decisions = [decode_decision(entry) for entry in fields.items("decisions")]
    by_file = fields.within("files")
    files = {name: decode_decision(by_file.value(name)) for name in by_file.names()}
    if any(decision.epoch != epoch for decision in (*decisions, *files.values())):
        raise ValueError("a decision has another epoch than the advice it came with")
    try:
        return Advice(
            epoch=epoch,
            decisions={decision.op_class: decision for decision in decisions if decision.op_class},
            files=files,
            critical=frozenset(fields.texts("critical")),
            faults=tuple(faults.decode(entry) for entry in fields.items("faults")),
        )
    except InvalidRequest as error:
        raise ValueError(error.message) from error


def _line(fields: Fields, name: str) -> str:
    text = fields.text(name)
    if len(text) > _TEXT_CHARACTERS:
        raise ValueError(f"its {name} is too long")
    return text
