"""How what acts return is made of rows, and how it looks as JSON: the API writes it by itself, everybody else asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter

T = TypeVar("T")
From = Annotated[datetime, Field(alias="from")]
To = Annotated[datetime, Field(alias="to")]
Place = Annotated[int, Field(exclude=True, default=0)]
"""Where something stands in its list. Not shown; 0 where it is read back."""


def as_json(found: Any) -> Any:
    """What an act found, one or several, as the API answers with it."""
    if isinstance(found, list | tuple):
        return [as_json(one) for one in found]
    kind: Any = type(found)
    return _adapter(kind).dump_python(found, mode="json", by_alias=True)


def of_row(kind: type[T], row: Mapping[Any, Any], /, **other: Any) -> T:
    """A `kind` of what a row's columns say that are called as its fields are, and of `other`."""
    named: Any = kind
    return kind(**{one.name: row[one.name] for one in fields(named) if one.name not in other}, **other)


def like(kind: type[T], one: Any, /, **other: Any) -> T:
    """A `kind` of what stands in `one` under the names of its fields, and of `other`."""
    named: Any = kind
    return kind(**{part.name: getattr(one, part.name) for part in fields(named) if part.name not in other}, **other)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
