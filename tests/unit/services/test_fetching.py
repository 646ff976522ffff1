"""Single chunks wanted at the same moment travel in one request."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from echofs.core.errors import StoreUnavailable
from echofs.core.models import Digest, Member
from echofs.services.fetching import FETCHED_TOGETHER, SharedFetches
from tests.fakes.members import a_member
from tests.fakes.workers import FakeWorkers

DIGESTS = [f"{number:064x}" for number in range(FETCHED_TOGETHER)]


class Gated(FakeWorkers):
    """Workers whose first answer waits until the test lets it go."""

    def __init__(self) -> None:
        super().__init__("a")
        self.asked: list[list[Digest]] = []
        self.reached = threading.Event()
        self.gate = threading.Event()
        self.error: StoreUnavailable | None = None

    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        self.asked.append(list(digests))
        if len(self.asked) == 1:
            self.reached.set()
            assert self.gate.wait(10)
        elif self.error:
            raise self.error
        return {digest: digest.encode() for digest in digests if digest != DIGESTS[1]}


def run(workers: Gated, wanted: Sequence[Digest]) -> list[bytes | StoreUnavailable | None]:
    """Fetch one chunk, and while that is under way all the wanted ones."""
    shared, member = SharedFetches(workers), a_member("a")

    def fetch(digest: Digest) -> bytes | StoreUnavailable | None:
        try:
            return shared.fetch(member, digest)
        except StoreUnavailable as error:
            return error

    with ThreadPoolExecutor(1 + len(wanted)) as pool:
        first = pool.submit(fetch, DIGESTS[0])
        assert workers.reached.wait(10)
        waiting = [pool.submit(fetch, digest) for digest in wanted]
        (batcher,) = shared._batchers.values()
        while len(batcher._waiting) < len(wanted):
            threading.Event().wait(0.001)
        workers.gate.set()
        assert first.result() == DIGESTS[0].encode()
        return [future.result() for future in waiting]


def test_those_who_wait_share_one_request_and_each_gets_its_own_chunk() -> None:
    workers = Gated()
    answers = run(workers, DIGESTS)
    assert len(workers.asked) == 2
    assert sorted(workers.asked[1]) == DIGESTS
    assert answers == [None if digest == DIGESTS[1] else digest.encode() for digest in DIGESTS]


def test_a_chunk_wanted_twice_is_asked_for_once() -> None:
    workers = Gated()
    assert run(workers, [DIGESTS[2], DIGESTS[2]]) == [DIGESTS[2].encode()] * 2
    assert workers.asked[1] == [DIGESTS[2]]


@pytest.mark.parametrize("count", [1, 3])
def test_a_worker_that_fails_fails_all_who_shared_the_request(count: int) -> None:
    workers = Gated()
    workers.error = StoreUnavailable("a does not answer.")
    assert run(workers, DIGESTS[2 : 2 + count]) == [workers.error] * count
