"""Columns as the proof reads them: what somebody made unreadable is told where it is, and stops nothing."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from sqlalchemy import Column, Dialect, Label, Table, Text, TypeDecorator, type_coerce

from tsbridge.store.columns import Json
from tsbridge.store.packing import unpacked


class TolerantText(TypeDecorator[str]):
    """A text, packed or not; nothing where it cannot be read."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        try:
            return None if value is None else unpacked(value)
        except ValueError:
            return ""


class TolerantJson(TypeDecorator[Any]):
    """A JSON value, packed or not; None where it cannot be read."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        try:
            return None if value is None else from_json(unpacked(value))
        except ValueError:
            return None


def columns(table: Table) -> list[Column[Any] | Label[Any]]:
    """All columns of a table."""
    return [type_coerce(one, TolerantJson).label(one.name) if isinstance(one.type, Json) else one for one in table.columns]
