"""Errors as RFC 9457 `application/problem+json`, for every way a request can fail.

A problem says what was expected and where (a JSON pointer or the name of a parameter), never what came: a value may be
a person's. `type` is a stable URN, `trace_id` is also the answer's `X-Request-Id` and stands in the log line.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from tsbridge.acts.errors import Changed, Faulty, Invalid, NotAllowed, NotFound, Refused, TooMuch
from tsbridge.core.ports import Died
from tsbridge.core.unreadable import Unreadable
from tsbridge.store.availability import unusable
from tsbridge.store.views import DATABASE_FAILURES

log = logging.getLogger("tsbridge.web")

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
_UNREADABLE: Final = "Something that is kept cannot be read; tsbridge audit verify says what else."
_DIED: Final = "The process that worked on this did not come back: killed, too slow or too large. Nothing was changed."


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
    return respond(
        problem.status_code,
        problem_body(request, problem.status_code, problem.kind, str(problem.detail), problem.errors, **problem.more),
        problem.headers,
    )


def respond(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None) -> Response:
    return Response(json.dumps(body, ensure_ascii=False).encode(), status, headers, MEDIA_TYPE)


def install(app: Starlette) -> None:
    """Make every failure of `app` a problem: our own, the framework's, and what nobody foresaw."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Refused, _on_refused)
    for kind in DATABASE_FAILURES:
        app.add_exception_handler(kind, _on_database)
    app.add_exception_handler(Unreadable, _on_unreadable)
    app.add_exception_handler(Died, _on_death)
    app.add_exception_handler(Exception, _on_unforeseen)


async def _on_http(request: Request, exc: Exception) -> Response:
    if isinstance(exc, Problem):
        return answer(request, exc)
    failed = cast(HTTPException, exc)
    status = failed.status_code
    detail = _DETAILS.get(status, "The request could not be answered.")
    headers = _allowed(request) if status == 405 else failed.headers
    return respond(status, problem_body(request, status, _SLUGS.get(status, "error"), detail), headers)


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


async def _on_database(request: Request, exc: Exception) -> Response:
    if not unusable(exc):
        raise exc
    return respond(503, problem_body(request, 503, "unavailable", _DETAILS[503]), {"Retry-After": RETRY_AFTER_S})


async def _on_unreadable(request: Request, exc: Exception) -> Response:
    """Something kept was changed behind our back, or its key is missing: who runs this has to know where, and nothing else stops."""
    log.error("something kept cannot be read", extra={"where": str(exc)})
    return respond(500, problem_body(request, 500, "unreadable", f"{_UNREADABLE} {exc}."), None)


async def _on_death(request: Request, _: Exception) -> Response:
    return respond(503, problem_body(request, 503, "unavailable", _DIED), None)


async def _on_unforeseen(request: Request, exc: Exception) -> Response:
    # this answer is made outside all layers of the app, so it brings its headers itself
    headers = {**HARD_HEADERS, "X-Request-Id": trace_id(request)}
    return respond(500, problem_body(request, 500, "internal", _DETAILS[500]), headers)
