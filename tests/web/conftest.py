"""A small application with the web layer's common parts and the accounts, on fakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.errors import AuthenticationFailed
from echofs.ports.offline import OfflineRights
from echofs.ports.sessions import SessionNews
from echofs.services.accounts import Accounts
from echofs.services.auditing import Auditing
from echofs.web.access import install_access
from echofs.web.accounts import accounts_blueprint
from echofs.web.errors import install_errors
from echofs.web.headers import install_headers
from echofs.web.limits import AccountLimits, Rates
from echofs.web.page_sessions import page_sessions_blueprint
from echofs.web.request_ids import install_request_ids
from echofs.web.tokens import Authenticator, Tokens, TokenSettings
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.passwords import PlainHasher
from tests.fakes.users import MemoryUsers
from tests.web.documented import held_to_the_document

SECRET = "a secret of at least thirty-two bytes"
PASSWORD = "correct horse battery"
INTERNAL_TOKEN = "signed-for-this-call"


@dataclass
class Site:
    """One master process: its application and what stands behind it. Two sites may share their users."""

    users: MemoryUsers = field(default_factory=MemoryUsers)
    rates: Rates = field(default_factory=Rates)
    limited: bool = False
    storage_uri: str = "memory://"
    storage_options: dict[str, Any] = field(default_factory=dict)
    news: SessionNews | None = None
    offline: OfflineRights | None = None
    offline_seconds: float = 300.0
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.app = Flask("echofs-tests", static_folder=None)
        ids = SequentialIds()
        self.hasher = PlainHasher()
        self.audit = MemoryAudit()
        self.auditing = Auditing(self.audit, self.clock, ids)
        self.accounts = Accounts(self.users, self.hasher, self.auditing, self.clock, ids)
        self.tokens = Tokens(self.app, TokenSettings(SECRET))
        self.authenticator = Authenticator(
            self.tokens,
            self.accounts,
            self.clock,
            news=self.news,
            offline=self.offline,
            offline_seconds=self.offline_seconds,
        )
        install_request_ids(self.app, self.clock, ids)
        install_errors(self.app)
        install_headers(self.app)
        install_access(self.app, authenticate=self.authenticator, verify_call=_verify_call, csrf_token=self.tokens.csrf)
        self.limits = AccountLimits(
            self.app,
            self.rates,
            storage_uri=self.storage_uri,
            storage_options=self.storage_options,
            enabled=self.limited,
        )
        parts = (self.accounts, self.tokens, self.authenticator, self.limits.attempts(self.accounts))
        self.app.register_blueprint(accounts_blueprint(*parts))
        self.app.register_blueprint(page_sessions_blueprint(*parts))
        self.client: FlaskClient = self.app.test_client()

    def post(self, path: str, body: Any = None, *, token: str = "", address: str = "127.0.0.1") -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        environ = {"REMOTE_ADDR": address}
        return self.client.post(f"/api/v1/auth/{path}", json=body, headers=headers, environ_overrides=environ)

    def profile(self, token: str) -> TestResponse:
        return self.client.get("/api/v1/auth/profile", headers={"Authorization": f"Bearer {token}"})

    def register(self, name: str = "alice") -> None:
        self.accounts.register(name, f"{name}@example.org", PASSWORD)

    def login(self, name: str = "alice") -> dict[str, Any]:
        data: dict[str, Any] = self.post("login", {"username": name, "password": PASSWORD}).get_json()["data"]
        return data


def _verify_call(token: str, method: str, path: str) -> None:
    if token != f"{INTERNAL_TOKEN} {method} {path}".replace(" ", ":"):
        raise AuthenticationFailed("This call was not signed by a process of this cluster.")


@pytest.fixture(autouse=True)
def _the_document_is_true() -> Iterator[None]:
    """Whatever a test asks: what is answered, read and loaded is what the document says."""
    with held_to_the_document() as problems:
        yield
    assert not problems, "echofs/web/openapi does not say it:\n" + "\n".join(sorted(set(problems)))


@pytest.fixture
def site() -> Site:
    """A site where alice is registered and nothing is limited."""
    site = Site()
    site.register()
    return site
