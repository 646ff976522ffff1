"""Masters that start without something they need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.cluster import eventually, free_ports, is_listening
from tests.cluster.hosts import GUNICORN_MASTER, MASTER, Hosts, health

GUNICORN_SAYS = re.compile(r"\d{4}-\d\d-\d\dT\S+ (info|error) +master +[A-Z][\w ]+")
"""What gunicorn tells of its own start and end; the lines of a traceback begin otherwise."""


class TestAMasterThatCannotStart:
    @pytest.mark.parametrize("command", [MASTER, GUNICORN_MASTER], ids=["echofs", "gunicorn"])
    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ({"JWT_SECRET": ""}, "JWT_SECRET is not set"),
            ({"CLUSTER_SECRET": ""}, "CLUSTER_SECRET is not set"),
            ({"JWT_SECRET": "replace-me-with-a-secret-of-your-own-1"}, "JWT_SECRET is the sample value"),
        ],
        ids=["no-jwt-secret", "no-cluster-secret", "sample-secret"],
    )
    def test_bad_secrets_are_told_in_one_line(
        self, tmp_path: Path, command: tuple[str, ...], more: Mapping[str, str], said: str
    ) -> None:
        refused = Hosts(tmp_path).master("refused", free_ports(1), command, more)

        assert refused.run() == 2
        [line] = refused.log().splitlines()
        assert line.startswith(said)

    @pytest.mark.parametrize("command", [MASTER, GUNICORN_MASTER], ids=["echofs", "gunicorn"])
    def test_a_catalog_that_was_not_upgraded_is_told_in_one_line(
        self, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        early = Hosts(tmp_path).master("early", free_ports(1), command)

        assert early.run() == 2
        [why] = [line for line in early.log().splitlines() if not GUNICORN_SAYS.match(line)]
        assert why.startswith("The catalog (DATABASE_URL) is at revision none")
        assert "run `echofs db upgrade`" in why


class TestAMasterWithoutItsCatalog:
    @pytest.mark.parametrize("command", [MASTER, GUNICORN_MASTER], ids=["echofs", "gunicorn"])
    def test_one_that_served_before_starts_and_says_so(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        free = free_ports(1)
        back = Hosts(tmp_path).master("back", free, command, self._nobody())
        served = back.folder / "data" / "run" / "master"
        served.mkdir(parents=True)
        (served / "members.json").write_text('{"format": 1, "members": []}')
        back.spawn()
        try:
            eventually(lambda: is_listening(free), "it answers", 30)
            assert health(back.url)["details"]["catalog"] == "unavailable"
        finally:
            back.stop()

    @pytest.mark.parametrize("command", [MASTER, GUNICORN_MASTER], ids=["echofs", "gunicorn"])
    def test_one_that_never_served_is_told_that_the_address_may_be_wrong(
        self, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        new = Hosts(tmp_path).master("new", free_ports(1), command, self._nobody())
        assert new.run() == 2
        assert "Check the address" in new.log()

    def _nobody(self) -> dict[str, str]:
        return {"DATABASE_URL": f"postgres://echofs@127.0.0.1:{free_ports(1)}/echofs?sslmode=disable"}
