"""Whether what was told is what is kept of it: every moment stands under the digest of what it says (`core.moments`).

One that lost words, or was heard without them since somebody is forgotten, goes on under the digest of the whole, which cannot be worked
out again. What was altered is found by the moment's digest: it stands nowhere in the chain, where the decisions about it do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, or_, select

from tsbridge.core.moments import from_json
from tsbridge.core.unreadable import Unreadable
from tsbridge.store.erasure_tables import erased_interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.tolerant import column

STEP: Final = 2_000
_SAYS: Final = ("source", "interaction", "event", "at")
_LESS: Final = or_(moments.c.redacted_at.is_not(None), erased_interactions.c.id.is_not(None)).label("less")
_FORGOTTEN: Final = and_(erased_interactions.c.source == moments.c.source, erased_interactions.c.id == moments.c.interaction)
_QUERY: Final = select(*(moments.c[name] for name in ("digest", *_SAYS)), column(moments.c.body), _LESS).outerjoin(
    erased_interactions, _FORGOTTEN
)


def broken(conn: Connection) -> Iterator[dict[str, Any]]:
    """One entry for each moment that says something else than was told, or that cannot be read."""
    after = ""
    while rows := conn.execute(_QUERY.where(moments.c.digest > after).order_by(moments.c.digest).limit(STEP)).mappings().all():
        after = rows[-1]["digest"]
        yield from ({"seq": None, "id": row["digest"], "why": why} for row in rows if (why := _fault(row)) is not None)


def _fault(row: RowMapping) -> str | None:
    try:
        moment = from_json(row["body"])
    except Unreadable:
        return "what was told cannot be read"
    if not row["less"] and moment.digest != row["digest"]:
        return "what is kept of what was told differs from it"
    if names := [name for name in _SAYS if getattr(moment, name) != row[name]]:
        return f"the moment differs from what it says: {', '.join(names)}"
    return None
