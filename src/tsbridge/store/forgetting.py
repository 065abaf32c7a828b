"""From one moment on somebody is known no more. What they said goes afterwards, in steps (`work.erasing`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tsbridge.core.crashpoint import crashpoint
from tsbridge.core.times import time_text
from tsbridge.store import erased_person, erasing, erasing_rows, pattern_findings, tombstones
from tsbridge.store.erased_person import Person


def forget(conn: Connection, id: str, person: Person, by: str, at: datetime) -> Mapping[str, Any]:
    """Begin an erasure: nothing that comes late brings the person back, and they are found no more. Returns what is to be put on record.

    The caller has the pen alone (`store.locks.alone`): what links anything to them changes at once.
    """
    known = tuple(sorted(person.people))
    erasing.begin(conn, id, Person(person.people, erased_person.called(conn, person.subjects), person.subjects), by, at)
    tombstones.bury(conn, id, known, tuple(person.subjects), at)
    found = tombstones.of(conn, known, person.subjects)
    hidden = 0
    for subject in sorted(person.subjects):
        hidden += erasing_rows.hide_people(conn, subject, found.hide)
    for subject in erased_person.elsewhere(conn, known):
        hidden += erasing_rows.hide_people(conn, subject, found.hide_theirs)
    acquainted = erasing_rows.hide_acquaintances(conn, known, found.hide)
    found_out = pattern_findings.forget_people(conn, known)
    erasing.add(conn, id, {"handles": hidden, "acquaintances": acquainted, "pattern_findings": found_out})
    crashpoint("erasing.begun")
    return {"asked_at": time_text(at), "interactions": len(person.subjects)}
