"""The table of answers that were given: asked again for what was known then, they are given again."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table, Text

from tsbridge.store.columns import Instant, metadata

report_answers = Table(
    "report_answers",
    metadata,
    Column("question", Text, primary_key=True),  # hash of all that was asked but `as_of`
    Column("as_of", Instant, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # the report, as canonical JSON, deflated
    Column("is_over", Boolean, nullable=False),  # the time asked for had ended by then
)
Index("report_answers_by_as_of", report_answers.c.is_over, report_answers.c.as_of)
