"""The console stands at its address from the beginning and is made when the first page is asked for: most processes never show one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

PATH: Final = "/console"


class Later:
    """An application that `make` makes at the first request, in a thread; it is given what tells whether this process is about to end."""

    def __init__(self, make: Callable[[Callable[[], bool]], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._ending = False

    @property
    def routes(self) -> tuple[BaseRoute, ...]:
        return (Route(PATH, _home, methods=["GET"]), Mount(PATH, self))

    def end(self) -> None:
        """Whoever follows a page is let go: a stream has no end of its own."""
        self._ending = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            self._made = await asyncio.to_thread(self._make, lambda: self._ending)
        await self._made(scope, receive, send)


async def _home(request: Request) -> Response:
    return RedirectResponse(PATH + "/now", 303)
