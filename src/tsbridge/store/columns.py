"""The types of columns: instants, JSON, packed JSON; and what holds all tables.

Times are `Instant`: microseconds since 1970 UTC in a BIGINT, so that both databases compare and return them alike.
JSON columns hold canonical JSON text (`Json`), never the only home of something that is filtered by.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import from_json
from sqlalchemy import (
    BigInteger,
    Dialect,
    Integer,
    MetaData,
    Text,
    TypeDecorator,
)

from tsbridge.core.moments import canonical_text
from tsbridge.store.packing import packed, unpacked

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(value: datetime) -> int:
    """What is stored of an aware datetime: whole microseconds since 1970 UTC. A naive one is refused."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime came to the database; expected an aware one")
    return (value - EPOCH) // MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware datetime kept as whole microseconds since 1970 UTC. A naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class Json(TypeDecorator[Any]):
    """A JSON value in its canonical text: the same bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(value)


class Packed(Json):
    """A JSON value in its canonical text, packed (`store.packing`): for what is kept with every delivery and never searched."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else packed(canonical_text(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else from_json(unpacked(value))


class PackedText(TypeDecorator[str]):
    """A text that is kept packed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else unpacked(value)


# BIGINT keys that count up by themselves; SQLite only does that for INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()
