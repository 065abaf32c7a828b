"""Columns as the proof reads them: what somebody made unreadable is told where it is, and stops nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Dialect, Label, Table, Text, TypeDecorator, type_coerce

from tsbridge.store.columns import Json, Private
from tsbridge.store.packing import unpacked


def text_of(kept: str) -> str:
    """A text, packed or not; nothing where it cannot be read."""
    try:
        return unpacked(kept)
    except (ValueError, AttributeError):  # AttributeError: it is no text
        return ""


class Tolerant(TypeDecorator[Any]):
    """A value of a column of this kind; None where it cannot be read."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Json | Private) -> None:
        super().__init__()
        self.kind = kind

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        try:
            return self.kind.process_result_value(value, dialect)
        except ValueError:
            return None


def column(one: Column[Any]) -> Column[Any] | Label[Any]:
    return type_coerce(one, Tolerant(one.type)).label(one.name) if isinstance(one.type, Json | Private) else one


def columns(table: Table) -> list[Column[Any] | Label[Any]]:
    """All columns of a table."""
    return [column(one) for one in table.columns]
