"""A whole cluster inside the test process: a real master, and a controller and workers on sockets of their own."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from echofs.bootstrap import create_app
from echofs.bootstrap.accounts import open_accounts
from echofs.bootstrap.application import EXTENSION
from echofs.core.models import Role
from echofs.settings import load
from tests.cluster.cluster import free_ports
from tests.databases import sqlite_url

PASSWORD = "correct horse battery"
USER, ADMINISTRATOR = "alice", "root-admin"
WORKERS = ("worker1", "worker2")
_SECRET = "a cluster secret of at least thirty-two bytes"
_START_SECONDS = 30.0


class _Quiet(WSGIRequestHandler):
    # Masters keep connections open.
    protocol_version = "HTTP/1.1"

    def log_request(self, *_args: object) -> None:
        pass


class Whole:
    """Started with two workers, which is enough for every level, and two users. ``close`` ends all of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_ports(3)
        self._database = sqlite_url(folder)
        self._running: list[Any] = []
        self._serve("controller", self._port)
        for number, _name in enumerate(WORKERS, start=1):
            self._serve("worker", self._port + number)
        settings = load(self._given(self._port), role="master", env_file=None)
        self._accounts = open_accounts(settings).accounts
        self._accounts.create_admin(ADMINISTRATOR, "root@example.org", PASSWORD)
        self._accounts.register(USER, "alice@example.org", PASSWORD)
        self.master = self._started(create_app("master", settings))
        self._await_workers()

    def close(self) -> None:
        """End everything, the master first."""
        for running in reversed(self._running):
            running()

    def token(self, name: str) -> str:
        """An access token of a session of its own. What was done to the account meanwhile is undone if need be."""
        answer = self._login(name)
        if answer.status_code != 200:
            role = Role.ADMIN if name == ADMINISTRATOR else Role.USER
            self._accounts.reset_password(name, PASSWORD, role=role)
            answer = self._login(name)
        return str(answer.get_json()["data"]["access_token"])

    def _login(self, name: str) -> TestResponse:
        body = {"username": name, "password": PASSWORD}
        return self.master.test_client().post("/api/v1/auth/login", json=body)

    def _given(self, port: int) -> dict[str, str]:
        name = f"worker{port - self._port}"
        return {
            "ECHOFS_DATA_DIR": str(self._folder),
            "DATABASE_URL": self._database,
            "CLUSTER_SECRET": _SECRET,
            "JWT_SECRET": f"{_SECRET}, another",
            "ECHOFS_CONTROLLER_URL": f"http://127.0.0.1:{self._port}",
            "WORKER_ID": name,
            "WORKER_ZONE": name,
            "WORKER_URL": f"http://127.0.0.1:{port}",
            "CHUNK_STORE": f"disk:{self._folder}/{name}",
            "REPLICATION_FACTOR": "2",
            # Who tries every way to log in wrong must still be able to log in.
            "LOGIN_RATE": "off",
        }

    def _serve(self, role: str, port: int) -> None:
        app = create_app(role, load(self._given(port), role=role, env_file=None))
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, name=f"{role} {port}", daemon=True)
        thread.start()
        self._running += [server.server_close, thread.join, server.shutdown]
        self._started(app)

    def _started(self, app: Flask) -> Flask:
        app.extensions[EXTENSION].start()
        self._running.append(app.extensions[EXTENSION].stop)
        return app

    def _await_workers(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while (health := self._health())["details"].get("workers_up") != 2:
            assert time.monotonic() < deadline, f"the workers did not join: {health}"
            time.sleep(0.05)

    def _health(self) -> dict[str, Any]:
        health: dict[str, Any] = self.master.test_client().get("/health").get_json()["data"]
        return health
