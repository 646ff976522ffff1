"""Pictures of a run over time: latency and levels, staleness, availability. Only they need matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.evaluate.arrivals import percentile
from bench.evaluate.figures import Figures, over_time
from bench.evaluate.history import Record
from bench.evaluate.scenarios import BY_NAME, SLO
from echofs.verify.staleness import stale_for

PLOTS = "Over time"
_LEVELS = {"strong": "tab:blue", "hybrid": "tab:green", "available": "tab:orange"}
_PROVISIONAL = "tab:red"
_INCHES = (9.0, 8.0)


def draw(figures: Sequence[Figures], folder: Path) -> list[Path]:
    """One picture for the first seed of each scenario under the default policy, and one that compares policies."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawn = []
    for each in figures:
        if each.run.policy == SLO and each.run.seed == 1:
            picture, axes = pyplot.subplots(3, 1, figsize=_INCHES, sharex=True, layout="constrained")
            _scenario(each, axes)
            drawn.append(folder / f"{each.run.scenario}.png")
            picture.savefig(drawn[-1], dpi=80)
            pyplot.close(picture)
    return drawn


def _scenario(each: Figures, axes: Any) -> None:
    begin, end = each.run.window()
    records = [record for record in each.run.records if record.kind not in ("poll", "final")]
    axes[0].set_title(BY_NAME[each.run.scenario].title)
    _latencies(axes[0], records, begin)
    _available(axes[1], records, begin)
    _staleness(axes[2], each, begin)
    for axis in axes:
        axis.axvspan(0, (end - begin) / 1e9, color="black", alpha=0.06)
        axis.grid(alpha=0.3)
    axes[2].set_xlabel("seconds since the fault began (shaded while it lasted)")


def _latencies(axis: Any, records: Sequence[Record], begin: int) -> None:
    """Each auto write as a point in the colour of its level, and the 95th percentile of each second."""
    writes = [record for record in records if record.op == "write" and record.asked == "auto" and record.acknowledged]
    for level, colour in {**_LEVELS, "provisional": _PROVISIONAL}.items():
        shown = [each for each in writes if (each.mode_used if each.committed else "provisional") == level]
        moments = [(each.intended - begin) / 1e9 for each in shown]
        axis.scatter(moments, [(each.seconds or 0) * 1000 for each in shown], s=5, color=colour, label=level)
    axis.plot(*over_time(writes, begin, _p95), color="black", linewidth=1, label="p95 each second")
    axis.set_yscale("log")
    axis.set_ylabel("auto writes, ms")
    axis.legend(loc="upper right", fontsize=7, ncols=5)


def _available(axis: Any, records: Sequence[Record], begin: int) -> None:
    for level, colour in {"auto": "black", **_LEVELS}.items():
        asked = [record for record in records if record.asked == level and record.kind != "conditional"]
        axis.plot(*over_time(asked, begin, _answered), color=colour, label=level, linewidth=1.2)
    axis.set_ylim(-0.05, 1.05)
    axis.set_ylabel("share answered, by level asked for")
    axis.legend(loc="lower right", fontsize=7, ncols=4)


def _staleness(axis: Any, each: Figures, begin: int) -> None:
    found = [(read, stale) for read, stale, _ in stale_for(each.run.operations())]
    for level, colour in _LEVELS.items():
        shown = [(read, stale) for read, stale in found if read.mode_used == level]
        moments = [(read.start - begin) / 1e9 for read, _ in shown]
        axis.scatter(moments, [stale / 1e6 for _, stale in shown], s=6, color=colour, label=level)
    axis.set_yscale("symlog", linthresh=1)
    axis.set_ylabel("staleness of reads, ms")
    axis.legend(loc="upper right", fontsize=7, ncols=3)


def _p95(records: Sequence[Record]) -> float | None:
    found = percentile([each.seconds for each in records if each.seconds is not None], 0.95)
    return None if found is None else found * 1000


def _answered(records: Sequence[Record]) -> float | None:
    return sum(each.answered for each in records) / len(records)
