"""ETags: nobody overwrites what they have not seen."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import Header

from tsbridge.core.moments import canonical
from tsbridge.web.problems import Problem, invalid

_TAGS: Final = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e]*"\s*)*', re.ASCII)
_ONE: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"', re.ASCII)


IfMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of what is being replaced.")]


def tag(version: int | str) -> str:
    return f'"v{version}"'


def content_tag(value: Any) -> str:
    """The ETag of a part of a document: it follows from what stands there, so editors of different parts do not meet."""
    return f'"r{hashlib.sha256(canonical(value)).hexdigest()[:20]}"'


def need_match(if_match: str | None, *current: str) -> None:
    """Raises 428 without `If-Match`, 422 for a broken one, 412 when none of `current` (if any) is among those named."""
    if if_match is None:
        raise Problem(428, "This needs the header If-Match with the ETag of what is being replaced; read it first.")
    if if_match.strip() == "*":
        return
    if not _TAGS.fullmatch(if_match):
        raise invalid("header", "If-Match", "Expected an ETag in double quotes.", code="etag")
    # a weak tag never matches: it does not promise the same bytes
    if current and not set(current) & set(_ONE.findall(if_match)):
        raise Problem(412, "This was changed meanwhile; read it again.", headers={"ETag": current[0]})


def none_match(if_none_match: str | None, current: str) -> bool:
    """Whether the caller has `current` already, as `If-None-Match` says. A weak tag will do: what it stands for is the same."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or current in {one.removeprefix("W/") for one in _ONE.findall(if_none_match[:4_000])}
