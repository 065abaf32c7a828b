"""Reports over much, worked out by a process of their own: figures of a year hold up no delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from tsbridge.acts.around import Around
from tsbridge.child_process import Limits, in_child_or_here
from tsbridge.reports.model import Question, Report
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.rosters import LiveRoster

LONGEST: Final = Limits(120.0)


def reports_in_child(asked: Sequence[Question], url: str, zone: tzinfo, data_keys: Sequence[str] = ()) -> list[Report]:
    """The answers to questions over the database at `url`. Raises `core.ports.Died` when that process did not come back."""
    return in_child_or_here(made, tuple(asked), url, zone, tuple(data_keys), limits=LONGEST)


def made(asked: Sequence[Question], url: str, zone: tzinfo, data_keys: Sequence[str]) -> list[Report]:
    from tsbridge.acts import reports  # most processes never make one

    around = Around(LiveRulebook(zone), LiveRoster())
    with Database.open(url, data_keys=data_keys) as database:
        return database.read_now(lambda conn: [reports.report(conn, around, one) for one in asked])
