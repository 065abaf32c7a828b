"""How much each source has said in each hour, counted on from where the inbox was last read; and who is silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, func, literal_column, select, type_coerce

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import stored_values
from tsbridge.store.columns import MICROSECOND
from tsbridge.store.inbox_tables import inbox

NAME: Final = "heard"
_LENGTH: Final[ColumnElement[int]] = literal_column(str(timedelta(hours=1) // MICROSECOND), BigInteger)
"""Written out, not bound: PostgreSQL takes two parameters for two different expressions to group by."""
_HOUR: Final = type_coerce(inbox.c.received_at, BigInteger) // _LENGTH


@dataclass(frozen=True, slots=True)
class Source:
    """`hours`: deliveries by hour since 1970; `began`: the first hour with any; `silent`: since when, once it was found to be."""

    began: int
    last: datetime
    hours: Mapping[int, int] = field(default_factory=dict)
    silent: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """All sources that were ever heard, up to row `seq` of the inbox."""

    seq: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict)


def load(conn: Connection) -> Heard:
    kept = stored_values.get(conn, NAME)
    if kept is None:
        return Heard()
    return Heard(kept["seq"], {name: _source(told) for name, told in kept["sources"].items()})


def save(conn: Connection, heard: Heard) -> None:
    sources = {
        name: {
            "began": one.began,
            "last": instant_text(one.last),
            "hours": {str(hour): count for hour, count in one.hours.items()},
            "silent": None if one.silent is None else instant_text(one.silent),
        }
        for name, one in heard.sources.items()
    }
    stored_values.put(conn, NAME, {"seq": heard.seq, "sources": sources})


def count_on(conn: Connection, heard: Heard, oldest: int) -> Heard:
    """With what came since, without hours before `oldest`. What we found ourselves does not count: nobody sent it."""
    rows = conn.execute(
        select(inbox.c.source, _HOUR.label("hour"), func.count().label("said"), func.max(inbox.c.seq), func.max(inbox.c.received_at))
        .where(inbox.c.seq > heard.seq, inbox.c.polled.is_(False))
        .group_by(inbox.c.source, _HOUR)
    ).all()
    sources, seq = dict(heard.sources), heard.seq
    for name, hour, said, newest, last in rows:
        one = sources.get(name) or Source(int(hour), last)
        hours = {**one.hours, int(hour): one.hours.get(int(hour), 0) + said}
        sources[name] = Source(min(one.began, int(hour)), max(one.last, last), hours, one.silent)
        seq = max(seq, newest)
    kept = {n: Source(s.began, s.last, {h: c for h, c in s.hours.items() if h >= oldest}, s.silent) for n, s in sources.items()}
    return Heard(seq, kept)


def silent(conn: Connection) -> dict[str, datetime]:
    """Sources that are silent improbably long, and since when."""
    return {name: one.silent for name, one in sorted(load(conn).sources.items()) if one.silent is not None}


def _source(told: Mapping[str, Any]) -> Source:
    since = told["silent"]
    hours = {int(hour): count for hour, count in told["hours"].items()}
    return Source(told["began"], read_instant(told["last"]), hours, None if since is None else read_instant(since))
