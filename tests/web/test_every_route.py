"""Every route of every role, as it is put together for real, tried with every kind of proof."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from echofs.adapters.call_tokens import SharedSecretSigner
from echofs.adapters.system import SystemClock
from echofs.bootstrap import create_app
from echofs.bootstrap.accounts import open_accounts
from echofs.settings import Settings, load
from echofs.web.access import ACCESS, Access
from tests.databases import sqlite_url

ROLES = ("master", "worker", "controller")
SECRET = "a cluster secret of at least thirty-two bytes"
PASSWORD = "correct horse battery"
USERS = ("alice", "bob", "root-admin")
NO_FILE = "0" * 32


@dataclass(frozen=True)
class Call:
    """One method of one route."""

    role: str
    rule: Rule
    method: str

    @property
    def access(self) -> Access:
        return ACCESS[self.rule.endpoint]

    def path(self, value: str = NO_FILE) -> str:
        path = self.rule.rule
        for name in self.rule.arguments:
            path = path.replace(f"<{name}>", value)
        return path


class Roles:
    """The applications of a cluster, none of which serves a socket; who may log in, and a file of alice's."""

    def __init__(self, folder: Path) -> None:
        given = {
            "ECHOFS_DATA_DIR": str(folder),
            "DATABASE_URL": sqlite_url(folder),
            "CLUSTER_SECRET": SECRET,
            "JWT_SECRET": f"{SECRET}, another",
            "WORKER_ID": "worker1",
            "ECHOFS_CONTROLLER_URL": "http://127.0.0.1:9",
            "CHUNK_STORE": f"disk:{folder}/chunks",
        }
        settings: dict[str, Settings] = {role: load(given, role=role, env_file=None) for role in ROLES}
        accounts = open_accounts(settings["master"]).accounts
        accounts.create_admin("root-admin", "root@example.org", PASSWORD)
        for name in ("alice", "bob"):
            accounts.register(name, f"{name}@example.org", PASSWORD)
        self.apps = {role: create_app(role, settings[role]) for role in ROLES}
        self.proofs = {name: f"Bearer {self._login(name)}" for name in USERS}
        stored = self.master("POST", "/api/v1/files/upload?path=secret&consistency=available", "alice", data=b"x")
        self.file_id = str(stored.get_json()["data"]["file"]["id"])

    def calls(self) -> list[Call]:
        return [
            Call(role, rule, method)
            for role, app in self.apps.items()
            for rule in app.url_map.iter_rules()
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}) or ["OPTIONS"]
        ]

    def master(self, method: str, path: str, user: str, *, anew: bool = False, **options: Any) -> TestResponse:
        """Ask a master as that user; ``anew`` logs in again first."""
        if anew:
            self.proofs[user] = f"Bearer {self._login(user)}"
        return self._send(self.apps["master"], method, path, self.proofs[user], **options)

    def send(self, call: Call, proof: str = "") -> TestResponse:
        return self._send(self.apps[call.role], call.method, call.path(), proof)

    def signed(self, call: Call) -> str:
        return f"Bearer {SharedSecretSigner(SECRET, SystemClock()).sign(call.role, call.method, call.path())}"

    def _send(self, app: Flask, method: str, path: str, proof: str, **options: Any) -> TestResponse:
        headers = {**({"Authorization": proof} if proof else {}), **options.pop("headers", {})}
        return app.test_client().open(path, method=method, headers=headers, **options)

    def _login(self, name: str) -> str:
        body = {"username": name, "password": PASSWORD}
        answer = self._send(self.apps["master"], "POST", "/api/v1/auth/login", "", json=body)
        return str(answer.get_json()["data"]["access_token"])


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Roles:
    return Roles(tmp_path_factory.mktemp("roles"))


def test_the_table_has_every_route_and_no_other(roles: Roles) -> None:
    assert {call.rule.endpoint for call in roles.calls()} == ACCESS.keys()


@pytest.mark.parametrize("proof", ["", "Bearer x", "Basic eDp5"])
def test_only_public_routes_open_without_a_good_proof(roles: Roles, proof: str) -> None:
    for call in roles.calls():
        assert (roles.send(call, proof).status_code == 401) == (call.access is not Access.PUBLIC) or (
            # They ask for proofs of their own.
            call.rule.endpoint in {"accounts.refresh", "page_sessions.refresh", "dav.mounted"}
        ), call


def test_what_administrators_may_users_may_not(roles: Roles) -> None:
    for call in roles.calls():
        if call.access is Access.ADMIN:
            assert roles.send(call, roles.proofs["bob"]).status_code == 403, call
            assert roles.send(call, roles.proofs["root-admin"]).status_code not in (401, 403), call


def test_nobodys_token_stands_in_for_a_signature_nor_the_reverse(roles: Roles) -> None:
    for call in roles.calls():
        if call.access is Access.INTERNAL:
            assert {roles.send(call, proof).status_code for proof in roles.proofs.values()} == {401}, call
        elif call.access is not Access.PUBLIC:
            assert roles.send(call, roles.signed(call)).status_code == 401, call


BODIES: dict[str, Any] = {
    "files.change": {"path": "stolen"},
    "files.copy": {"path": "stolen"},
    "conflicts.resolve": {"keep": "both"},
    "trash.restore": {},
}


def test_another_users_file_is_as_unknown_as_none(roles: Roles) -> None:
    tried = set()
    for call in roles.calls():
        if call.access is not Access.USER or not call.rule.arguments:
            continue
        body = BODIES.get(call.rule.endpoint)
        options = {"data": b"stolen"} if body is None else {"json": body}
        theirs, none = (
            roles.master(call.method, call.path(value), "bob", **options) for value in (roles.file_id, NO_FILE)
        )
        assert (theirs.status_code, said(theirs)) == (404, said(none)), call
        tried.add(call.rule.endpoint)
    assert {"files.details", "downloads.download", "uploads.replace", "conflicts.details"} <= tried


def test_nothing_else_of_another_user_is_there_either(roles: Roles) -> None:
    def made(path: str, **options: Any) -> TestResponse:
        answer = roles.master("POST", f"/api/v1/{path}", "alice", **options)
        assert answer.status_code == 201, answer.text
        return answer

    name = base64.b64encode(b"begun").decode()
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": f"path {name}"}
    deleted = made("files/upload?path=deleted&consistency=available", data=b"x").get_json()["data"]["file"]["id"]
    assert roles.master("DELETE", f"/api/v1/files/{deleted}", "alice").status_code == 200
    secret = made("auth/app-passwords", json={"name": "phone"}).get_json()["data"]["id"]
    ticket = made("uploads", headers=tus).headers["Location"].rpartition("/")[2]
    upload = ticket.partition(".")[0]

    for method, path, theirs, body in [
        ("POST", "trash/{}/restore", deleted, {}),
        ("DELETE", "trash/{}", deleted, None),
        ("GET", "files/{}/versions", deleted, None),
        ("DELETE", "auth/app-passwords/{}", secret, None),
        ("GET", "uploads/{}", upload, None),
        ("GET", "uploads/{}", f"{upload}.{'A' * 43}", None),
        ("DELETE", "uploads/{}", f"{upload}.{'A' * 43}", None),
    ]:
        options = {"json": body} if body is not None else {"headers": {"Tus-Resumable": "1.0.0"}}
        refused, unknown = (
            roles.master(method, f"/api/v1/{path.format(value)}", "bob", **options) for value in (theirs, NO_FILE)
        )
        assert (refused.status_code, said(refused)) == (404, said(unknown)), (method, path)
    for listing, key in (("trash", "files"), ("auth/app-passwords", "app_passwords"), ("uploads", "uploads")):
        assert roles.master("GET", f"/api/v1/{listing}", "bob").get_json()["data"][key] == []
        assert len(roles.master("GET", f"/api/v1/{listing}", "alice").get_json()["data"][key]) == 1
    assert roles.master("DELETE", "/api/v1/trash", "bob").get_json()["data"]["purged"] == 0
    assert len(roles.master("GET", "/api/v1/trash", "alice").get_json()["data"]["files"]) == 1


def test_another_users_file_has_no_mode_no_hint_and_no_floor(roles: Roles) -> None:
    def ask(file_id: str) -> list[TestResponse]:
        prefix = "/api/v1/consistency"
        floor = {"scope": "file", "key": file_id, "level": "strong"}
        return [
            roles.master("GET", f"{prefix}/mode?object_id={file_id}", "bob"),
            roles.master("POST", f"{prefix}/hint", "bob", json={"level": "strong", "object_id": file_id}),
            roles.master("PUT", f"{prefix}/floors", "bob", json=floor),
        ]

    for theirs, none in zip(ask(roles.file_id), ask(NO_FILE), strict=True):
        assert (theirs.status_code, said(theirs)) == (404, said(none))


def said(answer: TestResponse) -> tuple[str, str | None]:
    error = answer.get_json()["error"]
    return error["message"], error.get("field")
