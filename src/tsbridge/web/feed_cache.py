"""Feeds of duties as they are served, written once for a day and a state of the roster, whoever and however many ask."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tsbridge.core.feedlink import FeedLink
from tsbridge.core.rota import Duty, Rota
from tsbridge.roster import feed_out
from tsbridge.web.admission import aside

BEHIND: Final = timedelta(days=35)
AHEAD: Final = timedelta(days=400)
KEPT: Final = 64
"""Feeds that are not written again while nothing changes."""


class Feed(NamedTuple):
    """A feed as it is served."""

    content: bytes
    etag: str


class Written:
    """Feeds of one day and one state of the roster, each written once. One is written at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._of: tuple[Rota, datetime] | None = None
        self._duties: dict[str, list[Duty]] | None = None
        self._feeds: OrderedDict[FeedLink, Feed] = OrderedDict()

    async def get(self, link: FeedLink, rota: Rota, now: datetime, last_learnt: Callable[[], Awaitable[datetime | None]]) -> Feed:
        """The feed of somebody whom `rota` has. `last_learnt`: when anything about the roster became known last."""
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._lock:
            if self._of != (rota, today):
                self._of, self._duties = (rota, today), None
                self._feeds.clear()
            found = self._feeds.get(link)
            if found is None:
                as_of = await last_learnt()
                found = self._feeds[link] = await aside(self._write, link, rota, today, as_of or today)
                if len(self._feeds) > KEPT:
                    self._feeds.popitem(last=False)
            return found

    def _write(self, link: FeedLink, rota: Rota, today: datetime, as_of: datetime) -> Feed:
        start, end = today - BEHIND, today + AHEAD
        if link.kind == "queue":
            content = feed_out.feed(f"{link.key}: on call and at work", feed_out.of_queue(rota, link.key, start, end), as_of)
        else:
            if self._duties is None:
                self._duties = defaultdict(list)
                for duty in rota.duties(start, end):
                    self._duties[duty.agent].append(duty)
            entries = feed_out.of_agent(self._duties.get(link.key, ()))
            content = feed_out.feed(f"{rota.agents[link.key].name}: duties", entries, as_of)
        return Feed(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
