"""The targets that were set before anything was measured, each with what was reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.evaluate.figures import Figures, Traffic
from bench.evaluate.pairs import CONFLICTS
from bench.evaluate.scenarios import BY_NAME, FIXED_AVAILABLE, FIXED_STRONG, SLO

_STRONG_MS = (8.0, 20.0, 40.0)
_AUTO_MS = (6.0, 20.0)
_REFUSED_MS = 300.0
_MOST_JOURNALED = 1000
_WRITES_TO_KEEP = 100_000
_MANUAL = ("ask", "open")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A target: ``met`` is None when nothing could be measured."""

    target: str
    reached: str
    met: bool | None


def outcomes(figures: Sequence[Figures]) -> list[Outcome]:
    """Every target, over all runs that bear on it."""
    ours = [each for each in figures if each.run.policy == SLO]
    named: defaultdict[str, list[Figures]] = defaultdict(list)
    for each in ours:
        named[each.run.scenario].append(each)
    return [
        *_normal(named["normal"]),
        *_one_worker(named["one-worker"]),
        *_catalog(named["catalog"]),
        *_promises(figures),
        *_healing(ours),
        *_conflicts(named["both-sides"]),
        *_policies(figures),
    ]


def merged(found: Sequence[Traffic]) -> Traffic:
    """The traffic of several runs as one."""
    return Traffic(
        sum(each.offered for each in found),
        sum(each.answered for each in found),
        tuple(second for each in found for second in each.seconds),
        tuple(second for each in found for second in each.refusals),
    )


def _writes(runs: Sequence[Figures], level: str) -> Traffic:
    return merged([run.writes[level] for run in runs if level in run.writes])


def _normal(runs: Sequence[Figures]) -> list[Outcome]:
    strong = _writes(runs, "strong")
    target = "normal: strong 64 KiB write p50/p95/p99 ≤ 8/20/40 ms"
    stale = sum(run.staleness.stale["strong"] for run in runs)
    return [
        _latency(target, strong, _STRONG_MS),
        _count("normal: 0 stale strong reads", stale if runs else None),
    ]


def _one_worker(runs: Sequence[Figures]) -> list[Outcome]:
    strong = _writes(runs, "strong")
    weaker = sum(run.switches for run in runs) if runs else None
    return [
        _share("1 of 3 workers cut: strong writes available ≥ 99.9 %", strong.availability, 0.999, strong.offered),
        _count("1 of 3 workers cut: no change of level", weaker),
    ]


def _catalog(runs: Sequence[Figures]) -> list[Outcome]:
    auto, strong = _writes(runs, "auto"), _writes(runs, "strong")
    slowest = max(strong.refusals, default=None)
    refused = f"slowest of {len(strong.refusals)} refusals {_ms(slowest)} ms" if slowest is not None else ""
    return [
        _share("catalog cut: auto writes available ≥ 99.95 %", auto.availability, 0.9995, auto.offered),
        _latency("catalog cut: auto writes p50/p95 ≤ 6/20 ms", auto, _AUTO_MS),
        Outcome(
            "catalog cut: explicit strong refused within 300 ms",
            refused or "nothing was refused",
            None if slowest is None else slowest * 1000 <= _REFUSED_MS,
        ),
    ]


def _promises(figures: Sequence[Figures]) -> list[Outcome]:
    def broken(word: str) -> int:
        return sum(len(each.violations) for run in figures for each in run.verdicts if word in each.promise)

    acknowledged = sum(run.acknowledged for run in figures)
    lost = sum(run.lost for run in figures)
    return [
        _count("0 stale strong reads", sum(run.staleness.stale["strong"] for run in figures)),
        _count("0 operations outside of one order per file", broken("linearizable")),
        _count("0 violated bounds", broken("staler")),
        _count("0 violated session guarantees", broken("session")),
        _count("0 unlabelled stale reads", sum(run.staleness.unlabelled for run in figures)),
        Outcome(
            "0 of ≥ 100,000 acknowledged writes lost",
            f"{lost} of {acknowledged:,} lost",
            lost == 0 and acknowledged >= _WRITES_TO_KEEP,
        ),
    ]


def _healing(runs: Sequence[Figures]) -> list[Outcome]:
    fitting = [run for run in runs if 0 < len(run.convergence.seconds) + run.convergence.missing <= _MOST_JOURNALED]
    target = "heads converge after healing ≤ 1 s mean, 3 s max (≤ 1,000 journaled)"
    if not fitting:
        return [Outcome(target, "nothing was journaled", None)]
    seconds = [second for run in fitting for second in run.convergence.seconds]
    missing = sum(run.convergence.missing for run in fitting)
    mean, worst = sum(seconds) / max(len(seconds), 1), max(seconds, default=0.0)
    reached = f"{mean:.2f} s mean, {worst:.2f} s max of {len(seconds)}, {missing} not seen while watched"
    return [Outcome(target, reached, bool(seconds) and mean <= 1 and worst <= 3 and not missing)]


def _conflicts(runs: Sequence[Figures]) -> list[Outcome]:
    lost = sum(run.lost for run in runs) if runs else None
    total = sum(run.conflicts.total() for run in runs)
    manual = sum(count for run in runs for name, count in run.conflicts.items() if name.split(":")[-1] in _MANUAL)
    share = (total - manual) / total if total else None
    mix = ", ".join(f"{kind} {share:.0%}" for kind, share in CONFLICTS.items())
    return [
        _count("both sides: 100 % of conflicting writes preserved", lost, "lost"),
        _share(f"both sides: ≥ 90 % resolved automatically (mix: {mix})", share, 0.9, total),
    ]


def _policies(figures: Sequence[Figures]) -> list[Outcome]:
    found: defaultdict[str, dict[str, list[Figures]]] = defaultdict(dict)
    for each in figures:
        found[each.run.scenario].setdefault(each.run.policy, []).append(each)
    results = []
    for scenario, by_policy in found.items():
        ours = mean_utility(by_policy.get(SLO, []))
        fixed = {name: mean_utility(by_policy.get(name, [])) for name in (FIXED_STRONG, FIXED_AVAILABLE)}
        best = max((value for value in fixed.values() if value is not None), default=None)
        if ours is not None and best is not None:
            title = f"{BY_NAME[scenario].title}: slo's utility ≥ that of the best fixed policy"
            results.append(Outcome(title, f"{ours:.3f} against {best:.3f}", ours >= best))
    switches = [run.switches for run in figures if run.run.policy == SLO and run.run.scenario != "flapping"]
    worst = max(switches, default=None)
    reached = f"at most {worst} in {len(switches)} runs" if worst is not None else "not measured"
    return [*results, Outcome("≤ 2 switches per fault", reached, None if worst is None else worst <= 2)]


def mean_utility(runs: Sequence[Figures]) -> float | None:
    """The mean of several seeds; None of none."""
    values = [run.utility for run in runs if run.utility is not None]
    return sum(values) / len(values) if values else None


def _latency(target: str, traffic: Traffic, bars: Sequence[float]) -> Outcome:
    shares: Callable[[float], float | None] = traffic.milliseconds
    reached = [shares(share) for share, _ in zip((0.5, 0.95, 0.99), bars, strict=False)]
    if any(value is None for value in reached):
        return Outcome(target, "not measured", None)
    known = [value for value in reached if value is not None]
    text = f"{'/'.join(f'{value:.1f}' for value in known)} ms of {len(traffic.seconds)}"
    return Outcome(target, text, all(value <= bar for value, bar in zip(known, bars, strict=True)))


def _share(target: str, share: float | None, bar: float, count: int) -> Outcome:
    if share is None:
        return Outcome(target, "not measured", None)
    return Outcome(target, f"{share:.2%} of {count}", share >= bar)


def _count(target: str, count: int | None, what: str = "") -> Outcome:
    if count is None:
        return Outcome(target, "not measured", None)
    return Outcome(target, f"{count} {what}".strip(), count == 0)


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f}"
