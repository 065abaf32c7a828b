"""Whether what was told is what is kept of it: every moment stands under the digest of what it says (`core.moments`).

One that lost words, or was heard without them since somebody is forgotten, goes on under the digest of the whole, which cannot be worked
out again. What was altered is found by the moment's digest: it stands nowhere in the chain, where the decisions about it do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, Text, and_, bindparam, or_, select, type_coerce

from tsbridge.core.moments import from_json
from tsbridge.core.unreadable import Unreadable
from tsbridge.store import vault
from tsbridge.store.columns import json_of, microseconds
from tsbridge.store.erasure_tables import erased_interactions
from tsbridge.store.moment_tables import moments
from tsbridge.store.statements import Fixed

STEP: Final = 2_000
_M: Final = moments.c
_SAYS: Final = ("source", "interaction", "event", "at")
_LESS: Final = type_coerce(or_(_M.redacted_at.is_not(None), erased_interactions.c.id.is_not(None)), Integer)
_FORGOTTEN: Final = and_(erased_interactions.c.source == _M.source, erased_interactions.c.id == _M.interaction)
_ROWS: Final = Fixed(
    select(_M.digest, type_coerce(_M.body, Text), _LESS.label("less"), _M.source, _M.interaction, _M.event, type_coerce(_M.at, BigInteger))
    .outerjoin(erased_interactions, _FORGOTTEN)
    .where(_M.digest > bindparam("after"))
    .order_by(_M.digest)
    .limit(STEP)
)


def broken(conn: Connection) -> Iterator[dict[str, Any]]:
    """One entry for each moment that says something else than was told, or that cannot be read."""
    after, opened = "", partial(vault.of(conn.dialect).read_json, "moments.body")
    while rows := _ROWS.rows(conn, after=after):
        after = rows[-1][0]
        for digest, body, less, *says in rows:
            try:
                why = _fault(opened(body), digest, less, says)
            except Unreadable:
                why = "what was told cannot be read"
            if why is not None:
                yield {"seq": None, "id": digest, "why": why}


def _fault(body: str, digest: str, less: bool, says: list[Any]) -> str | None:
    """A text that was hashed when it was told is its own canonical one: made anew it is only where its digest is another."""
    known = hashlib.sha256(body.encode()).hexdigest() == digest
    moment = from_json(json_of(body, "moments.body"), digest if known else "")
    if not less and moment.digest != digest:
        return "what is kept of what was told differs from it"
    told = (moment.source, moment.interaction, moment.event, microseconds(moment.at))
    if names := [name for name, said, shown in zip(_SAYS, told, says, strict=True) if said != shown]:
        return f"the moment differs from what it says: {', '.join(names)}"
    return None
