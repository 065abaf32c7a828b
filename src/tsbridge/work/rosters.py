"""The roster in force, made once for everybody who asks: who is there, who is on call, now and as it was known at any time."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection

from tsbridge.core.calendar import Calendar
from tsbridge.core.duties_as_known import Spell
from tsbridge.core.feed_spans import with_feeds
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.roster import Override, Roster
from tsbridge.core.rota import Rota
from tsbridge.core.rules.read_calendars import calendars_of
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import almanacs, feeds, rosters, rulebooks

log = logging.getLogger("tsbridge.work.rosters")

K = TypeVar("K")
V = TypeVar("V")

KEEP: Final = 16
MARGIN: Final = timedelta(days=35)
"""How long an override that is over still counts: for what is asked about the days behind."""


class Known(NamedTuple):
    """A mark of what was known at an instant, small enough to keep. `overrides`: ids; `feeds`: the read of each that counted."""

    revision: int
    version: int
    book: int
    overrides: tuple[str, ...]
    feeds: feeds.Marks

    def same(self, other: Known) -> bool:
        """Whether no duty can be another by what is known."""
        return self[1:] == other[1:]

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "overrides": list(self.overrides), "feeds": [[key, instant_text(at)] for key, at in self.feeds]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Known:
        read_at = tuple((key, read_instant(at)) for key, at in data["feeds"])
        return cls(data["revision"], data["version"], data["book"], tuple(data["overrides"]), read_at)


class _Now(NamedTuple):
    revision: int
    book: int
    since: datetime
    rota: Rota | None


class LiveRoster:
    """Rotas, each made once per process, by the days and clocks that were kept with their versions. Safe to use from several threads.

    A version that this tsbridge cannot read (it was published by another one) is none, and the log says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: _Now | None = None
        self._rosters: OrderedDict[int, Roster | None] = OrderedDict()
        self._calendars: OrderedDict[int, Mapping[str, Calendar]] = OrderedDict()
        self._rotas: OrderedDict[tuple[int, int, tuple[Override, ...], feeds.Marks], Rota] = OrderedDict()

    def now(self, conn: Connection, at: datetime) -> Rota | None:
        """What is known by this transaction, about `at` (some time around now) and all that comes; None without a roster."""
        revision, book = rosters.revision(conn), rulebooks.newest(conn)
        held = self._now
        if held is not None and (held.revision, held.book) == (revision, book) and held.since <= at:
            return held.rota
        since = at - MARGIN
        rota = self._rota(conn, rosters.newest(conn), book, rosters.standing(conn, since), None)
        self._now = _Now(revision, book, since, rota)
        return rota

    def then(self, conn: Connection, at: datetime) -> Rota | None:
        """As it was known at `at`: the version that was live, the overrides made and not removed by then, what feeds had said, the
        rulebook's calendars.

        Of an instant to come: as it is known now. None before the first version.
        """
        version, book = rosters.version_known_at(conn, at), rulebooks.known_at(conn, at)
        return self._rota(conn, version, book, rosters.overrides_known_at(conn, at, at - MARGIN), at)

    def roster(self, conn: Connection) -> Roster | None:
        """The roster that is live, as it was published."""
        version = rosters.newest(conn)
        return self._roster(conn, version) if version else None

    def marks(self, conn: Connection) -> tuple[int, int]:
        """Others than before when something may be another about the roster, overrides, feeds or calendars."""
        return rosters.revision(conn), rulebooks.newest(conn)

    def known(self, conn: Connection, at: datetime) -> Known:
        """A mark of what is known by this transaction, about `at` and all that comes."""
        version, overrides = rosters.newest(conn), rosters.standing(conn, at - MARGIN)
        roster = self._roster(conn, version) if version else None
        reads = () if roster is None else feeds.marks(conn, [feed.key for feed in roster.feeds])
        return Known(rosters.revision(conn), version, rulebooks.newest(conn), tuple(one.id for one in overrides), reads)

    def by(self, conn: Connection, known: Known) -> Rota | None:
        """What was known by a mark; None without a roster that can be read."""
        roster = self._roster(conn, known.version) if known.version else None
        if roster is None:
            return None
        return self._made(conn, known.version, roster, known.book, rosters.named(conn, known.overrides), known.feeds)

    def learnt(self, conn: Connection, before: Known, later: Known) -> list[tuple[str, str | None]]:
        """What became another between two marks, each in two words, and who made it so; nobody for a feed or a rulebook."""
        between = rosters.versions(conn, later.version - before.version)
        found: list[tuple[str, str | None]] = [(f"version {one.version}", one.published_by) for one in reversed(between)]
        for id in sorted({*before.overrides} ^ {*later.overrides}):
            one = rosters.override(conn, id)
            if one is not None and (id in later.overrides or one.removed_by is not None):  # else it ended by itself
                found.append((f"override {id}", one.removed_by or one.made_by))
        found += [(f"feed {key}", None) for key in sorted({key for key, _ in {*before.feeds} ^ {*later.feeds}})]
        return found if before.book == later.book else [*found, (f"rulebook {later.book}", None)]

    def over(self, conn: Connection, start: datetime, end: datetime, now: datetime) -> list[Spell]:
        """What was known in each part of the time from `start` to `end`; from `now` on what is known now."""
        past = start, min(end, now)
        learnt = {*rosters.learnt_between(conn, *past), *feeds.learnt_between(conn, *past), *rulebooks.published_between(conn, *past)}
        edges = [start, *sorted(learnt), end]
        return [(one, other, self.then(conn, min(one, now))) for one, other in pairwise(edges)]

    def _rota(self, conn: Connection, version: int, book: int, overrides: tuple[Override, ...], learnt_by: datetime | None) -> Rota | None:
        roster = self._roster(conn, version) if version else None
        if roster is None:
            return None
        return self._made(conn, version, roster, book, overrides, feeds.marks(conn, [feed.key for feed in roster.feeds], learnt_by))

    def _made(self, conn: Connection, version: int, roster: Roster, book: int, overrides: tuple[Override, ...], reads: feeds.Marks) -> Rota:
        key = (version, book, overrides, reads)
        with self._lock:
            made = self._rotas.get(key)
        if made is None:
            known = with_feeds(roster, feeds.said(conn, key[-1]))
            rota = Rota(known.roster, (*known.overrides, *overrides), known.away, self._calendars_of(conn, book))
            made = _keep(self._lock, self._rotas, key, rota)
        return made

    def _roster(self, conn: Connection, version: int) -> Roster | None:
        with self._lock:
            if version in self._rosters:
                return self._rosters[version]
        try:
            found = rosters.get(conn, version)
            roster = read(found.document, almanacs.get(conn, found.almanac))
        except RosterError:
            log.error("the roster cannot be read", extra={"version": version})
            roster = None
        return _keep(self._lock, self._rosters, version, roster)

    def _calendars_of(self, conn: Connection, book: int) -> Mapping[str, Calendar]:
        with self._lock:
            if book in self._calendars:
                return self._calendars[book]
        found = rulebooks.get(conn, book) if book else None
        made = calendars_of({}) if found is None else calendars_of(found.document, almanacs.get(conn, found.almanac))
        return _keep(self._lock, self._calendars, book, made)


def _keep(lock: threading.Lock, kept: OrderedDict[K, V], key: K, value: V) -> V:
    with lock:
        value = kept.setdefault(key, value)
        kept.move_to_end(key)
        while len(kept) > KEEP:
            kept.popitem(last=False)
    return value
