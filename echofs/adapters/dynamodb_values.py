"""Plain Python values in DynamoDB's notation, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Item = dict[str, Any]
"""An item in plain Python values: text, whole numbers, bytes, lists and dictionaries."""


class _PlainDeserializer(TypeDeserializer):  # type: ignore[misc]  # boto3 ships no types
    """Whole numbers instead of decimals, and bytes instead of a wrapper."""

    def _deserialize_n(self, value: str) -> int:
        return int(value)

    def _deserialize_b(self, value: bytes) -> bytes:
        return value


_serializer, _deserializer = TypeSerializer(), _PlainDeserializer()


def packed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values in DynamoDB's notation."""
    return {name: _serializer.serialize(value) for name, value in values.items()}


def plain(item: Mapping[str, Any]) -> Item:
    """The inverse of :func:`packed`."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}
