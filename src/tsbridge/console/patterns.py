"""What is unusual by now: each a sentence with its cases, the figures behind it, and a rule that is one press away."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import patterns
from tsbridge.acts.patterns import Looked, Pattern
from tsbridge.console.forms import MOST_ROWS, Table
from tsbridge.console.frame import Visit
from tsbridge.console.render import address

A_PAGE: Final = 30
CASES: Final = 12
KEYS: Final = ("id", "kind", "sentence", "since", "found_at", "seen_at", "cases")
DONE: Final = {"1": "They are looked for again; it takes a moment."}


async def page(visit: Visit) -> Response:
    """What began last first, and how well is looked."""
    before = visit.place("before")

    def read(conn: Connection) -> tuple[list[Pattern], Looked]:
        return patterns.listed(conn, visit.now, A_PAGE + 1, before), patterns.looked(conn)

    found, looked = await visit.console.database.read(read)
    last = found[A_PAGE - 1] if len(found) > A_PAGE else None
    rules = {one.id: visit.console.yaml_dump(one.draft_rule) for one in found if one.draft_rule is not None}
    return visit.show(
        "patterns.html",
        here="patterns",
        patterns=found[:A_PAGE],
        looked=looked,
        rules=rules if visit.may("ops") else {},
        most=CASES,
        more=None if last is None else address("patterns", before=f"{last.since.isoformat()}|{last.id}"),
        done=visit.done(DONE),
    )


async def table(visit: Visit) -> Table:
    found = await visit.console.database.read(lambda conn: patterns.listed(conn, visit.now, MOST_ROWS))
    rows = [[one.id, one.kind, one.sentence, one.since, one.found_at, one.seen_at, " ".join(one.cases)] for one in found]
    return Table("patterns", KEYS, rows)


async def refresh(visit: Visit) -> Response:
    """Have it looked at again at once."""
    await visit.console.database.write(lambda conn: patterns.refresh(conn, visit.now), urgent=True)
    visit.console.wake_replay()
    return visit.go("/patterns?done=1")
