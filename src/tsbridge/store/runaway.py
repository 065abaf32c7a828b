"""What the live rulebook and those before it added to tickets, as samples of their newest decisions."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select

from tsbridge.core.runaway import Sample
from tsbridge.store.tables import decision_tags, decisions


def samples(conn: Connection, version: int, newest: int) -> tuple[Sample, Sample]:
    """The newest decisions by `version`, and the newest by earlier ones; the standing ones only."""
    return (
        _sample(conn, decisions.c.rulebook_version == version, newest),
        _sample(conn, decisions.c.rulebook_version < version, newest),
    )


def _sample(conn: Connection, which: ColumnElement[bool], newest: int) -> Sample:
    standing = (which, decisions.c.superseded_by.is_(None), decisions.c.retracted.is_(False), decisions.c.mode == "live")
    chosen = select(decisions.c.number).where(*standing).order_by(decisions.c.number.desc()).limit(newest).subquery()
    count = conn.execute(select(func.count()).select_from(chosen)).scalar_one()
    rows = conn.execute(
        select(decision_tags.c.tag, func.count()).join(chosen, chosen.c.number == decision_tags.c.number).group_by(decision_tags.c.tag)
    )
    return Sample(count, {tag: n for tag, n in rows})
