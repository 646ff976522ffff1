"""nginx as the reference: it writes one copy, without fsync and without users, as fast as this machine can take it."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.dialects import NginxDialect
from bench.errors import ReferenceMissing
from bench.processes import cpu_seconds, family, free_ports, running, wait_until_answering
from bench.wire import Address

_START_SECONDS = 10.0

_CONFIGURATION = """\
{user}worker_processes 2;
daemon off;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root}/files;
        location = /health {{ return 200; }}
        location /data/ {{
            dav_methods PUT;
            create_full_put_path on;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running reference."""

    version: str
    address: Address
    dialect: NginxDialect
    pid: int
    name: str = "nginx"

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds used so far, by role."""
        return {"nginx": sum(cpu_seconds(pid) for pid in family(self.pid))}


def find_nginx() -> tuple[str, str]:
    """Path and version of an nginx that can PUT; raises `ReferenceMissing` with the reason if there is none."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise ReferenceMissing("nginx is not installed (Debian: apt install nginx)")
    said = subprocess.run([program, "-V"], capture_output=True, text=True, check=False).stderr
    if "--with-http_dav_module" not in said:
        raise ReferenceMissing(f"{program} was built without its DAV module")
    version = said.splitlines()[0].rpartition("/")[2].split()[0]
    return program, version


@contextlib.contextmanager
def started_nginx(root: Path) -> Iterator[Nginx]:
    """Runs nginx with everything it writes below `root`, on one file system, so that a PUT ends in a plain rename."""
    program, version = find_nginx()
    (root / "files" / "data").mkdir(parents=True)
    port = free_ports(1)
    # Started as root, the workers would drop to a user who may not write here.
    user = "user root;\n" if os.geteuid() == 0 else ""
    configuration = root / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, root=root, port=port))
    command = [program, "-p", str(root), "-e", str(root / "error.log"), "-c", str(configuration)]
    log = root / "output.log"
    with running(command, log=log, cwd=root) as process:
        wait_until_answering(process, port, "/health", log, seconds=_START_SECONDS)
        yield Nginx(version, ("127.0.0.1", port), NginxDialect(), process.pid)
