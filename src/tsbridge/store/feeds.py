"""iCalendar feeds: what they said, each time that it was something else, and how the last look at each went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from tsbridge.core.feed_spans import Span, Spans
from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import rosters
from tsbridge.store.roster_tables import feed_looks, feed_reads
from tsbridge.store.statements import insert_into

Marks = tuple[tuple[str, datetime], ...]
"""Reads of feeds: the feed's key and when it was learnt what it says."""


@dataclass(frozen=True, slots=True)
class Look:
    """How the last look at a feed went. `read_at`: when it could be read last; `failing_since`: None while it can be."""

    key: str
    looked_at: datetime
    read_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    warnings: tuple[str, ...]
    etag: str | None


def looks(conn: Connection) -> dict[str, Look]:
    """The last look at each feed that was ever looked at, by its key."""
    rows = conn.execute(select(feed_looks).order_by(feed_looks.c.key))
    return {row.key: Look(**{**row._mapping, "warnings": tuple(row.warnings)}) for row in rows}


def read_well(conn: Connection, key: str, spans: Spans, until: datetime, now: datetime, warnings: Sequence[str], etag: str | None) -> bool:
    """Keep what a feed said; returns whether it was something else than before. `until`: up to when it was read."""
    rosters.lock(conn)
    _looked(conn, Look(key, now, now, None, None, tuple(warnings), etag))
    before = marks(conn, [key])
    if before and _same(_read(conn, *before[0]), (until, spans), now):
        return False
    shown = [[instant_text(span.start), instant_text(span.end), span.agent] for span in spans]
    conn.execute(insert(feed_reads).values(key=key, learnt_at=now, until=until, spans=shown))
    rosters.changed(conn)
    return True


def still_as_read(conn: Connection, key: str, now: datetime) -> None:
    """The sender says that nothing has changed since it was read last."""
    was = looks(conn).get(key)
    if was is not None:
        _looked(conn, Look(key, now, now, None, None, was.warnings, was.etag))


def failed(conn: Connection, key: str, why: str, now: datetime) -> bool:
    """A feed that cannot be read: what was read last goes on counting. Returns whether it could be read until now."""
    was = looks(conn).get(key)
    since = now if was is None or was.failing_since is None else was.failing_since
    read_at, warnings, etag = (None, (), None) if was is None else (was.read_at, was.warnings, was.etag)
    _looked(conn, Look(key, now, read_at, since, why, warnings, etag))
    return since == now


def marks(conn: Connection, keys: Iterable[str], at: datetime | None = None) -> Marks:
    """Which of the reads of these feeds was the newest at an instant, or is: enough to ask for what they said."""
    latest = select(feed_reads.c.key, func.max(feed_reads.c.learnt_at)).where(feed_reads.c.key.in_(sorted(set(keys))))
    if at is not None:
        latest = latest.where(feed_reads.c.learnt_at <= at)
    return tuple(sorted((key, learnt_at) for key, learnt_at in conn.execute(latest.group_by(feed_reads.c.key))))


def said(conn: Connection, reads: Marks) -> dict[str, Spans]:
    """What these feeds said, by their keys."""
    found = ((key, _read(conn, key, learnt_at)) for key, learnt_at in reads)
    return {key: spans for key, (_, spans) in found}


def learnt_between(conn: Connection, start: datetime, end: datetime) -> list[datetime]:
    """The instants after `start` and before `end` at which a feed said something else, in order."""
    column = feed_reads.c.learnt_at
    return sorted(set(conn.execute(select(column).where(column > start, column < end)).scalars()))


def last_learnt(conn: Connection) -> datetime | None:
    """When a feed last said something else; None before one was read."""
    return conn.execute(select(func.max(feed_reads.c.learnt_at))).scalar()


def _read(conn: Connection, key: str, learnt_at: datetime) -> tuple[datetime, Spans]:
    row = conn.execute(select(feed_reads).where(feed_reads.c.key == key, feed_reads.c.learnt_at == learnt_at)).one()
    return row.until, tuple(Span(read_instant(start), read_instant(end), agent) for start, end, agent in row.spans)


def _same(before: tuple[datetime, Spans], now_told: tuple[datetime, Spans], now: datetime) -> bool:
    """Whether two reads say the same of the time ahead that both know, and the earlier knows enough of it."""
    until = min(before[0], now_told[0])
    if before[0] - now < (now_told[0] - now) * 3 / 4:
        return False
    return _ahead(before[1], now, until) == _ahead(now_told[1], now, until)


def _ahead(spans: Spans, now: datetime, until: datetime) -> list[Span]:
    return [Span(max(start, now), min(end, until), agent) for start, end, agent in spans if end > now and start < until]


def _looked(conn: Connection, look: Look) -> None:
    values = {name: getattr(look, name) for name in ("key", "looked_at", "read_at", "failing_since", "failure", "etag")}
    values["warnings"] = list(look.warnings)
    made = insert_into(conn, feed_looks).values(**values)
    rest = {name: made.excluded[name] for name in values if name != "key"}
    conn.execute(made.on_conflict_do_update(index_elements=["key"], set_=rest))
