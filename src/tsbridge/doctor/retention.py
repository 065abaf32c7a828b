"""What `tsbridge doctor` says of what should have gone by now (`docs/retention.md`)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from tsbridge.core.retention import Retention, kept_for
from tsbridge.doctor.checks import Line
from tsbridge.store import retention
from tsbridge.store.db import Database


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
