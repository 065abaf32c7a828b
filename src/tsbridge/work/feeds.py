"""Looks at the roster's iCalendar feeds again and again: time off, and rotas that are kept elsewhere.

A feed that cannot be had or read keeps what was read last, and raises an alarm: half a rota, or none, is worse than yesterday's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection

from tsbridge.core.errors import VendorError
from tsbridge.core.feed_spans import Spans
from tsbridge.core.ports import Clock, Died
from tsbridge.core.roster import Feed, Roster
from tsbridge.store import feeds, stored_values
from tsbridge.store.db import Database
from tsbridge.work.trouble import Alarm

EVERY: Final = timedelta(minutes=15)
BEHIND: Final = timedelta(days=35)
AHEAD: Final = timedelta(days=400)
"""What of a feed is read."""
TURN: Final = "feeds_turn"
LONGEST: Final = timedelta(minutes=2)
"""A look at one feed, with reading it."""
TOO_MUCH: Final = "reading it took too long or too much"


class Fetched(NamedTuple):
    """What the other side handed out. `content`: None where it says that nothing has changed since `etag`."""

    content: bytes | None
    etag: str | None


class Read(NamedTuple):
    """What a feed says, and what in it was not taken as it is written."""

    spans: Spans
    warnings: tuple[str, ...]


class Fetches(Protocol):
    """Fetches a feed; `etag`: the mark of what was read last. Raises VendorError or OSError."""

    async def __call__(self, feed: Feed, etag: str | None) -> Fetched: ...


class ReadsApart(Protocol):
    """Reads a feed in a process of its own. Raises ValueError with what is wrong and in which line, or Died."""

    async def __call__(
        self, content: bytes, since: datetime, until: datetime, zone: tzinfo, means: str, people: Mapping[str, str]
    ) -> Read: ...


class Feeds:
    """One look at each feed in a quarter of an hour, of all processes together."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        live: Callable[[Connection], Roster | None],
        fetch: Fetches,
        read: ReadsApart,
        alarm: Alarm,
        worker: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._live = live
        self._fetch = fetch
        self._read = read
        self._alarm = alarm
        self._worker = worker

    async def round(self) -> datetime | bool:
        """Look at the feed that was looked at longest ago, when it is time to; returns when to come again."""
        now = self._clock.now()
        roster, due_at, feed, etag = await self._database.read(self._next)
        if roster is None or feed is None:
            return now + EVERY
        if due_at > now:
            return due_at
        if not await self._database.write(lambda conn: stored_values.take_turn(conn, TURN, self._worker, now, LONGEST)):
            return now + LONGEST
        await self._look(roster, feed, etag)
        return True

    def _next(self, conn: Connection) -> tuple[Roster | None, datetime, Feed | None, str | None]:
        roster = self._live(conn)
        if roster is None or not roster.feeds:
            return None, self._clock.now(), None, None
        looks = feeds.looks(conn)
        now, never = self._clock.now(), datetime.min.replace(tzinfo=UTC)
        looked = {key: look.looked_at for key, look in looks.items() if look.looked_at <= now}  # else the clock was ahead
        due = {feed.key: looked[feed.key] + EVERY if feed.key in looked else never for feed in roster.feeds}
        feed = min(roster.feeds, key=lambda one: (due[one.key], one.key))
        return roster, due[feed.key], feed, looks[feed.key].etag if feed.key in looks else None

    async def _look(self, roster: Roster, feed: Feed, etag: str | None) -> None:
        now = self._clock.now()
        try:
            fetched = await self._fetch(feed, etag)
            if fetched.content is None:
                await self._database.write(lambda conn: feeds.still_as_read(conn, feed.key, now))
                return
            said = await self._read(fetched.content, now - BEHIND, now + AHEAD, _zone(roster, feed), feed.means, names(roster))
        except VendorError as failure:
            await self._failed(feed, failure.reason)
        except OSError:
            await self._failed(feed, "the file with its address cannot be read")
        except Died:
            await self._failed(feed, TOO_MUCH)
        except ValueError as wrong:
            await self._failed(feed, str(wrong))
        else:
            keeps = partial(
                feeds.read_well, key=feed.key, spans=said.spans, until=now + AHEAD, now=now, warnings=said.warnings, etag=fetched.etag
            )
            await self._database.write(lambda conn: keeps(conn))

    async def _failed(self, feed: Feed, why: str) -> None:
        now = self._clock.now()
        if await self._database.write(lambda conn: feeds.failed(conn, feed.key, why, now)):
            self._alarm("feed_unread", feed=feed.key, reason=why)


def names(roster: Roster) -> dict[str, str]:
    """What a feed may call people, in small letters, to their keys; a name that two have is nobody's."""
    found: dict[str, set[str]] = {}
    for agent in roster.agents:
        for name in (agent.key, agent.name, agent.email):
            if name:
                found.setdefault(" ".join(name.split()).casefold(), set()).add(agent.key)
    return {name: min(keys) for name, keys in found.items() if len(keys) == 1}


def _zone(roster: Roster, feed: Feed) -> tzinfo:
    return next((agent.zone for agent in roster.agents if agent.key == feed.agent), roster.zone)
