"""Work that people ask for and that takes its time: so much at once, so much that waits, and no more. The door has no part in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from starlette.responses import Response

from tsbridge.web.problems import Problem

T = TypeVar("T")
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

AT_ONCE: Final = 2
"""No more than half of the processors: the door has the others. Where each is at work for somebody's check, a delivery waits five times as
long as else."""
WAITING: Final = 10
"""Each may hold a body of a rulebook."""
COME_AGAIN_S: Final = "15"
MARK: Final = "tsbridge_asked_for"
THREADS: Final = ThreadPoolExecutor(AT_ONCE + 4, "tsbridge-asked")
"""Of the API alone, with room beside what is asked for."""


async def aside(work: Callable[..., T], *more: Any, **named: Any) -> T:
    """`work(*more, **named)` in a thread of the API's own."""
    return await asyncio.get_running_loop().run_in_executor(THREADS, partial(work, *more, **named))


class Mark(NamedTuple):
    """Of an endpoint that does such work. `large(services, body, cap)`: answers for a large body instead, or with None leaves it to it."""

    large: Callable[[Any, bytes, int], Awaitable[Response | None]] | None


def asked_for(large: Callable[[Any, bytes, int], Awaitable[Response | None]] | None = None) -> Callable[[Endpoint], Endpoint]:
    """Marks an endpoint: it is let in by the `Bench`."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, MARK, Mark(large))
        return endpoint

    return mark


def mark_of(endpoint: object) -> Mark | None:
    found: Mark | None = getattr(endpoint, MARK, None)
    return found


class Bench:
    """Where such requests wait for their turn."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, processors: int | None = os.cpu_count()) -> None:
        self._most = at_once + waiting
        self._there = 0
        self._turns = asyncio.Semaphore(max(1, min(at_once, (processors or 1) // 2)))

    @asynccontextmanager
    async def seat(self) -> AsyncIterator[None]:
        """Taken before the body is read. Raises 429 when there is none."""
        if self._there >= self._most:
            words = f"{self._there} requests of this kind are being worked on or wait; try again later."
            raise Problem(429, words, kind="busy", headers={"Retry-After": COME_AGAIN_S})
        self._there += 1
        try:
            yield
        finally:
            self._there -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turns:
            yield
