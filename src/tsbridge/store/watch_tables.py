"""The table of what the watchdog found late or missing."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from tsbridge.store.columns import Instant, metadata

watch_findings = Table(
    "watch_findings",
    metadata,
    Column("kind", Text, primary_key=True),  # core.watch.KINDS
    Column("about", Text, primary_key=True),  # id of the step, the notice, the thread of work, the case, or name of the due time
    Column("case_id", Text, nullable=False),
    Column("since", Instant, nullable=False),  # when it should have been
    Column("found_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("told_at", Instant),  # since when it counts and an alarm said so; null: it may still settle by itself
)
Index("watch_findings_by_case", watch_findings.c.case_id)
