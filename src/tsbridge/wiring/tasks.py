"""Which tasks a process has, by their names: how long a round of each may take, how often each looks, which of them may rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from tsbridge.work.changes import LOOK as LOOK_CHANGES
from tsbridge.work.loop import LIMIT, LOOK_AGAIN, Round, Task
from tsbridge.work.seal import LOOK as LOOK_SEALER

INGEST: Final = "ingest"
ALONE: Final = "alone"
CLOCK: Final = "clock"
FACTS: Final = "facts"
WRITEBACK: Final = "writeback"
NOTIFY: Final = "notify"
GUARD: Final = "guard"
REPLAY: Final = "replay"
REJUDGE: Final = "rejudge"
SHADOW: Final = "shadow"
RECONCILE: Final = "reconcile"
CHOICES: Final = "choices"
STREAM: Final = "stream"
CALLS: Final = "calls"
RECORDINGS: Final = "recordings"
FEEDS: Final = "feeds"
SILENCE: Final = "silence"
ASSIGN: Final = "assign"
COVER: Final = "cover"
WATCH: Final = "watch"
DUTIES: Final = "duties"
TAKEOVER: Final = "takeover"
SEAL: Final = "seal"
RETENTION: Final = "retention"
REKEYING: Final = "rekeying"
SUMS: Final = "sums"
PATTERNS: Final = "patterns"
HEADS: Final = "heads"
WEEKLY: Final = "weekly"
ERASING: Final = "erasing"
DELETED_USERS: Final = "deleted_users"
CHANGES: Final = "changes"
WHOAMI: Final = "whoami"
MISDATED: Final = "misdated"
VITAL: Final = (INGEST, CLOCK, WRITEBACK)
"""Tasks without which nothing is heard, escalated or written."""
SELDOM: Final = (ALONE, COVER, FEEDS, GUARD, HEADS, PATTERNS, RETENTION, SHADOW, SILENCE, SUMS, WEEKLY)
"""Tasks for which nobody waits: looking every other second whether there is something would be most of what an idle process does."""
SETTLED: Final = (
    *(ALONE, ASSIGN, CLOCK, COVER, DUTIES, ERASING, FACTS, FEEDS, GUARD, HEADS, INGEST, MISDATED, NOTIFY, PATTERNS, REJUDGE, REKEYING),
    *(REPLAY, RETENTION, SEAL, SHADOW, SILENCE, SUMS, WATCH, WEEKLY, WRITEBACK),
)
"""Tasks that find nothing new while nothing is written and no instant that they know of has come. SQLite tells when something was, and
`CHANGES` when a command has written or the clock was set."""
LOOK_SELDOM: Final = timedelta(seconds=10)
LIMITS: Final = {
    INGEST: timedelta(minutes=2),
    ALONE: timedelta(seconds=140),
    CALLS: timedelta(minutes=30),
    RECORDINGS: timedelta(minutes=15),
}
"""Talkdesk makes a report in ten minutes, and a list has many pages. What hangs with deliveries is ended sooner; two processes in a row
may read one of them (`delivery_readers.ALONE`). Each is shorter than the lease of what the round claims."""


def task(name: str, round: Round, settled: bool) -> Task:
    """`settled`: it may rest while nothing is written."""
    look_again = {SEAL: LOOK_SEALER, CHANGES: LOOK_CHANGES}.get(name, LOOK_SELDOM if name in SELDOM else LOOK_AGAIN)
    return Task(name, round, LIMITS.get(name, LIMIT), name in VITAL, look_again, settled)
