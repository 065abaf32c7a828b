"""How what acts return looks as JSON: what everybody who shows it, but the API, which does the same by itself, asks for."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

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


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
