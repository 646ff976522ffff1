"""EchoFS behind nginx, configured by the file the project ships for it."""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.cluster import Cluster
from bench.dialects import EchoFSDialect
from bench.errors import BenchError
from bench.nginx import find_nginx
from bench.processes import cpu_seconds, family, free_ports, running, wait_until_answering
from bench.wire import Address

_SHIPPED = Path(__file__).resolve().parent.parent / "config" / "nginx.conf"
_START_SECONDS = 10.0

# What is bound to the machine the file is meant for; every other line is measured as it is shipped.
_LOCAL = re.compile(r"^\s*(?:user|pid|daemon|error_log|access_log|include|\w+_temp_path)\s[^;{]*;", re.MULTILINE)
_LISTEN = re.compile(r"\blisten\s[^;]*;")
_UPSTREAM = re.compile(r"(?P<before>\bserver\s+|\bproxy_pass\s+http://)[\w.\-]+:\d+")


@dataclass(frozen=True)
class Proxied:
    """The way to a cluster through nginx."""

    address: Address
    dialect: EchoFSDialect
    pid: int
    cluster: Cluster
    name: str = "EchoFS behind nginx"

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds used so far, by role, the proxy included."""
        return self.cluster.cpu_seconds() | {"proxy": sum(map(cpu_seconds, family(self.pid)))}


@contextlib.contextmanager
def started_proxy(root: Path, cluster: Cluster) -> Iterator[Proxied]:
    """Runs nginx in front of `cluster` with the shipped settings, its temporary files below `root`.

    Raises `ReferenceMissing` without nginx and `BenchError` if the shipped file does not exist or does not work here.
    """
    program, _ = find_nginx()
    if not _SHIPPED.exists():
        raise BenchError("config/nginx.conf does not exist")
    root.mkdir(parents=True)
    port = free_ports(1)
    configuration = root / "nginx.conf"
    configuration.write_text(adapted(_SHIPPED.read_text("utf-8"), root, port, cluster.address))
    log = root / "output.log"
    command = [program, "-p", str(root), "-e", str(root / "error.log"), "-c", str(configuration)]
    with running(command, log=log, cwd=root) as process:
        wait_until_answering(process, port, "/health", log, seconds=_START_SECONDS)
        yield Proxied(("127.0.0.1", port), cluster.dialect, process.pid, cluster)


def adapted(shipped: str, root: Path, port: int, upstream: Address) -> str:
    """The shipped configuration with this run's ports and paths; a file without `http {` is taken for one site."""
    text = _LOCAL.sub("", re.sub(r"#.*", "", shipped))
    text = _UPSTREAM.sub(rf"\g<before>{upstream[0]}:{upstream[1]}", text)
    text = _LISTEN.sub(f"listen 127.0.0.1:{port};", text, count=1)
    text = _LISTEN.sub(lambda found: found[0] if f":{port};" in found[0] else "", text)
    if not re.search(r"\bhttp\s*\{", text):
        text = "events { worker_connections 512; }\nhttp {\n" + text + "\n}\n"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {root}/{kind};\n" for kind in kinds)
    text = re.sub(r"\bhttp\s*\{", lambda found: f"{found[0]}\n    access_log off;\n{paths}", text, count=1)
    user = "user root;\n" if os.geteuid() == 0 else ""
    return f"{user}daemon off;\npid {root}/nginx.pid;\nerror_log {root}/error.log warn;\n{text}"
