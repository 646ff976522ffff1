"""The controller: its decisions, what it keeps, and what it does with orders and hints."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echofs.core.advice import OpClass
from echofs.core.errors import Conflict, InvalidRequest, NotFound, StoreUnavailable
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import Level
from echofs.core.policies.traces import read_trace
from echofs.services.controlling import HIGHEST_EPOCH
from echofs.services.orders import MOST_FAULTS
from tests.unit.services.controllers import AWAY, FILE, OTHER, SMALL, Host


@pytest.fixture
def host() -> Host:
    return Host()


def test_it_begins_at_strong(host: Host) -> None:
    advice = host.report()
    assert {decision.level for decision in advice.decisions.values()} == {Level.STRONG}
    assert set(advice.decisions) == set(OpClass)


def test_masters_without_the_catalog_are_advised_within_one_tick(host: Host) -> None:
    host.live(10)
    decision = host.live(1, AWAY)
    assert decision.level is Level.AVAILABLE
    assert host.meters.count("consistency_switches", op_class="write_small", level="available") == 1
    assert host.controller.levels()["write_small"] == 2


def test_a_decision_keeps_its_name_until_another_is_made(host: Host) -> None:
    first = host.live(5)
    assert host.live(20) == first
    assert host.live(1, AWAY).id != first.id


def test_every_switch_is_accounted_for_with_inputs_and_predictions(host: Host) -> None:
    host.live(5)
    decision = host.live(1, AWAY)
    told: dict[str, Any] = dict(host.controller.explain(decision.id))
    assert (told["before"], told["level"], told["emergency"]) == ("strong", "available", True)
    assert told["inputs"]["catalog_reachable"] == 0
    assert told["predictions"]["strong"] == 0
    assert told["policy"] == "slo"


def test_a_decision_nobody_knows_cannot_be_explained(host: Host) -> None:
    with pytest.raises(NotFound, match="decision"):
        host.controller.explain("1-write_small-999")


def test_every_tick_with_a_report_goes_into_the_trace(host: Host) -> None:
    host.controller.tick()
    host.live(5)
    assert len(list(read_trace(host.audit.lines))) == 5


def test_when_nobody_reports_nothing_changes(host: Host) -> None:
    host.live(1, AWAY)
    for _ in range(100):
        host.clock.advance(1)
        host.controller.tick()
    assert host.report(AWAY, epoch=host.epoch).decisions[SMALL].level is Level.AVAILABLE


def test_after_a_crash_it_resumes_where_it_was_under_a_higher_epoch(host: Host) -> None:
    host.live(5)
    before = host.live(1, AWAY)
    host.start()
    after = host.report(AWAY, epoch=before.epoch).decisions[SMALL]
    assert (after.level, after.epoch) == (before.level, before.epoch + 1)
    assert after.id != before.id


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=6))
def test_no_crash_makes_an_epoch_come_back(lives: list[tuple[int, bool]]) -> None:
    host = Host()
    epochs = [host.epoch]
    for seconds, away in lives:
        host.live(seconds, AWAY) if away else host.live(seconds)
        host.start()
        epochs.append(host.epoch)
    assert all(earlier < later for earlier, later in pairwise(epochs))


def test_one_that_lost_its_memory_goes_on_above_what_masters_heard(host: Host) -> None:
    for _ in range(6):
        host.start()
    known = host.live(1).epoch
    host.memory.text = None
    host.start()
    advice = host.report(epoch=known)
    assert advice.epoch == known + 1
    assert {decision.epoch for decision in advice.decisions.values()} == {known + 1}
    assert host.report(epoch=advice.epoch).epoch == advice.epoch


def test_two_controllers_that_began_alike_do_not_share_an_epoch(host: Host) -> None:
    first = host.report(epoch=0, process="a:1")
    host.memory.text = None
    host.start()
    assert host.report(epoch=first.epoch, process="a:1").epoch == first.epoch + 1


def test_an_epoch_that_cannot_be_is_refused(host: Host) -> None:
    with pytest.raises(InvalidRequest) as caught:
        host.report(epoch=HIGHEST_EPOCH + 1)
    assert caught.value.field == "epoch"


def test_a_damaged_report_does_not_silence_the_controller(host: Host) -> None:
    advised = host.report(epoch=HIGHEST_EPOCH).epoch
    assert host.report(epoch=advised).epoch == advised
    host.start()
    assert host.report(epoch=advised).epoch > advised


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", '{"epoch": 3}', '{"epoch": -1, "classes": {}}', '{"epoch": 3, "classes": {"read": {"level": "x"}}}'],
)
def test_a_memory_that_makes_no_sense_is_as_good_as_none(host: Host, text: str) -> None:
    host.memory.text = text if text != "[]" else None
    host.start()
    assert host.report().decisions[SMALL].level is Level.STRONG


def test_a_full_disk_stops_no_advice(host: Host) -> None:
    host.memory.broken = host.audit.broken = True
    assert host.live(2, AWAY).level is Level.AVAILABLE


def test_an_order_wins_until_it_expires(host: Host) -> None:
    host.live(5)
    host.order("available", seconds=20)
    decision = host.report(epoch=host.epoch).decisions[SMALL]
    assert (decision.level, decision.forced, decision.reason) == (Level.AVAILABLE, True, "root ordered it: a test")
    assert host.live(19).level is Level.AVAILABLE
    after = host.live(1)
    assert (after.level, after.forced) == (Level.STRONG, False)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.booleans(), min_size=1, max_size=25), st.sampled_from(list(Level)))
def test_whatever_happens_an_order_wins(away: list[bool], level: Level) -> None:
    host = Host()
    host.order(level.value, seconds=100)
    for cut in away:
        assert (host.live(1, AWAY) if cut else host.live(1)).level is level


def test_an_order_for_one_class_comes_before_one_for_all(host: Host) -> None:
    host.order("hybrid")
    host.order("available", op_class="read")
    decisions = host.report(epoch=host.epoch).decisions
    assert decisions[OpClass.READ].level is Level.AVAILABLE
    assert decisions[SMALL].level is Level.HYBRID


def test_a_later_order_for_the_same_takes_the_place_of_the_earlier(host: Host) -> None:
    host.order("hybrid")
    later = host.order("available")
    overrides: Any = host.controller.overrides()["overrides"]
    assert [override["id"] for override in overrides] == [later["id"]]


def test_an_order_for_a_file_is_for_that_file(host: Host) -> None:
    order = host.order("available", object_id=FILE)
    advice = host.report(epoch=host.epoch)
    assert advice.decisions[SMALL].level is Level.STRONG
    assert (advice.files[FILE].level, advice.files[FILE].forced) == (Level.AVAILABLE, True)
    assert host.controller.mode(FILE)["mode"] == "available"
    assert host.controller.mode(OTHER)["mode"] == "strong"
    assert host.controller.explain(order["id"])["author"] == "root"


def test_an_order_is_cleared_once(host: Host) -> None:
    order = host.order("available")
    host.controller.clear_override(order["id"], "root")
    assert host.report(epoch=host.epoch).decisions[SMALL].level is Level.STRONG
    with pytest.raises(NotFound, match="expired"):
        host.controller.clear_override(order["id"], "root")


def test_an_order_survives_a_crash_and_no_longer_than_it_was_given(host: Host) -> None:
    host.order("available", seconds=20)
    host.controller.set_critical(FILE, "root", critical=True)
    host.clock.advance(10)
    host.start()
    assert host.controller.mode("")["mode"] == "available"
    assert host.controller.critical_keys() == {"critical_keys": [FILE]}
    host.clock.advance(10)
    assert host.live(1).level is Level.STRONG


def test_a_wall_clock_far_ahead_ends_no_order(host: Host) -> None:
    host.order("available", seconds=20)
    host.clock.jump(1e9)
    assert host.live(10).level is Level.AVAILABLE


def test_an_order_that_cannot_be_kept_does_not_hold(host: Host) -> None:
    host.memory.broken = True
    with pytest.raises(StoreUnavailable):
        host.order("available")
    assert host.controller.overrides() == {"overrides": []}
    with pytest.raises(StoreUnavailable):
        host.controller.set_critical(FILE, "root", critical=True)
    assert host.controller.critical_keys() == {"critical_keys": []}


def test_there_is_an_end_to_orders_and_critical_files(host: Host) -> None:
    for number in range(100):
        host.order(object_id=f"{number:032x}")
    with pytest.raises(Conflict, match="overrides"):
        host.order(object_id=FILE)
    host.order(object_id=f"{7:032x}")


def test_a_critical_file_is_strong_and_says_why(host: Host) -> None:
    host.live(5)
    host.live(1, AWAY)
    host.controller.set_critical(FILE, "root", critical=True)
    mode: dict[str, Any] = dict(host.controller.mode(FILE))
    assert (mode["mode"], mode["critical"]) == ("strong", True)
    assert mode["classes"]["read"]["reason"] == "the file is critical"
    assert host.report(AWAY, epoch=host.epoch).critical == {FILE}
    host.controller.set_critical(FILE, "root", critical=False)
    host.controller.set_critical(FILE, "root", critical=False)
    assert host.controller.mode(FILE)["mode"] == "available"


def test_a_hint_for_a_file_moves_that_file_until_it_wears_off(host: Host) -> None:
    hint = host.wish(object_id=FILE, seconds=30)
    decision = host.report(epoch=host.epoch).files[FILE]
    assert (decision.level, decision.forced, decision.id) == (Level.AVAILABLE, False, hint["id"])
    assert host.controller.explain(hint["id"])["reason"] == "alice hinted at it"
    host.clock.advance(30)
    assert host.report(epoch=host.epoch).files == {}
    with pytest.raises(NotFound):
        host.controller.explain(hint["id"])


def test_hints_lean_the_score_and_an_order_comes_before_them(host: Host) -> None:
    host.wish("available", object_id=FILE)
    host.wish("strong", object_id=OTHER)
    host.live(1)
    assert next(iter(read_trace(host.audit.lines))).hint == 0.5
    host.order("hybrid", object_id=FILE)
    assert host.report(epoch=host.epoch).files[FILE].level is Level.HYBRID


def test_of_too_many_hints_the_oldest_goes(host: Host) -> None:
    for number in range(1001):
        host.wish(object_id=f"{number:032x}")
    files = host.report(epoch=host.epoch).files
    assert len(files) == 1000
    assert f"{0:032x}" not in files


def test_drills_reach_masters_with_the_time_that_is_left(host: Host) -> None:
    host.controller.inject(Fault("f1", "catalog", FaultKind.CUT, 30.0))
    host.controller.inject(Fault("f2", "worker:w1", FaultKind.DELAY, 10.0, 0.2))
    host.clock.advance(4)
    assert [fault.until for fault in host.report().faults] == [26.0, 6.0]
    host.controller.inject(Fault("f3", "catalog", FaultKind.CUT, 5.0))
    host.controller.withdraw("f2")
    host.controller.withdraw("f2")
    assert [fault.id for fault in host.report().faults] == ["f3"]
    host.clock.advance(5)
    assert host.report().faults == ()


def test_there_are_only_so_many_drills_at_once(host: Host) -> None:
    for number in range(MOST_FAULTS):
        host.controller.inject(Fault(f"f{number}", f"worker:w{number}", FaultKind.CUT, 30.0))
    with pytest.raises(Conflict, match="under way"):
        host.controller.inject(Fault("other", "catalog", FaultKind.CUT, 30.0))
    host.controller.inject(Fault("again", "worker:w7", FaultKind.CUT, 30.0))
    host.clock.advance(30)
    host.controller.inject(Fault("other", "catalog", FaultKind.CUT, 30.0))
    assert [fault.id for fault in host.report().faults] == ["other"]


def test_what_it_keeps_is_json_that_it_reads_back(host: Host) -> None:
    host.order("hybrid", op_class="read")
    host.live(2, AWAY)
    kept = json.loads(host.memory.text or "")
    host.start()
    again = json.loads(host.memory.text or "")
    assert again["epoch"] == kept["epoch"] + 1
    assert [entry["id"] for entry in again["overrides"]] == [entry["id"] for entry in kept["overrides"]]


@pytest.mark.parametrize("policy", ["seed_score", "fixed_strong", "fixed_available"])
def test_every_policy_can_be_chosen(policy: str) -> None:
    host = Host(policy=policy)
    host.live(3, AWAY)
    assert host.controller.status()["policy"] == policy
