"""The tables of patterns: what was counted, what was seen lately, and what was found unusual."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from tsbridge.store.columns import Instant, Json, metadata

pattern_counts = Table(
    "pattern_counts",  # how many cases a day brought, by the hour
    metadata,
    Column("series", Text, primary_key=True),  # category:…, channel:…, rule:…, agent:…
    Column("day", Integer, primary_key=True, autoincrement=False),  # of the wall clock, since Monday, 5 January 1970
    Column("hours", Json, nullable=False),  # of its 24 hours
)
pattern_sightings = Table(
    "pattern_sightings",  # what was counted in the last days: each counts once, and is what a finding opens to
    metadata,
    Column("series", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # a case; of claims the interaction, source:id
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
pattern_findings = Table(
    "pattern_findings",
    metadata,
    Column("id", Text, primary_key=True),  # pat_…
    Column("kind", Text, nullable=False),  # core.unusual.KINDS
    Column("about", Text, nullable=False),  # the series; of people a keyed digest; of claims the first one's digest
    Column("since", Instant, nullable=False),
    Column("found_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),  # it stands until it was not seen for a day
    Column("figures", Json, nullable=False),
    Column("cases", Json, nullable=False),  # ids, the newest last
)
Index("pattern_findings_by_about", pattern_findings.c.kind, pattern_findings.c.about, pattern_findings.c.seen_at)
Index("pattern_findings_by_since", pattern_findings.c.since, pattern_findings.c.id)
