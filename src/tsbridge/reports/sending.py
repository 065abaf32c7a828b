"""The health of writing back: what was wished of tickets, and the updates that were sent for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tsbridge.reports.model import SECOND, Item, Measure
from tsbridge.reports.table import cases_counted, counted, timed

WISHES = "wishes for tickets last changed in the time asked for"
UPDATES = "updates sent to Zendesk in the time asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending(Item):
    """A wish (`status` of write-backs) or an update (`outcome`, None while it has none); `at` is when it was last asked for, or sent.
    `settled_at`: when it was confirmed, or answered."""

    as_of: datetime
    is_wish: bool
    status: str | None
    settled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.is_wish and self.status in ("waiting", "sending")

    def written_s(self) -> int | None:
        return (self.settled_at - self.at) // SECOND if self.is_wish and self.settled_at is not None else None

    def waits_s(self) -> int | None:
        return (self.as_of - self.at) // SECOND if self.is_open else None


def writeback() -> Sequence[Measure[Sending]]:
    def wish(*status: str) -> Callable[[Sending], bool]:
        return lambda one: one.is_wish and one.status in status

    def update(*outcome: str | None) -> Callable[[Sending], bool]:
        return lambda one: not one.is_wish and one.status in outcome

    asked = "from when it was last asked for until Zendesk had it"
    return (
        cases_counted("cases", "Cases", "cases with wishes or updates", f"{WISHES}, and {UPDATES}"),
        counted("wishes", "Wishes", "tickets of which something is wished", WISHES, lambda one: one.is_wish),
        counted("confirmed", "Written", "wishes that stand on the ticket", WISHES, wish("confirmed", "unneeded")),
        counted("open", "Waiting", "wishes that are still to be written", WISHES, lambda one: one.is_open),
        counted("parked", "Parked", "wishes that were given up, wholly or in part", WISHES, wish("parked")),
        counted("refused", "Refused", "wishes whose ticket is closed or deleted", WISHES, wish("refused")),
        counted("dry_run", "Dry run", "wishes that were only planned", WISHES, wish("dry_run")),
        timed("written_p50_s", "Time to write, half within", asked, WISHES, 50, Sending.written_s, Sending.waits_s),
        timed("written_p95_s", "Time to write, 95 % within", asked, WISHES, 95, Sending.written_s, Sending.waits_s),
        counted("updates", "Updates", "updates sent", UPDATES, lambda one: not one.is_wish),
        counted("updates_done", "Taken", "updates that Zendesk took", UPDATES, update("done")),
        counted("updates_conflict", "Conflicts", "updates that met somebody else's", UPDATES, update("conflict")),
        counted(
            "updates_failed",
            "Failed",
            "updates that were lost or refused, or of which nobody knows",
            UPDATES,
            update("lost", "refused", "unknown", "later"),
        ),
        counted("updates_open", "Without an answer", "updates that have no answer yet", UPDATES, update(None)),
    )
