"""Who may read what people wrote, and that they did.

What was written in severe cases and in those of restricted categories (`TSBRIDGE_RESTRICTED_CATEGORIES`) is sent to nobody who did not ask
for it, and each look at it is on record, among the changes. Of a restricted case viewers learn that it is there, what happened when and
what was decided, not what was said or seen; supervisors and whoever has the case learn that, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from tsbridge.acts.callers import Caller
from tsbridge.acts.ledger import Entry
from tsbridge.core.moments import Interaction
from tsbridge.store import agents, cases, change_log, links, views
from tsbridge.store.change_log import WORDS_READ

SEVERE: Final = 2
"""Up to this severity what people wrote is shown only to whoever asks for it, and that they asked is on record."""
AGAIN: Final = timedelta(minutes=10)
"""Whoever goes on reading a case within that time reads it once."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who asks what people wrote. `caller`: None is the service itself, or whoever sits at the machine.

    `restricted`: categories of which viewers get no words.
    """

    caller: Caller | None = None
    restricted: frozenset[str] = frozenset()

    def is_denied(self, conn: Connection, case_id: str, subject: Interaction | None = None, category: str | None = None) -> bool:
        """Whether the words of a case are withheld from them. `subject`, `category`: of what is shown of it, which may have been another
        case's, and another's, since."""
        if self.caller is None or not self.restricted or self.caller.may("supervisor"):
            return False
        ids = {case_id, (links.case_of(conn, subject) if subject is not None else None) or case_id}
        if category not in self.restricted and not restricted_among(conn, self.restricted, ids):
            return False
        return not all(self._has(conn, one) for one in ids)

    def _has(self, conn: Connection, case_id: str) -> bool:
        """Whether the case is theirs: their key is called as the roster calls whoever has it."""
        row, name = views.case(conn, case_id), "" if self.caller is None else self.caller.name
        return row is not None and name in agents.users(conn) and name in (row["agent"], agents.keys(conn).get(row["assignee"]))


EVERYTHING: Final = Reader()


def is_severe(severity: int | None) -> bool:
    return severity is not None and severity <= SEVERE


def restricted_among(conn: Connection, restricted: frozenset[str], case_ids: Iterable[str]) -> set[str]:
    """Those of the cases of which anything stands in a restricted category: a case is shown by the worst of what belongs to it."""
    if not restricted:
        return set()
    rows = {case_id: row for case_id in case_ids if (row := views.case(conn, case_id)) is not None}
    states = cases.states(conn, {row["id"] for row in rows.values()})
    found = set()
    for case_id, row in rows.items():
        state = states.get(row["id"])
        each = [] if state is None else [own for thread in state.threads.values() for own in thread.own.values()]
        if not restricted.isdisjoint({row["category"], *(str(one.category.value) for one in each if one.category is not None)}):
            found.add(case_id)
    return found


def are_guarded(conn: Connection, reader: Reader, case_id: str) -> bool:
    """Whether what people wrote in a case is sent only to whoever asks for it. What no case is known of may be about any."""
    row = views.case(conn, case_id)
    return row is None or is_severe(row["severity"]) or bool(restricted_among(conn, reader.restricted, [row["id"]]))


def are_read_anew(conn: Connection, reader: Reader, case_id: str, now: datetime) -> bool:
    """Whether it is to be put on record that this person reads the words of this case: they are guarded, they get them, and were not seen
    to just now."""
    row = views.case(conn, case_id)
    subject = case_id if row is None else str(row["id"])
    if reader.caller is None or not are_guarded(conn, reader, subject) or reader.is_denied(conn, subject):
        return False
    last = change_log.last_at(conn, WORDS_READ, subject, reader.caller.name)
    return last is None or last + AGAIN <= now


def read_words(conn: Connection, entry: Entry, case_id: str, what: str = "words") -> None:
    """Put on record that somebody reads the words of a case, or of a delivery of which none is known. `what`: in which view of it."""
    row = views.case(conn, case_id)
    subject = case_id if row is None else str(row["id"])
    entry.change(conn, WORDS_READ, subject, None, {"what": what}, also=[subject])
