"""What the jobs tell of themselves, and its JSON. Masters show it to administrators; nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.fields import Fields
from echofs.core.models import Timestamp


@dataclass(frozen=True, slots=True)
class SweepPass:
    """What one pass over all chunks has found so far: how many it looked at, how many replicas it found to be owed, and
    how many chunks have fewer than two replicas on workers that stay."""

    chunks: int = 0
    owed: int = 0
    few: int = 0

    def __add__(self, other: SweepPass) -> SweepPass:
        return SweepPass(self.chunks + other.chunks, self.owed + other.owed, self.few + other.few)


@dataclass(frozen=True, slots=True)
class JobsReport:
    """``holder`` names the process. ``under_way`` is the present pass, None while the sweep rests; ``last`` the one
    that came to its end at ``ended_at``, None until one did."""

    holder: str
    under_way: SweepPass | None = None
    last: SweepPass | None = None
    ended_at: Timestamp | None = None


def encode(report: JobsReport) -> dict[str, object]:
    """The report as JSON has it."""
    return {
        "holder": report.holder,
        "under_way": None if report.under_way is None else encode_pass(report.under_way),
        "last": None if report.last is None else encode_pass(report.last),
        "ended_at": report.ended_at,
    }


def encode_pass(found: SweepPass) -> dict[str, int]:
    """A pass as JSON has it."""
    return {"chunks": found.chunks, "owed": found.owed, "few": found.few}


def decode(parsed: object) -> JobsReport:
    """Inverse of :func:`encode`. Raises ValueError."""
    fields = Fields(parsed, "report of the jobs")
    return JobsReport(
        fields.text("holder"),
        _pass(fields, "under_way"),
        _pass(fields, "last"),
        fields.number("ended_at") if fields.has("ended_at") else None,
    )


def _pass(fields: Fields, name: str) -> SweepPass | None:
    if not fields.has(name):
        return None
    found = fields.within(name)
    return SweepPass(found.number("chunks"), found.number("owed"), found.number("few"))
