"""One kind of route for the whole API: role first, then strict inputs, then the work.

FastAPI reads a body before it asks its dependencies, drops unknown query parameters and takes the last of repeated ones.
Here a stranger's body is never read, and what is not known is refused: a mistyped filter must not export everything.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.web.admission import Mark, aside, mark_of
from tsbridge.web.problems import Problem, invalid
from tsbridge.web.queries import check_query
from tsbridge.web.roles import Needs
from tsbridge.web.services import Services

KIB: Final = 1024
BODY_CAP: Final = 256 * KIB
DOCUMENT_CAP: Final = 8 * KIB * KIB
"""As large as a rulebook may be as a file."""
QUICK: Final = 64 * KIB
"""Larger bodies are read in a thread: reading a megabyte would hold up everybody else."""


def services_of(request: Request) -> Any:
    return request.app.state.services


Made = Annotated[Services, Depends(services_of)]
"""The made things of a route."""


class StrictRequest(Request):
    """A request whose body is read once, up to a cap, by the same strict reader as everything else."""

    body_cap: int = BODY_CAP

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            too_large = Problem(413, f"The body is larger than {self.body_cap} bytes.", headers={"Connection": "close"})
            length = self.headers.get("content-length", "")
            if length.isascii() and length.isdigit() and int(length[:19]) > self.body_cap:
                raise too_large
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > self.body_cap:
                    raise too_large
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                raw = await self.body()
                read = functools.partial(strict_json.read, raw, self.body_cap)
                self._json = read() if len(raw) <= QUICK else await aside(read)
            except Malformed as refused:
                raise invalid("body", "#", "Expected strict JSON.", code=refused.code) from None
        return self._json


class ApiRoute(APIRoute):
    """See the module. `role` is the lowest that may, None for an open route."""

    body_cap: int = BODY_CAP

    @property
    def role(self) -> str | None:
        roles = [found.call.role for found in walk(self.dependant) if isinstance(found.call, Needs)]
        return roles[0] if roles else None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = frozenset(field.alias for found in walk(self.dependant) for field in found.query_params)
        role, takes_body, cap, mark = self.role, self.body_field is not None, self.body_cap, mark_of(self.endpoint)

        async def strict(request: Request) -> Response:
            if role is not None:
                request.state.caller = await request.app.state.services.gate.admit(request, role)
            check_query(request, known)
            if takes_body:
                _check_body_type(request)
            asked = StrictRequest(request.scope, request.receive)
            asked.body_cap = cap
            return await (handle(asked) if mark is None else in_turn(asked, mark))

        async def in_turn(asked: StrictRequest, mark: Mark) -> Response:
            services = asked.app.state.services
            async with services.bench.seat():
                body = await asked.body() if takes_body else b""  # before its turn: a sender must not wait for it with half of a body
                async with services.bench.turn():
                    if mark.large is not None and len(body) > QUICK and (answer := await mark.large(services, body, cap)) is not None:
                        return answer
                    return await handle(asked)

        return strict


class DocumentRoute(ApiRoute):
    """A route that takes whole rulebooks."""

    body_cap = DOCUMENT_CAP


def walk(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from walk(inner)


def _check_body_type(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Problem(415, "Compressed bodies are not taken; send it as it is.")
    if request.headers.get("content-length", "") == "0":
        return
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        raise Problem(415, "Expected a body of type application/json.", headers={"Accept": "application/json"})
