"""The roster in force, made once for everybody who asks: who is there, who is on call, now and as it was known at any time."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection

from tsbridge.core.calendar import Calendar
from tsbridge.core.elsewhere import with_feeds
from tsbridge.core.knowledge import Spell
from tsbridge.core.roster import Override, Roster
from tsbridge.core.rota import Rota
from tsbridge.core.rules.read_calendars import calendars_of
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import feeds, rosters, rulebooks

log = logging.getLogger("tsbridge.work.rosters")

K = TypeVar("K")
V = TypeVar("V")

KEEP: Final = 16
MARGIN: Final = timedelta(days=35)
"""How long an override that is over still counts: for what is asked about the days behind."""


class _Now(NamedTuple):
    revision: int
    book: int
    since: datetime
    rota: Rota | None


class LiveRoster:
    """Rotas, each made once per process. Safe to use from several threads.

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
        key = (version, book, overrides, feeds.marks(conn, [feed.key for feed in roster.feeds], learnt_by))
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
            roster = read(rosters.get(conn, version).document)
        except RosterError:
            log.error("the roster cannot be read", extra={"version": version})
            roster = None
        return _keep(self._lock, self._rosters, version, roster)

    def _calendars_of(self, conn: Connection, book: int) -> Mapping[str, Calendar]:
        with self._lock:
            if book in self._calendars:
                return self._calendars[book]
        made = calendars_of(rulebooks.get(conn, book).document if book else {})
        return _keep(self._lock, self._calendars, book, made)


def _keep(lock: threading.Lock, kept: OrderedDict[K, V], key: K, value: V) -> V:
    with lock:
        value = kept.setdefault(key, value)
        kept.move_to_end(key)
        while len(kept) > KEEP:
            kept.popitem(last=False)
    return value
