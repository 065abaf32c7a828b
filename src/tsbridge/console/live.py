"""Pages that stay fresh: a stream that says whenever what a page shows is another than it was. The page then asks for itself."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from tsbridge.acts import cases, now, sessions
from tsbridge.acts.errors import NotFound
from tsbridge.acts.now import Now
from tsbridge.console.frame import HEADERS, NoPage, Visit
from tsbridge.console.made import Console

LOOK_EVERY: Final = timedelta(seconds=2)
ASK_WHO_EVERY: Final = 15
"""Looks, between two of which somebody may have lost their key."""
MOST_LOOKS: Final = 450
"""A quarter of an hour; browsers come back by themselves."""
MOST_STREAMS: Final = 200
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Live:
    """All streams of this process: what several people look at is looked up once."""

    def __init__(self, console: Console, sleep: Callable[[float], Awaitable[Any]]) -> None:
        self._console = console
        self._sleep = sleep
        self._looking: Counter[str] = Counter()
        self._found: dict[str, tuple[datetime, str]] = {}

    async def stream(self, visit: Visit) -> Response:
        """Events with the mark of what is shown, how many others look at it, and the time."""
        of = visit.word("of") or "now"
        if self._looking.total() >= MOST_STREAMS:
            raise NoPage(503, "Too many pages stay fresh already; this one does when it is loaded again.")
        await self._mark(of)
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(of, visit), headers=headers, media_type="text/event-stream")

    async def _events(self, of: str, visit: Visit) -> AsyncIterator[bytes]:
        self._looking[of] += 1
        try:
            for look in range(MOST_LOOKS):
                if look and look % ASK_WHO_EVERY == 0 and not await self._still(visit):
                    return
                at = self._console.clock.now()
                told = {"mark": await self._mark(of), "others": self._looking[of] - 1, "at": at.isoformat()}
                yield b"data: " + json.dumps(told).encode() + b"\n\n"
                await self._sleep(LOOK_EVERY.total_seconds())
                if self._console.ending():
                    return
        finally:
            self._looking[of] -= 1
            if not self._looking[of]:
                del self._looking[of]
                self._found.pop(of, None)

    async def _still(self, visit: Visit) -> bool:
        token, console, at = visit.signed.token, self._console, self._console.clock.now()
        return await console.database.read(lambda conn: sessions.signed_in(conn, token, console.marks, at, console.idle)) is not None

    async def _mark(self, of: str) -> str:
        """What tells one state of a page from another. Raises `NoPage` for a page that does not stay fresh."""
        console, at = self._console, self._console.clock.now()
        known = self._found.get(of)
        if known is not None and at - known[0] < LOOK_EVERY / 2:
            return known[1]
        kind, _, name = of.partition(":")
        if kind == "now":
            mark = mark_of(
                await console.database.read(lambda conn: now.look(conn, console.roster, console.writeback, at, console.restricted))
            )
        elif kind == "case":
            try:
                case = await console.database.read(lambda conn: cases.show(conn, name))
            except NotFound:
                raise NoPage(404, "There is no such case.") from None
            mark = str(case.revision)
        else:
            raise NoPage(404, "There is nothing of that name that stays fresh.")
        self._found[of] = (at, mark)
        return mark


def mark_of(look: Now) -> str:
    """The same as long as it says the same, whenever it was made."""
    return hashlib.sha256(repr(replace(look, at=_NEVER)).encode()).hexdigest()[:16]
