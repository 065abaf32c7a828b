"""Where the roster's iCalendar feeds come from: fetched by HTTP, read in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from tsbridge.child_process import Limits, in_child
from tsbridge.core.errors import GiveUp, TryLater
from tsbridge.core.roster import Feed, Way
from tsbridge.http import Http, retry_after
from tsbridge.notify.ways import Address, Secrets
from tsbridge.roster import ical_in
from tsbridge.work.feeds import Fetched, Read

READING: Final = Limits(seconds=20.0, computing_s=10, memory=1 << 30)
"""Ten times what the largest feed takes that is not made to take long."""


class Source:
    """Fetches feeds. `http(origin)` makes a client, closed after one feed; `read_file` reads the file that holds an address."""

    def __init__(self, http: Callable[[str], Http], read_file: Callable[[Path], str]) -> None:
        self._http = http
        self._read_file = read_file

    async def __call__(self, feed: Feed, etag: str | None) -> Fetched:
        """Raises GiveUp or TryLater, which say nothing of the address: whoever knows it may read the feed."""
        address = address_of(feed, self._read_file)
        client = self._http(address.origin)
        try:
            marks = {"If-None-Match": etag} if etag else {}
            answer = await client.call("GET", address.path, headers={"Accept": "text/calendar", **marks})
        finally:
            await client.close()
        if answer.status == 304 and etag:
            return Fetched(None, etag)
        if answer.status == 429 or answer.status >= 500:
            raise TryLater(f"the other side answered {answer.status}", retry_after(answer.headers.get("retry-after"), answer.date()))
        if answer.status != 200:
            raise GiveUp(f"the other side answered {answer.status}")
        return Fetched(answer.body or answer.text.encode(), answer.headers.get("etag"))


def address_of(feed: Feed, read_file: Callable[[Path], str]) -> Address:
    """Where a feed is: calendars say `webcal` for https. Raises GiveUp for what is no https address."""
    text = Secrets(Way(feed.key, "feed", feed.url, feed.url_file), read_file).url()
    plain = f"https{text.removeprefix('webcal')}" if text.startswith("webcal:") else text
    return Secrets(Way(feed.key, "feed", plain), read_file).address()


async def read_in_child(content: bytes, since: datetime, until: datetime, zone: tzinfo, means: str, people: Mapping[str, str]) -> Read:
    """`roster.ical_in.read` in a process of its own: what it costs is for whoever wrote the feed to say."""
    return Read(*await asyncio.to_thread(in_child, _read, content, since, until, zone, means, dict(people), limits=READING))


def _read(content: bytes, since: datetime, until: datetime, zone: tzinfo, means: str, people: Mapping[str, str]) -> ical_in.Feed:
    return ical_in.read(content, since, until, zone, means=means, people=people)
