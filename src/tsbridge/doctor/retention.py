"""What `tsbridge doctor` says of what should have gone by now (`docs/retention.md`)."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tsbridge.core.retention import Retention, kept_for
from tsbridge.doctor.checks import Line
from tsbridge.store import erasing, retention
from tsbridge.store.db import Database

DONE_WITHIN: Final = timedelta(hours=1)


def forgotten(opened: Database, now: datetime) -> list[Line]:
    """What is left of people who were to be forgotten; nothing where there is nothing left."""
    running, unwritten = opened.read_now(lambda conn: (erasing.running(conn), erasing.unwritten(conn)))
    lines = []
    if late := sum(job["asked_at"] <= now - DONE_WITHIN for job in running):
        words = f"{late} people are to be forgotten for more than an hour, and words of theirs are still there."
        lines.append(Line("erasures", "warn", words, "Look at the task `erasing` in `/readyz` and its log; `GET /v1/erasures`."))
    if unwritten:
        words = f"Bytes of {len(unwritten)} people who were forgotten may still be in free places of the database file."
        lines.append(Line("erasures", "warn", words, "At a quiet hour: `tsbridge erase --rewrite`. Nobody writes meanwhile."))
    return lines


def overdue(opened: Database, kept: Retention, now: datetime) -> list[Line]:
    """A line for each class, of a database of our schema. Removal that is a day behind does not go on, or does not keep up."""
    lines = []
    for kind, span in kept.spans():
        late = opened.read_now(partial(retention.standing, kind=kind, span=span, now=now - retention.LATE)).due
        check, words = f"retention: {kind}", f"Kept {kept_for(span)}."
        if late:
            many = f"{late}{' or more' if late == retention.MOST_COUNTED else ''}"
            words += f" {many} should have gone more than a day ago."
            lines.append(
                Line(check, "warn", words, "Look at the task `retention` in `/readyz`; after a long setting was made short it takes hours.")
            )
        else:
            lines.append(Line(check, "ok", words))
    return lines
