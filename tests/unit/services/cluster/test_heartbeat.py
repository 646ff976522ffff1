"""A worker's sign of life."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from echofs.core.errors import Conflict, StoreUnavailable
from echofs.core.models import Member
from echofs.services.cluster import Heartbeat
from tests.fakes.cluster import AWAY, FakeController

WORKER = Member("w1", "http://w1.test:8091", "a", store_id="disk-1")


@pytest.fixture
def controller() -> FakeController:
    return FakeController()


def test_each_beat_brings_the_worker_and_its_free_room_as_it_is_now(controller: FakeController) -> None:
    room = [300, 200, None]
    heartbeat = Heartbeat(controller, WORKER, lambda: room.pop(0))
    for _ in range(3):
        heartbeat.beat()
    assert controller.heartbeats == [replace(WORKER, free_bytes=free) for free in (300, 200, None)]


def test_an_absent_controller_is_logged_once_when_it_goes_and_once_when_it_returns(
    controller: FakeController, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    heartbeat = Heartbeat(controller, WORKER)
    heartbeat.beat()
    assert caplog.records == []
    controller.error = AWAY
    for _ in range(3):
        heartbeat.beat()
    controller.error = None
    for _ in range(3):
        heartbeat.beat()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert len(controller.heartbeats) == 4


def test_another_kind_of_trouble_is_logged_again(controller: FakeController, caplog: pytest.LogCaptureFixture) -> None:
    heartbeat = Heartbeat(controller, WORKER)
    for error in (AWAY, AWAY, Conflict("Another live worker has the id."), Conflict("Another live worker has the id.")):
        controller.error = error
        heartbeat.beat()
    assert [vars(record)["why"] for record in caplog.records] == [AWAY.message, "Another live worker has the id."]


def test_a_worker_without_its_store_keeps_silent(controller: FakeController, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> int:
        raise StoreUnavailable("The disk is gone.")

    Heartbeat(controller, WORKER, broken).beat()
    assert controller.heartbeats == []
    assert vars(caplog.records[0])["why"] == "The disk is gone."


def test_a_stopping_worker_signs_off(controller: FakeController) -> None:
    heartbeat = Heartbeat(controller, WORKER)
    heartbeat.beat()
    heartbeat.leave()
    assert controller.left == ["w1"]


def test_signing_off_never_fails(controller: FakeController) -> None:
    controller.error = AWAY
    Heartbeat(controller, WORKER).leave()
    assert controller.left == []


def test_a_worker_refused_for_its_id_does_not_sign_off_the_one_that_has_it(controller: FakeController) -> None:
    heartbeat = Heartbeat(controller, WORKER)
    controller.error = Conflict("Another live worker has the id.")
    heartbeat.beat()
    controller.error = None
    heartbeat.leave()
    assert controller.left == []
