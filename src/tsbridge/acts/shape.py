"""How what acts return looks as JSON: what everybody who shows it, but the API, which does the same by itself, asks for."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

From = Annotated[datetime, Field(alias="from")]
To = Annotated[datetime, Field(alias="to")]


def as_json(item: Any) -> Any:
    """A result of an act, as the API answers with it."""
    kind: Any = type(item)
    return _adapter(kind).dump_python(item, mode="json", by_alias=True)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
