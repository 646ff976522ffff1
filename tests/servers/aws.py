"""S3 and DynamoDB as moto imitates them, in memory, one request at a time: moto itself checks a condition and then
writes, and two threads could do so at once."""

from __future__ import annotations

import copy
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moto.core import responses
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler
from moto.server import ThreadedMotoServer

from tests.servers import lifeline

PLAIN = frozenset(("S", "N", "BOOL", "NULL"))
"""The kinds of values that moto keeps as it tells them."""

Answer = Callable[[DomainDispatcherApplication, dict[str, Any], Any], Iterable[bytes]]


def one_at_a_time(answer: Answer) -> Answer:
    """The same application, behind a lock."""
    turn = threading.Lock()

    def locked(application: DomainDispatcherApplication, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        with turn:
            return answer(application, environ, start)

    return locked


def remembered(table: Table, _memo: object) -> Table:
    """What moto needs to undo a transaction of puts and deletes: which items there were. It asks for a copy of the
    whole table for every item of a transaction, and a deep one takes seconds."""
    copied = copy.copy(table)
    copied.items = copy.copy(table.items)
    if table.range_key_attr:
        for key, items in table.items.items():
            copied.items[key] = dict(items)
    return copied


def apart(update: Callable[..., Any]) -> Callable[..., Any]:
    """The same update, done to a copy of the item: what a transaction remembers must not change under it."""

    def updated(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], **options: Any) -> Any:
        table, item = backend.get_table(table_name), backend.get_item(table_name, key)
        if item is not None and table.range_key_attr:
            table.items[item.hash_key][item.range_key] = copy.deepcopy(item)
        elif item is not None:
            table.items[item.hash_key] = copy.deepcopy(item)
        return update(backend, table_name, key, **options)

    return updated


def short(serialize: Callable[..., None]) -> Callable[..., None]:
    """The same answer without asking of every value in every item whether it is any of ten other kinds under any of
    three spellings, which was two fifths of this server's work."""

    def serialized(serializer: BaseJSONSerializer, into: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict) and PLAIN.issuperset(value):
            serializer._default_serialize(into, value, shape, key)
        else:
            serialize(serializer, into, value, shape, key)

    return serialized


def hurry() -> None:
    """Have found once what moto looks for at each request, and connections kept: half of what a request costs."""
    BaseJSONSerializer._serialize_type_structure = short(BaseJSONSerializer._serialize_type_structure)
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    MotoRequestHandler.disable_nagle_algorithm = True


@contextmanager
def running(_folder: Path) -> Iterator[str]:
    """A server of all regions and accounts, with nothing in it; the address is a URL. Any credentials will do."""
    hurry()
    DomainDispatcherApplication.__call__ = one_at_a_time(DomainDispatcherApplication.__call__)
    Table.__deepcopy__ = remembered
    DynamoDBBackend.update_item = apart(DynamoDBBackend.update_item)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"  # its threads end with this process


if __name__ == "__main__":
    lifeline.keep(running)
