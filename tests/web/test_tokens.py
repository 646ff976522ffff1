"""Every token that is not exactly one of ours is refused; revocations reach every master within a second."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable
from echofs.core.models import Role
from echofs.ports.accounts import UserChange
from echofs.ports.sessions import Ended
from echofs.services.accounts import Claims, Principal
from echofs.web.tokens import Authenticator, Kind, Tokens
from tests.web.conftest import SECRET, Site

Change = Callable[[dict[str, Any]], object]


def genuine(site: Site, kind: Kind = Kind.ACCESS) -> dict[str, Any]:
    """The claims of a token of ours."""
    token = site.login()[f"{kind}_token"]
    claims: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"], audience="echofs-api")
    return claims


def signed(claims: dict[str, Any], key: str = SECRET, **options: Any) -> str:
    return jwt.encode(claims, key, **{"algorithm": "HS256", **options})


def part(document: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def test_a_token_carries_what_it_must_and_no_secret(site: Site) -> None:
    claims = genuine(site)
    user = site.users.by_login("alice")
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("echofs", "echofs-api", user.id)
    assert (claims["type"], claims["epoch"], claims["exp"] - claims["iat"]) == ("access", 0, 3600)
    assert genuine(site, Kind.REFRESH)["exp"] > claims["exp"]
    assert "password" not in json.dumps(claims)


def test_claims_signed_again_unchanged_are_accepted(site: Site) -> None:
    assert site.profile(signed(genuine(site))).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims.update(aud="another-api"),
        lambda claims: claims.update(aud=None),
        lambda claims: claims.update(iss="another"),
        lambda claims: claims.update(exp=int(time.time()) - 60),
        lambda claims: claims.update(exp=str(2**40)),
        lambda claims: claims.update(exp=True),
        lambda claims: claims.update(iat=int(time.time()) + 60),
        lambda claims: claims.update(nbf=int(time.time()) + 60),
        lambda claims: claims.update(sub=7),
        lambda claims: claims.update(sub="f" * 32),
        lambda claims: claims.update(epoch=1),
        lambda claims: claims.update(epoch="0"),
        lambda claims: claims.update(type="refresh"),
        lambda claims: claims.update(type="internal"),
        *[
            lambda claims, name=name: claims.pop(name)
            for name in ("aud", "iss", "exp", "iat", "sub", "jti", "sid", "epoch", "type")
        ],
    ],
)
def test_a_signed_token_with_wrong_or_missing_claims_is_refused(site: Site, change: Change) -> None:
    claims = genuine(site)
    change(claims)
    answer = site.profile(signed(claims))
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "authentication_failed"


def test_a_token_of_the_other_kind_is_refused_with_the_reason(site: Site) -> None:
    tokens = site.login()
    answer = site.profile(tokens["refresh_token"])
    assert (answer.status_code, answer.get_json()["message"]) == (401, "This address takes access tokens only.")
    answer = site.post("refresh", token=tokens["access_token"])
    assert (answer.status_code, answer.get_json()["message"]) == (401, "This address takes refresh tokens only.")


def test_an_expired_token_says_that_it_has_expired(site: Site) -> None:
    answer = site.profile(signed({**genuine(site), "exp": int(time.time()) - 60}))
    assert (answer.status_code, answer.get_json()["message"]) == (
        401,
        "The token has expired: refresh it or log in again.",
    )


def test_clocks_a_few_seconds_apart_do_no_harm(site: Site) -> None:
    now = int(time.time())
    assert site.profile(signed({**genuine(site), "iat": now + 3})).status_code == 200
    assert site.profile(signed({**genuine(site), "exp": now - 3})).status_code == 200


def test_tokens_signed_otherwise_are_refused(site: Site) -> None:
    claims = genuine(site)
    header, payload, signature = signed(claims).split(".")
    forged = [
        signed(claims, "another secret of thirty-two bytes and more"),
        f"{part({'alg': 'HS512', 'typ': 'JWT'})}.{payload}.{signature}",
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        f"{part({'alg': 'None', 'typ': 'JWT'})}.{payload}.{signature}",
        f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{payload}.{signature}",
        f"{header}.{part({**claims, 'epoch': 1})}.{signature}",
        f"{header}.{part({**claims, 'sub': 'somebody else'})}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{part([])}.{payload}.{signature}",
        signed(claims, "\0" * 32, headers={"kid": "../../dev/zero"}),
    ]
    assert [site.profile(token).status_code for token in forged] == [401] * len(forged)


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "é.é.é", "x" * 5000, "a b"])
def test_what_is_no_token_at_all_is_refused(site: Site, token: str) -> None:
    assert site.profile(token).status_code == 401


def test_a_revoked_token_is_refused_in_every_spelling(site: Site) -> None:
    token = site.login()["access_token"]
    site.post("logout", token=token)
    assert site.profile(token + "=").status_code == 401


def test_another_master_forgets_a_logged_out_session_within_a_second(site: Site) -> None:
    other = Site(users=site.users, clock=site.clock)
    token = site.login()["access_token"]
    assert other.profile(token).status_code == 200
    site.post("logout", token=token)
    site.clock.advance(1.0)
    assert other.profile(token).status_code == 401


@pytest.mark.parametrize(
    "end",
    [
        lambda site, user_id: site.users.set_password(user_id, "other"),
        lambda site, user_id: site.users.amend(user_id, UserChange(disabled=True)),
        lambda site, user_id: site.users.amend(user_id, UserChange(role=Role.ADMIN)),
    ],
    ids=["password", "lock", "demotion"],
)
def test_changes_to_an_account_reach_every_master_within_a_second(
    site: Site, end: Callable[[Site, str], object]
) -> None:
    token = site.login()["access_token"]
    assert site.profile(token).status_code == 200
    end(site, site.users.by_login("alice").id)
    site.clock.advance(1.0)
    assert site.profile(token).status_code == 401


class Answers:
    """Stands for tokens and accounts, and counts the questions."""

    def __init__(self, expires_at: int) -> None:
        self.expires_at = expires_at
        self.asked = 0
        self.during_check: Callable[[], object] = lambda: None
        self.error: Exception | None = None

    def read(self, encoded: str, kind: Kind) -> Claims:
        return Claims(f"user of {encoded}", encoded, f"session of {encoded}", 0, self.expires_at)

    def check(self, claims: Claims) -> Principal:
        self.asked += 1
        self.during_check()
        if self.error is not None:
            raise self.error
        return Principal(claims.user_id, "alice", Role.USER, claims.jti, claims.sid)


@pytest.fixture
def answers(site: Site) -> Answers:
    return Answers(site.clock.now() + 3_600_000_000)


@pytest.fixture
def authenticator(site: Site, answers: Answers) -> Authenticator:
    return Authenticator(answers, answers, site.clock, capacity=2)  # type: ignore[arg-type]


def test_a_token_is_asked_about_once_a_second(site: Site, answers: Answers, authenticator: Authenticator) -> None:
    for seconds, asked in [(0, 1), (0.5, 1), (0.49, 1), (0.02, 2), (0.5, 2)]:
        site.clock.advance(seconds)
        assert authenticator("a").jti == "a"
        assert answers.asked == asked


def test_nothing_is_remembered_past_the_end_of_the_token(
    site: Site, answers: Answers, authenticator: Authenticator
) -> None:
    answers.expires_at = site.clock.now() + 500_000
    authenticator("a")
    site.clock.advance(0.5)
    authenticator("a")
    assert answers.asked == 2


def test_the_second_begins_when_the_question_is_sent(
    site: Site, answers: Answers, authenticator: Authenticator
) -> None:
    answers.during_check = lambda: site.clock.advance(0.8)
    authenticator("a")
    site.clock.advance(0.2)
    authenticator("a")
    assert answers.asked == 2


def test_an_answer_from_before_a_logout_is_not_remembered(answers: Answers, authenticator: Authenticator) -> None:
    answers.during_check = lambda: authenticator.forget(Ended(sid="session of a"))
    authenticator("a")
    answers.during_check = lambda: None
    authenticator("a")
    assert answers.asked == 2


def test_forgetting_one_user_leaves_the_others(answers: Answers, authenticator: Authenticator) -> None:
    authenticator("a")
    authenticator("b")
    authenticator.forget(Ended(user_id="user of a"))
    authenticator("b")
    assert answers.asked == 2
    authenticator("a")
    assert answers.asked == 3


def test_no_more_tokens_are_remembered_than_fit(answers: Answers, authenticator: Authenticator) -> None:
    for token in "abc":
        authenticator(token)
    authenticator("c")
    assert answers.asked == 3
    authenticator("a")
    assert answers.asked == 4


@pytest.mark.parametrize("error", [AuthenticationFailed("over"), CatalogUnavailable("away")])
def test_refusals_are_not_remembered(answers: Answers, authenticator: Authenticator, error: Exception) -> None:
    answers.error = error
    with pytest.raises(type(error)):
        authenticator("a")
    answers.error = None
    assert authenticator("a").jti == "a"


def test_secrets_do_not_show_in_what_might_be_logged(site: Site) -> None:
    with site.app.app_context():
        pair = site.tokens.issue(site.users.by_login("alice"), "sid")
    assert pair.access not in repr(pair)
    assert SECRET not in repr(vars(site.tokens))
    assert isinstance(site.tokens, Tokens)
