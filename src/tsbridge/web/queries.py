"""What stands behind the question mark of an address: only what is known there, each once."""

from __future__ import annotations

from collections.abc import Set

from starlette.requests import Request

from tsbridge.web.problems import INVALID, Problem, error, invalid


def check_query(request: Request, known: Set[str]) -> None:
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            words = f"There is a parameter here that is not known; known are: {', '.join(sorted(known)) or 'none'}."
            raise Problem(422, INVALID, errors=[error("query", "", words, "unknown_parameter")])
        if name in seen:
            raise invalid("query", name, "This parameter may stand here once.", code="repeated_parameter")
        if "\x00" in value or "\ufffd" in value:
            raise invalid("query", name, "Expected text in UTF-8 without NUL.", code="text")
        seen.add(name)
