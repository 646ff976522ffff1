"""Values in a bucket of S3, or of any endpoint that speaks its protocol: ``<prefix><space>/<name>``.

Requests, their checks and errors are in ``s3_bucket.py``, attempts and deadlines in ``s3_calls.py``, possession of the
prefix and the probe in ``s3_root.py``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from typing import TypeVar

from echofs.adapters.stores.key_locks import KeyLocks
from echofs.adapters.stores.s3_bucket import Found, S3Bucket
from echofs.adapters.stores.s3_calls import S3Calls
from echofs.adapters.stores.s3_client import S3Access, S3Place, is_aws, open_client
from echofs.adapters.stores.s3_errors import condition_failed, refusal
from echofs.adapters.stores.s3_root import Abilities, claim, probe, still_ours
from echofs.core.errors import (
    InvalidName,
    InvalidSetting,
    NotFound,
    PreconditionFailed,
    StoreUnavailable,
    ValueTooLarge,
)
from echofs.ports.object_store import Condition, Limits, ObjectStore, Stat, Value, check_key, check_space

_SINGLE_PUT_BYTES = 5 << 30
"""The largest value S3 takes in one request."""
_NAME_PART = re.compile(r"[a-z0-9._-]*")

T = TypeVar("T")


def open_s3(place: S3Place, access: S3Access, *, owner: str, max_value_bytes: int) -> S3Store:
    """Claim a prefix for a worker, probe its endpoint and open it. To be called after any fork.

    Raises :class:`InvalidSetting` naming the variable at fault: no endpoint, no such bucket, credentials, the region,
    a prefix of another worker.
    """
    client = open_client(access)
    calls = S3Calls(deadline_seconds=access.deadline_seconds, attempt_seconds=access.attempt_seconds)
    bucket = S3Bucket(client, place.bucket, calls, crc32=access.checksums == "when_supported")
    try:
        if is_aws(client) and access.region and (region := bucket.region()) not in (None, access.region):
            raise InvalidSetting(
                f"AWS_REGION={access.region}, but the bucket {place.bucket} is in {region}: set AWS_REGION to that.",
                field="AWS_REGION",
            )
        store_id = claim(bucket, place, owner)
        abilities = probe(bucket, place, max_value_bytes)
    except (NotFound, StoreUnavailable) as error:
        client.close()
        raise refusal(error, place, access) from error
    except BaseException:
        client.close()
        raise
    return S3Store(
        bucket.verifying() if abilities.etags_are_md5 else bucket,
        place,
        store_id=store_id,
        abilities=abilities,
        atomic=is_aws(client),
        max_value_bytes=max_value_bytes,
        threads=access.threads,
        on_close=client.close,
    )


class S3Store(ObjectStore):
    """One value a key, whole in one request, and groups over ``threads`` requests at a time.

    What of conditions may be relied on: ``limits.exclusive_create`` is declared only where the endpoint is AWS's own,
    which documents conditional puts as atomic, and the probe found them honoured. Elsewhere a probe can show that
    conditions are ignored, but never that they are atomic: Swift honours them and yet let two of eight concurrent
    creators win. There a condition is checked by looking first, under a lock for the key, and holds between the threads
    of this process, which owns the prefix by its identity; the condition is sent along as well where it is honoured.
    A conditional delete is always of that kind.

    Etags are the endpoint's and mostly follow content: one that was seen before may be seen again with an equal value.
    """

    def __init__(
        self,
        bucket: S3Bucket,
        place: S3Place,
        *,
        store_id: str,
        abilities: Abilities,
        atomic: bool,
        max_value_bytes: int,
        threads: int,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self.limits = Limits(
            max_value_bytes=min(max_value_bytes, _SINGLE_PUT_BYTES),
            exclusive_create=atomic and abilities.conditional_create,
        )
        self._bucket = bucket
        self._place = place
        self._store_id = store_id
        self._abilities = abilities
        self._locks = KeyLocks()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._on_close = on_close

    def close(self) -> None:
        """Let requests under way finish, and close the connections. Idempotent."""
        self._pool.shutdown()
        self._on_close()

    @property
    def store_id(self) -> str:
        return self._store_id

    def put(self, key: str, value: Value, *, only_if: Condition | str | None = None) -> Stat:
        path = self._path(key)
        self._admit(value)
        if only_if is None:
            return self._put(key, path, value, self._bucket.calls.deadline())
        data = bytes(value)
        with self._locks.hold([path]):
            etag = self._put_if(path, data, only_if)
        return Stat(key, len(data), etag)

    def _put(self, key: str, path: str, value: Value, until: float) -> Stat:
        """Where conditions rest on locks alone, a put without one must not slip in between a look and its put."""
        conditions_are_sent = self._abilities.conditional_create and self._abilities.conditional_replace
        data = bytes(value)
        with nullcontext() if conditions_are_sent else self._locks.hold([path]):
            return Stat(key, len(data), self._bucket.put(path, data, until=until))

    def _put_if(self, path: str, data: bytes, only_if: Condition | str) -> str:
        until = self._bucket.calls.deadline()
        present = self._head(path, until)
        absent_wanted = isinstance(only_if, Condition)
        if (present is not None) if absent_wanted else (present is None or present.etag != only_if):
            raise condition_failed()
        conditions = {}
        if absent_wanted and self._abilities.conditional_create:
            conditions["IfNoneMatch"] = "*"
        elif not absent_wanted and self._abilities.conditional_replace:
            conditions["IfMatch"] = f'"{only_if}"'
        write_id = uuid.uuid4().hex
        try:
            return self._bucket.put(path, data, until=until, write_id=write_id, **conditions)
        except PreconditionFailed:
            # A first attempt whose answer was lost may have succeeded, and made the second one's condition false.
            stored = self._head(path, self._bucket.calls.deadline())
            if stored is None or stored.write_id != write_id:
                raise
            return stored.etag

    def get(self, key: str) -> tuple[bytes, Stat]:
        value, etag = self._bucket.get(self._path(key))
        return value, Stat(key, len(value), etag)

    def stat(self, key: str) -> Stat:
        found = self._bucket.head(self._path(key))
        return Stat(key, found.size, found.etag)

    def delete(self, key: str, *, only_if: str | None = None) -> None:
        path = self._path(key)
        with self._locks.hold([path]):
            if only_if is not None:
                present = self._head(path, self._bucket.calls.deadline())
                if present is None or present.etag != only_if:
                    raise condition_failed()
            self._bucket.delete(path)

    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        root = f"{self._place.prefix}{check_space(space)}/"
        if limit <= 0 or not _NAME_PART.fullmatch(prefix):
            return []
        # What no name contains cannot be sent; names are compared here as well.
        position = root + after if _NAME_PART.fullmatch(after) else ""
        found: list[Stat] = []
        while len(found) < limit and (page := self._bucket.page(root + prefix, position, limit - len(found))):
            position = page[-1].key
            stats = (Stat(row.key.removeprefix(self._place.prefix), row.size, row.etag) for row in page)
            found += [stat for stat in stats if _is_key(stat.key) and stat.key.partition("/")[2] > after]
        return found

    def free_bytes(self) -> int | None:
        """Always None, as a bucket does not say. Raises :class:`StoreUnavailable` while the endpoint does not answer:
        a worker without its store should not count as alive."""
        if self._bucket.calls.breaker.is_open:
            still_ours(self._bucket, self._place, self._store_id)
        return None

    def put_many(self, values: Mapping[str, Value]) -> None:
        until = self._bucket.calls.deadline()
        paths = {key: self._path(key) for key in values}
        for value in values.values():
            self._admit(value)
        self._all([partial(self._put, key, path, values[key], until) for key, path in paths.items()])

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        until = self._bucket.calls.deadline()
        values = self._each(keys, lambda path: self._bucket.get(path, until=until))
        return {key: value for key, (value, _) in values.items()}

    def stat_many(self, keys: Sequence[str]) -> dict[str, Stat]:
        until = self._bucket.calls.deadline()
        found = self._each(keys, lambda path: self._bucket.head(path, until=until))
        return {key: Stat(key, row.size, row.etag) for key, row in found.items()}

    def _each(self, keys: Sequence[str], ask: Callable[[str], T]) -> dict[str, T]:
        """What ``ask`` says of each key, at once, in the order of the keys; without those that do not exist."""

        def answer(path: str) -> T | None:
            try:
                return ask(path)
            except NotFound:
                return None

        paths = {key: self._path(key) for key in keys}
        answers = self._all([partial(answer, path) for path in paths.values()])
        return {key: found for key, found in zip(paths, answers, strict=True) if found is not None}

    def _all(self, tasks: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Run tasks side by side and wait for every one, also when some fail: none may still use its caller's
        buffers, or store something, after this has returned."""
        futures = [self._pool.submit(task) for task in tasks]
        wait(futures)
        return [future.result() for future in futures]

    def _head(self, path: str, until: float) -> Found | None:
        try:
            return self._bucket.head(path, until=until)
        except NotFound:
            return None

    def _path(self, key: str) -> str:
        space, name = check_key(key)
        return f"{self._place.prefix}{space}/{name}"

    def _admit(self, value: Value) -> None:
        if memoryview(value).nbytes > self.limits.max_value_bytes:
            raise ValueTooLarge(f"A value may have at most {self.limits.max_value_bytes} bytes.", field="value")


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except InvalidName:
        return False
    return True
