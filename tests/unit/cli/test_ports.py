"""Busy and impossible ports are told before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from echofs.cli.ports import Listener, check_ports, why_not
from echofs.core.errors import InvalidSetting


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def listener(owner: str, port: int, host: str = "127.0.0.1") -> Listener:
    return Listener(owner, host, port, "MASTER_PORT", "--port or MASTER_PORT")


def test_free_ports_are_accepted_and_left_free(free: int) -> None:
    check_ports([listener("master", free)])
    assert why_not("127.0.0.1", free) is None


def test_a_busy_port_names_the_port_the_role_and_the_remedy(taken: int) -> None:
    with pytest.raises(InvalidSetting) as caught:
        check_ports([listener("master", taken)])
    assert caught.value.field == "MASTER_PORT"
    for part in (str(taken), "master", "in use", "--port or MASTER_PORT"):
        assert part in caught.value.message


def test_a_port_busy_on_one_address_is_busy_for_all(taken: int) -> None:
    assert why_not("0.0.0.0", taken) is not None


def test_two_roles_on_one_port_are_refused(free: int) -> None:
    with pytest.raises(InvalidSetting, match="port of the controller too"):
        check_ports([listener("controller", free), listener("master", free)])


def test_a_derived_port_above_the_highest_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="above 65535"):
        check_ports([listener("worker3", 65537)])


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused(host: str, free: int) -> None:
    with pytest.raises(InvalidSetting, match=f"{host} is not an address of this machine"):
        check_ports([listener("master", free, host)])
