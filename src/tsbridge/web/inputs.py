"""What callers may send: small strict types for query, path and body. Anything else is a 422 that says what was expected."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, WithJsonSchema

from tsbridge.core.times import TIME_WORDS, read_time
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.problems import invalid

_NUMBER: Final = re.compile(r"-?\d{1,19}", re.ASCII)

Id = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_.:~-]+$")]
"""An id in a path. Nothing we make needs more than these characters."""

Word = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A filter value in a query."""


def whole_number(where: str, name: str, text: str, lowest: int, highest: int) -> int:
    """A plain decimal number within bounds; no sign games, no other digits than ASCII, no unbounded length."""
    if not _NUMBER.fullmatch(text) or not lowest <= int(text) <= highest:
        raise invalid(where, name, f"Expected a whole number from {lowest} to {highest}.", code="whole_number")
    return int(text)


def version_number(where: str, name: str, text: str) -> int:
    """The number of a published version."""
    return whole_number(where, name, text, 1, BIGGEST_VERSION)


def query_time(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return read_time(text)
    except ValueError as problem:
        raise invalid("query", name, str(problem), code="time") from None


def _body_time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError(TIME_WORDS)
    return read_time(value)


Time = Annotated[datetime, BeforeValidator(_body_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time in a body."""

TimeQuery = Annotated[str | None, Query(max_length=40, json_schema_extra={"format": "date-time"})]
NumberQuery = Annotated[str | None, Query(max_length=20, json_schema_extra={"type": "integer"})]

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\ufffd]+$")]
"""One line of text in a body. U+FFFD is what the reader makes of an escaped NUL."""

Prose = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]


class Body(BaseModel):
    """A JSON body: no unknown fields, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


Part = TypeVar("Part", bound=Body)


def read_body(kind: type[Part], body: Any) -> Part:
    """A body, or a part of one, read where it is known what it shall be. Raises the 422 that it would have been at the door."""
    try:
        return kind.model_validate(body)
    except ValidationError as refused:
        raise RequestValidationError([{**error, "loc": ("body", *error["loc"])} for error in refused.errors()]) from None
