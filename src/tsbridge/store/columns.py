"""The types of columns: instants, JSON, packed JSON, what is personal; and what holds all tables.

Times are `Instant`: microseconds since 1970 UTC in a BIGINT, so that both databases compare and return them alike.
JSON columns hold canonical JSON text (`Json`), never the only home of something that is filtered by.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydantic_core import from_json
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from tsbridge.core.moments import canonical_text
from tsbridge.core.unreadable import Unreadable
from tsbridge.store.packing import packed, unpacked
from tsbridge.store.vault import Vault, of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(value: datetime) -> int:
    """What is stored of an aware datetime: whole microseconds since 1970 UTC. A naive one is refused."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime came to the database; expected an aware one")
    return (value - EPOCH) // MICROSECOND


def json_of(text: str, place: str = "a column of JSON") -> Any:
    """The value of a JSON text that is kept there. Raises Unreadable."""
    try:
        return from_json(text)
    except (ValueError, TypeError):
        raise Unreadable(f"{place}: expected JSON, came something else") from None


def unpacked_json(kept: str) -> Any:
    """As `json_of`, of what is kept packed."""
    try:
        text = unpacked(kept)
    except ValueError:
        raise Unreadable("a column of packed JSON: expected what was kept packed, came something else") from None
    return json_of(text)


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
        return None if value is None else json_of(value)


class Packed(Json):
    """A JSON value in its canonical text, packed (`store.packing`): for what is kept with every delivery and never searched."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else packed(canonical_text(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else unpacked_json(value)


class PackedText(TypeDecorator[str]):
    """A text that is kept packed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else unpacked(value)


class Vaulted(TypeDecorator[Any]):
    """What a vault keeps (`store.vault`)."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    @abstractmethod
    def keeper(self, vault: Vault) -> Callable[[Any], Any]:
        """Makes what is kept; of JSON out of its canonical text."""

    @abstractmethod
    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        """Makes the value of what is kept; raises Unreadable where that cannot be read."""

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.keeper(of(dialect))(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.reader(of(dialect))(value)


class Identity(Vaulted):
    """By what somebody is known: addresses and numbers are encrypted, and equal ones stay equal, in all columns of this type."""

    cache_ok = True

    def keeper(self, vault: Vault) -> Callable[[Any], Any]:
        return vault.keep_identity

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return vault.read_identity


class Private(Vaulted):
    """What somebody wrote, or something else that is personal, encrypted. `place`: its table and column.

    Nothing in it is searched, and equal values are not found by SQL: they may stand under several keys.
    """

    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def keeper(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.keep_text, self.place)

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.read_text, self.place)


class PrivateBytes(Private):
    """Bytes; none stay none."""

    impl = LargeBinary
    cache_ok = True

    def keeper(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.keep_bytes, self.place)

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.read_bytes, self.place)


class PrivateJson(Private):
    """A JSON value, packed before it is encrypted."""

    cache_ok = True

    def keeper(self, vault: Vault) -> Callable[[Any], Any]:
        return partial(vault.keep_json, self.place)

    def reader(self, vault: Vault) -> Callable[[Any], Any]:
        return lambda kept: json_of(vault.read_json(self.place, kept), self.place)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self.keeper(of(dialect))(canonical_text(value))


# BIGINT keys that count up by themselves; SQLite only does that for INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")


def one_of(column: str, *values: str, name: str) -> CheckConstraint:
    """Compared one by one: of a list SQLite would make a table for each row that it checks."""
    return CheckConstraint(" OR ".join(f"{column} = '{value}'" for value in values), name=name)


metadata = MetaData()
