"""What callers may send: small strict types for query, path and body. Anything else is a 422 that says what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar, cast

from fastapi import Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, WithJsonSchema

from tsbridge.acts.errors import pointer
from tsbridge.core.times import TIME_WORDS, read_time
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.problems import ERRORS_SHOWN, INVALID, error, invalid, problem_body, respond

_NUMBER: Final = re.compile(r"-?\d{1,19}", re.ASCII)
# pydantic's words for a value of the wrong kind may quote what came; ours name only what was expected.
_EXPECTED: Final[Mapping[str, str]] = {
    "missing": "This is required.",
    "bool_type": "Expected true or false.",
    "bool_parsing": "Expected true or false.",
    "string_type": "Expected text.",
    "string_too_short": "Expected more characters than this (at least {min_length}).",
    "string_too_long": "Expected fewer characters than this (at most {max_length}).",
    "string_pattern_mismatch": "Expected text of another form (pattern {pattern}).",
    "int_type": "Expected a whole number.",
    "int_parsing": "Expected a whole number.",
    "int_parsing_size": "Expected a smaller whole number.",
    "int_from_float": "Expected a whole number.",
    "float_type": "Expected a number.",
    "greater_than_equal": "Expected {ge} or more.",
    "greater_than": "Expected more than {gt}.",
    "less_than_equal": "Expected {le} or less.",
    "less_than": "Expected less than {lt}.",
    "literal_error": "Expected one of {expected}.",
    "dict_type": "Expected an object.",
    "list_type": "Expected a list.",
    "model_type": "Expected an object.",
    "model_attributes_type": "Expected an object.",
    "too_long": "Expected at most {max_length} entries.",
    "too_short": "Expected at least {min_length} entries.",
    "extra_forbidden": "There is a field here that is not known.",
}

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


async def on_invalid(request: Request, exc: Exception) -> Response:
    """FastAPI found something else than what is expected."""
    found = dict.fromkeys(tuple(_one(item).items()) for item in cast(RequestValidationError, exc).errors()[:ERRORS_SHOWN])
    errors = [dict(one) for one in found]
    return respond(422, problem_body(request, 422, "invalid", INVALID, errors), None)


def _one(item: Mapping[str, Any]) -> dict[str, str]:
    """A pydantic error as one of ours. An unknown field is told at the object it stands in: its name came from outside."""
    code = str(item["type"])
    where, *steps = item["loc"]
    if code == "extra_forbidden":
        steps = steps[:-1]
    template = _EXPECTED.get(code)
    if template is not None:
        detail = template.format_map(_Context(item.get("ctx") or {}))
    elif code == "value_error":
        # raised by our own validators, whose words never quote the value
        detail = str(item["msg"]).removeprefix("Value error, ")
    else:
        detail = "Expected another kind of value."
    where = str(where)
    return error(where, f"#{pointer(*steps)}" if where == "body" else str(steps[0] if steps else ""), detail, code)


class _Context(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"
