"""Errors as RFC 9457 `application/problem+json`, for every way a request can fail.

A problem says what was expected and where (a JSON pointer or the name of a parameter), never what came: a value may be
a person's. `type` is a stable URN, `trace_id` is also the answer's `X-Request-Id` and stands in the log line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match, Route

from tsbridge.acts.errors import Changed, Faulty, Invalid, NotAllowed, NotFound, Refused, TooMuch, pointer
from tsbridge.core.ports import Died
from tsbridge.store.db import unavailable
from tsbridge.store.views import DATABASE_FAILURES

TYPE: Final = "urn:tsbridge:problem:"
MEDIA_TYPE: Final = "application/problem+json"
ERRORS_SHOWN: Final = 100
RETRY_AFTER_S: Final = "30"
INVALID: Final = "The request is not valid."

HARD_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer, unless the answer says otherwise itself."""

_SLUGS: Final[Mapping[int, str]] = {
    400: "bad-request",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    409: "conflict",
    412: "changed-meanwhile",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    428: "if-match-required",
    429: "too-many-failures",
    500: "internal",
    503: "unavailable",
}
_DETAILS: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "This address does not answer to this method; see the header Allow.",
    503: "The database cannot be used just now; try again later.",
    500: "Something went wrong on our side. The log has more under this trace_id.",
}
_DIED: Final = "The process that worked on this did not come back: killed, too slow or too large. Nothing was changed."
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


class Problem(HTTPException):
    """An answer other than success. `more` are further members of the problem (`findings`, `failed_tests`, …)."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind or _SLUGS.get(status, "error")
        self.errors = list(errors)
        self.more = more


def not_found(what: str) -> Problem:
    """404 for an object, e.g. `not_found("case")`."""
    return Problem(404, f"There is no such {what}.")


def busy(full: Exception) -> Problem:
    """429: as much of a kind waits as may."""
    return Problem(429, str(full), kind="busy", headers={"Retry-After": RETRY_AFTER_S})


def invalid(where: str, name: str, detail: str, *, code: str = "invalid") -> Problem:
    """422 about one input. `where` is `body` (then `name` is a JSON pointer), `query`, `path` or `header`."""
    return Problem(422, INVALID, errors=[error(where, name, detail, code)])


def error(where: str, name: str, detail: str, code: str) -> dict[str, str]:
    """One entry of a problem's `errors`."""
    place = {"pointer": name} if where == "body" else {"parameter": name}
    return {"in": where, **place, "code": code, "detail": detail}


def problem_body(request: Request, status: int, kind: str, detail: str, errors: Sequence[Any] = (), **more: Any) -> dict[str, Any]:
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    body: dict[str, Any] = {"type": TYPE + kind, "title": title, "status": status, "detail": detail, "trace_id": trace_id(request)}
    if errors:
        body["errors"] = list(errors)[:ERRORS_SHOWN]
    return body | more


def trace_id(request: Request) -> str:
    """The request's own id, given to it by the outermost layer of the app."""
    return str(request.scope.get("state", {}).get("trace_id", ""))


def answer(request: Request, problem: Problem) -> Response:
    return _respond(
        problem.status_code,
        problem_body(request, problem.status_code, problem.kind, str(problem.detail), problem.errors, **problem.more),
        problem.headers,
    )


def _respond(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every failure of `app` a problem: our own, the framework's, validation, and what nobody foresaw."""
    app.add_exception_handler(StarletteHTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Refused, _on_refused)
    for kind in DATABASE_FAILURES:
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(Died, _on_death)
    app.add_exception_handler(Exception, _on_unforeseen)


async def _on_http(request: Request, exc: Exception) -> Response:
    if isinstance(exc, Problem):
        return answer(request, exc)
    failed = cast(StarletteHTTPException, exc)
    status = failed.status_code
    detail = _DETAILS.get(status, "The request could not be answered.")
    headers = _allowed(request) if status == 405 else failed.headers
    return _respond(status, problem_body(request, status, _SLUGS.get(status, "error"), detail), headers)


def _allowed(request: Request) -> dict[str, str]:
    """All methods of an address: the framework names only those of the first route that has it."""
    there = [route for route in request.app.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
    return {"Allow": ", ".join(sorted({method for route in there for method in route.methods or ()}))}


async def _on_refused(request: Request, exc: Exception) -> Response:
    return answer(request, problem_of(cast(Refused, exc)))


def refuses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what it may answer with beside what every route may."""
    return {status: {} for status in statuses}


def problem_of(refused: Refused) -> Problem:
    """How this API says what an act refuses."""
    words = str(refused)
    match refused:
        case NotFound():
            return Problem(404, words)
        case NotAllowed():
            return Problem(403, words)
        case TooMuch():
            return Problem(429, words, kind="busy", headers={"Retry-After": RETRY_AFTER_S})
        case Invalid():
            return Problem(422, INVALID, errors=[error("body", f"#{name}", said, refused.code) for name, said in refused.wrong.items()])
        case Faulty():
            return Problem(422, words, kind=refused.kind, **refused.more)
        case Changed():
            return Problem(412, words, kind=refused.kind, headers={"ETag": refused.now[0]} if refused.now else None, **refused.more)
    return Problem(409, words)


async def _on_invalid(request: Request, exc: Exception) -> Response:
    found = dict.fromkeys(tuple(_one(item).items()) for item in cast(RequestValidationError, exc).errors()[:ERRORS_SHOWN])
    errors = [dict(one) for one in found]
    return _respond(422, problem_body(request, 422, "invalid", INVALID, errors), None)


async def _on_database(request: Request, exc: Exception) -> Response:
    if not unavailable(exc):
        raise exc
    return _respond(503, problem_body(request, 503, "unavailable", _DETAILS[503]), {"Retry-After": RETRY_AFTER_S})


async def _on_death(request: Request, _: Exception) -> Response:
    return _respond(503, problem_body(request, 503, "unavailable", _DIED), None)


async def _on_unforeseen(request: Request, exc: Exception) -> Response:
    # this answer is made outside all layers of the app, so it brings its headers itself
    headers = {**HARD_HEADERS, "X-Request-Id": trace_id(request)}
    return _respond(500, problem_body(request, 500, "internal", _DETAILS[500]), headers)


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
