"""Tokens: renewed before they end, once for all, and kept for their owner only."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from echofs.client import Client, NotFound, NotLoggedIn, Refused, UnexpectedAnswer
from echofs.client.profiles import Profile, Profiles
from echofs.client.signing_in import sign_in
from echofs.client.tokens import Tokens
from tests.unit.client.conftest import FILE, Master, Reply, ok, refusal

USER = {
    "id": "u1",
    "username": "ada",
    "email": "ada@example.org",
    "role": "user",
    "created_at": "2026-11-24T05:44:32.315208Z",
}
DENIED = refusal("401 Unauthorized", "authentication_failed")


def pair(access: str, refresh: str, *, lasts: int = 3600) -> Reply:
    return ok({"access_token": access, "refresh_token": refresh, "expires_in": lasts, "user": USER})


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "config", tmp_path / "state")


def authorizations(master: Master) -> list[str | None]:
    return [master.header(number, "Authorization") for number in range(len(master.lines()))]


def test_a_user_is_logged_in_when_that_is_needed_first(master: Master) -> None:
    master.replies = [pair("a1", "r1"), ok({"file": FILE}), ok({"file": FILE})]
    client = master.client(username="ada", password="secret words")
    assert master.lines() == []
    client.stat("a/b.txt")
    client.stat("a/b.txt")
    assert json.loads(master.bodies()[0]) == {"username": "ada", "password": "secret words"}
    assert authorizations(master) == [None, "Bearer a1", "Bearer a1"]


def test_a_token_that_is_about_to_end_is_renewed_before_it_is_used(master: Master) -> None:
    master.replies = [pair("a1", "r1", lasts=30), pair("a2", "r2"), ok({"file": FILE})]
    client = master.client(username="ada", password="secret words")
    client.login("ada", "secret words")
    client.stat("a/b.txt")
    assert authorizations(master) == [None, "Bearer r1", "Bearer a2"]


def test_a_token_that_is_refused_is_renewed_and_the_request_sent_again(master: Master) -> None:
    master.replies = [pair("a1", "r1"), DENIED, pair("a2", "r2"), ok({"file": FILE})]
    assert master.client(username="ada", password="secret words").stat("a/b.txt").id == "f1"
    assert authorizations(master) == [None, "Bearer a1", "Bearer r1", "Bearer a2"]


def test_a_session_that_has_ended_is_begun_anew_by_who_knows_the_password(master: Master) -> None:
    master.replies = [pair("a1", "r1"), DENIED, DENIED, pair("a2", "r2"), ok({"file": FILE})]
    master.client(username="ada", password="secret words").stat("a/b.txt")
    assert [line.rpartition("/")[2] for line in master.lines()][:4] == [
        "login",
        "by-path?path=a%2Fb.txt",
        "refresh",
        "login",
    ]


def test_nobody_logged_in_is_told_what_to_do(master: Master) -> None:
    with pytest.raises(NotLoggedIn, match="echofs login"):
        Client(master.url).stat("a")
    assert master.lines() == []


def test_a_token_from_elsewhere_is_not_renewed(master: Master) -> None:
    master.replies = [DENIED]
    with pytest.raises(NotLoggedIn, match="get a new one"):
        master.client(token="t1").stat("a")
    assert len(master.lines()) == 1
    with pytest.raises(Refused):
        master.client(token="t1").login("ada", "x")


def test_many_at_once_renew_a_token_once(master: Master) -> None:
    master.replies = [pair("a1", "r1", lasts=30), pair("a2", "r2"), *[ok({"file": FILE})] * 4]
    client = Client(master.url)
    client.login("ada", "secret words")
    threads = [threading.Thread(target=client.stat, args=("a/b.txt",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("refresh" in line for line in master.lines()) == 1


def test_the_session_token_of_an_answer_goes_with_the_next_request(master: Master) -> None:
    master.replies = [ok({"file": FILE}, headers="X-EchoFS-Session: s1\r\n"), ok({"file": FILE})]
    client = master.client()
    client.stat("a")
    client.stat("a")
    assert [master.header(number, "X-EchoFS-Session") for number in (0, 1)] == [None, "s1"]


def test_a_session_token_that_the_master_does_not_know_is_dropped(master: Master) -> None:
    master.replies = [
        ok({"file": FILE}, headers="X-EchoFS-Session: old\r\n"),
        refusal("400 Bad", "invalid_request", field="X-EchoFS-Session"),
        ok({"file": FILE}),
    ]
    client = master.client()
    client.stat("a")
    assert client.stat("a").id == "f1"
    assert master.header(2, "X-EchoFS-Session") is None


def test_a_login_is_kept_for_its_owner_only(master: Master, profiles: Profiles) -> None:
    master.replies = [pair("a1", "r1")]
    assert sign_in(profiles, "work", master.url, "ada", "secret words").username == "ada"
    kept = profiles.folder / "profiles.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(profiles.folder.stat().st_mode) == 0o700
    assert "secret words" not in kept.read_text()
    assert profiles.names() == ["work"]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusal("404 Not Found", "not_found"), "is no master"),
        (refusal("301 Moved", "", headers="Location: https://files.example\r\n"), "https://files.example"),
    ],
)
def test_a_login_at_something_else_says_so(master: Master, profiles: Profiles, reply: Reply, said: str) -> None:
    master.replies = [reply]
    with pytest.raises(UnexpectedAnswer, match=said):
        sign_in(profiles, "work", master.url, "ada", "secret words")
    assert profiles.names() == []


def test_a_later_command_goes_on_with_the_login_and_its_session(master: Master, profiles: Profiles) -> None:
    master.replies = [pair("a1", "r1"), ok({"file": FILE}, headers="X-EchoFS-Session: s1\r\n"), ok({"file": FILE})]
    sign_in(profiles, "default", master.url, "ada", "secret words")
    for _ in range(2):
        with Client.from_profile(profiles=profiles) as client:
            client.stat("a")
    assert authorizations(master)[1:] == ["Bearer a1", "Bearer a1"]
    assert master.header(2, "X-EchoFS-Session") == "s1"


def test_a_token_that_another_command_has_renewed_is_used(master: Master, profiles: Profiles) -> None:
    old, new = Tokens("a1", "r1", 0), Tokens("a2", "r2", 2e10)
    profiles.save(Profile("default", master.url, "ada", tokens=old))
    client = Client.from_profile(profiles=profiles)
    profiles.save(Profile("default", master.url, "ada", tokens=new))
    master.replies = [ok({"file": FILE})]
    client.stat("a")
    assert authorizations(master) == ["Bearer a2"]


def test_a_renewed_token_is_kept(master: Master, profiles: Profiles) -> None:
    profiles.save(Profile("default", master.url, "ada", tokens=Tokens("a1", "r1", 0)))
    master.replies = [pair("a2", "r2"), ok({"file": FILE})]
    Client.from_profile(profiles=profiles).stat("a")
    kept = profiles.find("default").tokens
    assert kept is not None
    assert (kept.access, kept.refresh) == ("a2", "r2")


def test_after_a_logout_nothing_is_kept(master: Master, profiles: Profiles) -> None:
    profiles.save(Profile("default", master.url, "ada", tokens=Tokens("a1", "r1", 2e10)))
    profiles.save_session("default", "s1")
    master.replies = [ok(None)]
    Client.from_profile(profiles=profiles).logout()
    assert (profiles.names(), profiles.session("default")) == ([], "")
    with pytest.raises(NotLoggedIn, match="no login called default"):
        Client.from_profile(profiles=profiles)


def test_a_file_of_profiles_that_cannot_be_read_is_named(profiles: Profiles) -> None:
    profiles.folder.mkdir()
    (profiles.folder / "profiles.json").write_text("{")
    with pytest.raises(Refused, match=r"profiles\.json cannot be read"):
        profiles.names()


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 65])
def test_a_profile_has_a_name_that_can_be_part_of_a_files(profiles: Profiles, name: str) -> None:
    with pytest.raises(Refused):
        profiles.save(Profile(name, "http://h"))


def test_a_missing_file_is_missing_for_who_is_logged_in_too(master: Master) -> None:
    master.replies = [refusal("404 Not Found", "not_found")]
    with pytest.raises(NotFound):
        master.client().stat("a")
