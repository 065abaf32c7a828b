"""What the live rulebook and those before it added to tickets, as samples of their newest decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from tsbridge.core.runaway import Sample
from tsbridge.store.decision_tables import decisions


def samples(conn: Connection, version: int, newest: int) -> tuple[Sample, Sample]:
    """The newest decisions by `version`, and the newest by earlier ones, version by version; the standing ones only."""
    return _sample(_newest(conn, version, newest)), _sample(_before(conn, version, newest))


def _before(conn: Connection, version: int, newest: int) -> list[Any]:
    found: list[Any] = []
    earlier: int | None = version
    while len(found) < newest:
        earlier = conn.execute(select(func.max(decisions.c.rulebook_version)).where(decisions.c.rulebook_version < earlier)).scalar()
        if earlier is None:
            break
        found += _newest(conn, earlier, newest - len(found))
    return found


def _newest(conn: Connection, version: int, most: int) -> list[Any]:
    standing = (decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False), decisions.c.mode == "live")
    mine = select(decisions.c.outcome).where(decisions.c.rulebook_version == version, *standing)
    return list(conn.execute(mine.order_by(decisions.c.number.desc()).limit(most)).scalars())


def _sample(outcomes: Iterable[Any]) -> Sample:
    tags: Counter[str] = Counter()
    count = 0
    for outcome in outcomes:
        tags.update(outcome["tags_added"])
        count += 1
    return Sample(count, tags)
