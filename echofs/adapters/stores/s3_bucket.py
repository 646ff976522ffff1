"""The verbs of S3 that EchoFS uses, on whole values: checked on the way, tried again, errors translated."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from echofs.adapters.stores.s3_calls import S3Calls
from echofs.adapters.stores.s3_errors import Fault, Garbled, fault_of
from echofs.core.errors import NotFound

PAGE = 1000
"""The most keys S3 names in one answer."""
_WRITE = "echofs-write"
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Found:
    """A value without its bytes. ``write_id`` is what :meth:`S3Bucket.put` was given, None where it was given none."""

    key: str
    size: int
    etag: str
    write_id: str | None = None


class S3Bucket:
    """One bucket. Safe to share between threads.

    Every request carries a digest of its body that the endpoint verifies (Content-MD5, which all of them know, and
    with ``crc32`` S3's own). ``etags_are_md5`` says that the endpoint's etag of a value is its MD5, as a probe found:
    then it is compared on every put and get, unless the answer says that the value is encrypted with a key of its own.
    """

    def __init__(
        self, client: Any, name: str, calls: S3Calls, *, crc32: bool = False, etags_are_md5: bool = False
    ) -> None:
        self.calls = calls
        self._client = client
        self._name = name
        self._crc32 = crc32
        self._etags_are_md5 = etags_are_md5

    def verifying(self) -> S3Bucket:
        """The same bucket, known to give MD5s as etags."""
        return S3Bucket(self._client, self._name, self.calls, crc32=self._crc32, etags_are_md5=True)

    def put(
        self, key: str, value: bytes, *, until: float | None = None, write_id: str | None = None, **conditions: str
    ) -> str:
        """Store a value and return its etag. ``conditions`` are ``IfNoneMatch`` and ``IfMatch``.

        Raises :class:`PreconditionFailed`, :class:`StoreUnavailable`.
        """
        digest = _md5(value)
        request: dict[str, Any] = {
            "Bucket": self._name,
            "Key": key,
            "Body": value,
            "ContentType": "application/octet-stream",
            "ContentMD5": base64.b64encode(digest).decode(),
            **conditions,
        }
        if self._crc32:
            request["ChecksumCRC32"] = base64.b64encode(zlib.crc32(value).to_bytes(4, "big")).decode()
        if write_id is not None:
            request["Metadata"] = {_WRITE: write_id}

        def attempt() -> str:
            return self._checked(self._client.put_object(**request), value)

        return self.calls.run("store a value", attempt, until or self.calls.deadline())

    def get(self, key: str, *, until: float | None = None) -> tuple[bytes, str]:
        """A value and its etag. Raises :class:`NotFound`, :class:`StoreUnavailable`."""

        def attempt() -> tuple[bytes, str]:
            answer = self._client.get_object(Bucket=self._name, Key=key)
            body = answer["Body"]
            try:
                value: bytes = body.read()
            finally:
                body.close()
            if len(value) != answer.get("ContentLength", len(value)):
                raise Garbled("the body has another length than declared")
            return value, self._checked(answer, value)

        return self.calls.run("read a value", attempt, until or self.calls.deadline())

    def head(self, key: str, *, until: float | None = None) -> Found:
        """What is known of a value. Raises :class:`NotFound`, :class:`StoreUnavailable`."""

        def attempt() -> Found:
            answer = self._client.head_object(Bucket=self._name, Key=key)
            size = int(_part(answer, "ContentLength"))
            return Found(key, size, _etag(answer), answer.get("Metadata", {}).get(_WRITE))

        return self.calls.run("look for a value", attempt, until or self.calls.deadline())

    def delete(self, key: str, *, until: float | None = None) -> None:
        """Remove a value; no error if there is none. Raises :class:`StoreUnavailable`."""
        try:
            self.calls.run(
                "delete a value",
                lambda: self._client.delete_object(Bucket=self._name, Key=key),
                until or self.calls.deadline(),
            )
        except NotFound:
            return

    def page(self, prefix: str, after: str, limit: int) -> list[Found]:
        """Up to ``limit`` values, at most ``PAGE``, in key order, with keys that start with ``prefix`` and come after
        ``after``; an empty list only at the end. Raises :class:`StoreUnavailable`."""
        request = {"Bucket": self._name, "Prefix": prefix, "MaxKeys": min(limit, PAGE)}
        if after:
            request["StartAfter"] = after

        def attempt() -> list[Found]:
            found: list[Found] = []
            token: dict[str, str] = {}
            while True:
                answer = self._client.list_objects_v2(**request, **token)
                # Whoever does not know StartAfter gives earlier keys too.
                found += [row for row in map(_listed, answer.get("Contents", [])) if row.key > after]
                if found or not answer.get("IsTruncated"):
                    return sorted(found, key=lambda row: row.key)[:limit]
                token = {"ContinuationToken": _part(answer, "NextContinuationToken")}

        return self.calls.run("list values", attempt, self.calls.deadline())

    def region(self) -> str | None:
        """Where the bucket is, if the endpoint says so. Raises :class:`NotFound`, :class:`StoreUnavailable`."""
        found = self.calls.run(
            "look for the bucket", lambda: self._client.head_bucket(Bucket=self._name), self.calls.deadline()
        )
        region: str | None = found.get("BucketRegion")
        return region

    def accepts_wrong_digest(self, key: str) -> bool:
        """Whether the endpoint stores a body that is not what its Content-MD5 says.

        Raises :class:`StoreUnavailable`."""
        wrong = base64.b64encode(_md5(b"another value")).decode()

        def attempt() -> bool:
            try:
                self._client.put_object(Bucket=self._name, Key=key, Body=b"value", ContentMD5=wrong)
            except ClientError as error:
                if fault_of(error) is Fault.BUSY:
                    raise
                return False
            return True

        return self.calls.run("try a value", attempt, self.calls.deadline())

    def _checked(self, answer: dict[str, Any], value: bytes) -> str:
        """The etag of an answer about ``value``, which must be its MD5 where the endpoint's are."""
        etag = _etag(answer)
        own_key = "aws:kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer
        if self._etags_are_md5 and not own_key and _MD5.fullmatch(etag) and etag != _md5(value).hex():
            raise Garbled("the etag is not that of the value")
        return etag


def _etag(answer: dict[str, Any]) -> str:
    # An answer to a get may be an error's XML although its status is 200; that has no etag.
    return str(_part(answer, "ETag")).strip('"')


def _part(answer: dict[str, Any], name: str) -> Any:
    if name not in answer:
        raise Garbled(f"the answer has no {name}")
    return answer[name]


def _listed(row: dict[str, Any]) -> Found:
    return Found(_part(row, "Key"), int(_part(row, "Size")), _etag(row))


def _md5(value: bytes) -> bytes:
    return hashlib.md5(value, usedforsecurity=False).digest()
