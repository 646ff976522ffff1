"""Reports of several masters as one picture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.advice import CatalogReport, LinkReport, OpClass, Quantiles, Report
from echofs.core.models import Level, Member, MemberState
from echofs.services.reports import FRESH_SECONDS, Reports, merged

MEMBERS = [Member(f"w{number}", f"http://w{number}.test", f"z{number}") for number in (1, 2, 3)]
CATALOG = CatalogReport(True, 10, 1, 0.01, 0.02, 0.03)
FEW = frozenset({Level.HYBRID, Level.AVAILABLE})


def link(worker: str, breaker: str = "closed", phi: float | None = None) -> LinkReport:
    return LinkReport(worker, 10, 1, 0.001, 0.002, 0.003, breaker, phi)


def report(process: str, *links: LinkReport, catalog: CatalogReport = CATALOG) -> Report:
    return Report(process, catalog, links, writes_per_second=2.0)


def known(*reports: Report) -> Reports:
    all_of_them = Reports()
    for one in reports:
        all_of_them.add(one, 0.0)
    return all_of_them


def test_a_process_is_new_once() -> None:
    reports = Reports()
    assert reports.add(report("a:1"), 0.0)
    assert not reports.add(report("a:1"), 1.0)


def test_who_falls_silent_counts_no_more() -> None:
    reports = known(report("a:1"), report("b:1"))
    reports.add(report("a:1"), 2.0)
    assert [one.process for one in reports.fresh(FRESH_SECONDS)] == ["a:1"]


def test_catalog_and_rates_are_put_together() -> None:
    cut = replace(CATALOG, reachable=False)
    snapshot = known(report("a:1"), report("a:2"), report("b:1", catalog=cut)).snapshot(1.0, MEMBERS, 0.5)
    assert snapshot.masters == 3
    assert snapshot.catalog_reachable == pytest.approx(2 / 3)
    assert snapshot.catalog == Quantiles(20, 0.01, 0.02, 0.03)
    assert (snapshot.catalog_errors, snapshot.writes_per_second, snapshot.hint) == (2, 6.0, 0.5)


def test_nobody_reporting_is_no_fault() -> None:
    snapshot = Reports().snapshot(1.0, MEMBERS, 0.0)
    assert (snapshot.masters, snapshot.catalog_reachable, snapshot.up) == (0, 1.0, frozenset(Level))


def test_a_worker_is_cut_off_when_most_masters_say_so() -> None:
    one = report("a:1", link("w1", "open"), link("w2", "half-open"), link("w3", phi=1.5))
    two = report("b:1", link("w1", "closed"), link("w2", "open"), link("w3", phi=2.5))
    snapshot = known(one, two).snapshot(1.0, MEMBERS, 0.0)
    assert [found.breaker for found in snapshot.links] == ["closed", "open", "closed"]
    assert (snapshot.links[0].samples, snapshot.links[0].errors, snapshot.links[2].phi) == (20, 2, 2.5)
    assert (snapshot.workers, snapshot.reached, snapshot.up) == (3, 2, frozenset(Level))


def test_what_the_workers_in_reach_can_do_decides_which_levels_are_possible() -> None:
    def possible(*states: MemberState) -> frozenset[Level]:
        members = [replace(member, state=state) for member, state in zip(MEMBERS, states, strict=True)]
        return Reports().snapshot(1.0, members, 0.0).up

    up, down = MemberState.UP, MemberState.DOWN
    assert possible(up, MemberState.SUSPECT, down) == frozenset(Level)
    assert possible(up, MemberState.DRAINING, down) == FEW
    assert possible(down, down, down) == {Level.AVAILABLE}


def test_a_cluster_that_is_still_coming_together_has_no_fault() -> None:
    assert Reports().snapshot(1.0, MEMBERS[:1], 0.0).up == frozenset(Level)
    assert Reports().snapshot(1.0, [], 0.0).up == frozenset(Level)


def test_workers_that_were_removed_count_no_more() -> None:
    members = [*MEMBERS[:2], replace(MEMBERS[2], state=MemberState.GONE)]
    snapshot = known(report("a:1", link("w1"), link("w3"))).snapshot(1.0, members, 0.0)
    assert (snapshot.workers, snapshot.reached) == (2, 2)
    assert [found.worker_id for found in snapshot.links] == ["w1"]


def test_the_journal_of_a_host_counts_once() -> None:
    one, two = (replace(report(name), journal_depth=7, oldest_provisional=3.0) for name in ("a:1", "a:2"))
    other = replace(report("b:1"), journal_depth=2, oldest_provisional=9.0, outbox_depth=4)
    snapshot = known(one, two, other).snapshot(1.0, MEMBERS, 0.0)
    assert (snapshot.journal_depth, snapshot.lag, snapshot.outbox_depth) == (9, 9.0, 4)


def test_latencies_of_several_masters_count_by_their_samples() -> None:
    def seen(samples: int, seconds: float) -> dict[OpClass, dict[Level, Quantiles]]:
        return {OpClass.READ: {Level.STRONG: Quantiles(samples, seconds, seconds, seconds)}}

    one, two = replace(report("a:1"), latencies=seen(30, 0.1)), replace(report("b:1"), latencies=seen(10, 0.3))
    snapshot = known(one, two).snapshot(1.0, MEMBERS, 0.0)
    found = snapshot.latencies[OpClass.READ][Level.STRONG]
    assert (found.samples, found.p50) == (40, pytest.approx(0.15))
    assert merged([]) == Quantiles()
