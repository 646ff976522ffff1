"""Internal calls prove themselves, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from typing import Any

import jwt
import pytest

from echofs.adapters import call_tokens
from echofs.adapters.call_tokens import LIFETIME_SECONDS, REUSE_SECONDS, SKEW_SECONDS, SharedSecretSigner
from echofs.core.errors import AuthenticationFailed
from tests.fakes.clock import FakeClock

SECRET = "a cluster secret of thirty-two bytes"
CALL = ("w1", "POST", "/internal/v1/chunks")
DERIVED = hmac.digest(SECRET.encode(), b"echofs internal calls, version 1", "sha256")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def signer(clock: FakeClock) -> SharedSecretSigner:
    return SharedSecretSigner(SECRET, clock)


@pytest.fixture
def verifier(clock: FakeClock) -> SharedSecretSigner:
    """Another process of the same cluster."""
    return SharedSecretSigner(SECRET, clock)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def forged(clock: FakeClock, *, key: bytes = DERIVED, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token like ours but for the changes; a claim changed to None is left out."""
    now = clock.now() // 1_000_000
    claims: dict[str, Any] = {"aud": CALL[0], "m": CALL[1], "p": CALL[2], "iat": now, "exp": now + 30}
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    head = {"alg": "HS256", "typ": "echofs-call", **(header or {})}
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(key, signed.encode(), 'sha256'))}"


def assert_refused(verifier: SharedSecretSigner, token: str, call: tuple[str, str, str] = CALL) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        verifier.verify(token, *call)
    assert SECRET not in caught.value.message


def test_a_call_signed_here_is_accepted_there_as_often_as_it_comes(
    signer: SharedSecretSigner, verifier: SharedSecretSigner
) -> None:
    token = signer.sign(*CALL)
    for _ in range(3):
        verifier.verify(token, *CALL)


def test_the_forger_of_these_tests_would_be_accepted_if_it_changed_nothing(
    clock: FakeClock, verifier: SharedSecretSigner
) -> None:
    verifier.verify(forged(clock), *CALL)


@pytest.mark.parametrize(
    "call",
    [
        ("w2", "POST", "/internal/v1/chunks"),
        ("controller", "POST", "/internal/v1/chunks"),
        ("w1", "GET", "/internal/v1/chunks"),
        ("w1", "POST", "/internal/v1/chunks/fetch"),
        ("w1", "POST", "/internal/v1/chunks/"),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("seen_before", [False, True])
def test_a_token_is_good_for_one_process_method_and_path(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, call: tuple[str, str, str], seen_before: bool
) -> None:
    token = signer.sign(*CALL)
    if seen_before:
        verifier.verify(token, *CALL)
    assert_refused(verifier, token, call)


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_token_is_good_until_it_expires_and_for_thirty_seconds_of_skew(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, clock: FakeClock, seen_before: bool
) -> None:
    token = signer.sign(*CALL)
    if seen_before:
        verifier.verify(token, *CALL)
    clock.advance(LIFETIME_SECONDS + SKEW_SECONDS - 0.001)
    verifier.verify(token, *CALL)
    clock.advance(0.001)
    assert_refused(verifier, token)


@pytest.mark.parametrize(("ahead", "accepted"), [(30, True), (31, False), (-59, True), (-60, False), (3600, False)])
def test_clocks_of_two_hosts_may_differ_by_thirty_seconds(ahead: int, accepted: bool) -> None:
    here, there = FakeClock(), FakeClock()
    here.jump(ahead)
    token = SharedSecretSigner(SECRET, here).sign(*CALL)
    verifier = SharedSecretSigner(SECRET, there)
    if accepted:
        verifier.verify(token, *CALL)
    else:
        assert_refused(verifier, token)


def test_the_log_says_that_clocks_may_disagree_but_only_of_genuine_tokens(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    token = signer.sign(*CALL)
    clock.advance(120)
    assert_refused(verifier, forged(clock, key=b"x" * 32, exp=1))
    assert caplog.records == []
    assert_refused(verifier, token)
    assert vars(caplog.records[0])["seconds_since_signed"] == 120
    assert token not in caplog.text


@pytest.mark.parametrize("claim", ["aud", "m", "p", "iat", "exp"])
def test_a_token_without_one_of_its_claims_is_refused(
    clock: FakeClock, verifier: SharedSecretSigner, claim: str
) -> None:
    without: dict[str, Any] = {claim: None}
    assert_refused(verifier, forged(clock, **without))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", ["w1", "w2"]),
        ("aud", 1),
        ("m", ["POST"]),
        ("p", {}),
        ("exp", "never"),
        ("exp", 1e300),
        ("exp", True),
        ("iat", "now"),
        ("iat", 0.5),
        ("nbf", 1 << 40),
    ],
)
def test_a_token_with_a_claim_of_another_type_is_refused(
    clock: FakeClock, verifier: SharedSecretSigner, claim: str, value: Any
) -> None:
    assert_refused(verifier, forged(clock, **{claim: value}))


@pytest.mark.parametrize(
    "header", [{"typ": "JWT"}, {"typ": None}, {"typ": "at+jwt"}, {"alg": "none"}, {"alg": "HS512"}, {"alg": "RS256"}]
)
def test_another_kind_of_token_or_algorithm_is_refused(
    clock: FakeClock, verifier: SharedSecretSigner, header: dict[str, Any]
) -> None:
    assert_refused(verifier, forged(clock, header=header))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_an_unsigned_token_is_refused(clock: FakeClock, verifier: SharedSecretSigner, algorithm: str) -> None:
    head, payload, _ = forged(clock, header={"alg": algorithm}).split(".")
    assert_refused(verifier, f"{head}.{payload}.")
    assert_refused(verifier, f"{head}.{payload}")


@pytest.mark.parametrize(
    "key",
    [
        SECRET.encode(),
        hashlib.sha256(SECRET.encode()).digest(),
        hmac.digest(b"another secret of thirty-two bytes", b"echofs internal calls, version 1", "sha256"),
        b"",
    ],
)
def test_only_the_key_derived_for_this_purpose_signs(
    clock: FakeClock, verifier: SharedSecretSigner, key: bytes
) -> None:
    assert_refused(verifier, forged(clock, key=key))


def test_a_users_token_opens_no_internal_route_even_where_both_secrets_are_the_same(
    clock: FakeClock, verifier: SharedSecretSigner
) -> None:
    now = clock.now() // 1_000_000
    claims = {"sub": "user", "aud": "w1", "type": "access", "m": "POST", "p": CALL[2], "iat": now, "exp": now + 3600}
    assert_refused(verifier, jwt.encode(claims, SECRET, "HS256"))


def test_every_altered_character_is_noticed(signer: SharedSecretSigner, verifier: SharedSecretSigner) -> None:
    token = signer.sign(*CALL)
    verifier.verify(token, *CALL)
    for at in range(len(token)):
        # Other spellings of the last character decode to the same bytes, and are not ours all the same.
        for other in "AQgw-_.=" if at == len(token) - 1 else "A_":
            if other != token[at]:
                assert_refused(verifier, token[:at] + other + token[at + 1 :])


@pytest.mark.parametrize("alter", ["{}=", "{}==", "{}\n", " {}", "{}.", "{}A", ".{}", "{}.{}"])
def test_another_spelling_of_a_good_token_is_refused(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, alter: str
) -> None:
    token = signer.sign(*CALL)
    assert_refused(verifier, alter.format(token, token))


@pytest.mark.parametrize("token", ["", ".", "..", "...", "a.b.c", "é.é.é", "\x00", "x" * 5000, "eyJ9.e30.", "\ud800"])
def test_what_is_no_token_at_all_is_refused(verifier: SharedSecretSigner, token: str) -> None:
    assert_refused(verifier, token)


def test_repeated_calls_share_one_token_for_ten_seconds(signer: SharedSecretSigner, clock: FakeClock) -> None:
    first = signer.sign(*CALL)
    clock.advance(REUSE_SECONDS - 0.001)
    assert signer.sign(*CALL) == first
    clock.advance(0.001)
    assert signer.sign(*CALL) != first
    assert signer.sign("w2", *CALL[1:]) != signer.sign(*CALL)


@pytest.mark.parametrize("seconds", [-86400, -3600, 3600, 86400])
def test_a_jump_of_the_clock_makes_no_stale_token_go_out(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, clock: FakeClock, seconds: float
) -> None:
    before = signer.sign(*CALL)
    verifier.verify(before, *CALL)
    clock.jump(seconds)
    assert_refused(verifier, before)
    verifier.verify(signer.sign(*CALL), *CALL)


def test_verifying_again_computes_no_signature(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signer.sign(*CALL)
    verifier.verify(token, *CALL)
    monkeypatch.setattr(jwt, "decode_complete", lambda *_, **__: pytest.fail("decoded again"))
    verifier.verify(token, *CALL)


def test_what_is_remembered_is_bounded_and_forgetting_refuses_nobody(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_tokens, "MAX_REMEMBERED", 8)
    signer, verifier = SharedSecretSigner(SECRET, clock), SharedSecretSigner(SECRET, clock)
    tokens = {f"/path/{number}": signer.sign("w1", "GET", f"/path/{number}") for number in range(50)}
    for _ in range(2):
        for path, token in tokens.items():
            verifier.verify(token, "w1", "GET", path)
    assert len(signer._signed) <= 8
    assert len(verifier._verified) <= 8


def test_a_refused_token_is_not_remembered(clock: FakeClock, verifier: SharedSecretSigner) -> None:
    for number in range(20):
        assert_refused(verifier, forged(clock, key=str(number).encode()))
        assert_refused(verifier, forged(clock, p=f"/{number}"))
    assert verifier._verified == {}


def test_threads_may_sign_and_verify_together(
    signer: SharedSecretSigner, verifier: SharedSecretSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_tokens, "MAX_REMEMBERED", 4)
    failures: list[Exception] = []

    def work() -> None:
        try:
            for number in range(200):
                path = f"/path/{number % 20}"
                verifier.verify(signer.sign("w1", "GET", path), "w1", "GET", path)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
