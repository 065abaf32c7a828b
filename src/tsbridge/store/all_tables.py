"""Every table, one truth for SQLite and PostgreSQL: the migrations build exactly these."""

from __future__ import annotations

from tsbridge.store import (  # noqa: F401, each adds its tables
    case_tables,
    decision_tables,
    erasure_tables,
    escalation_tables,
    inbox_tables,
    link_tables,
    moment_tables,
    notice_tables,
    pattern_tables,
    replay_tables,
    report_tables,
    roster_tables,
    service_tables,
    version_tables,
    wanted_tables,
    watch_tables,
    work_tables,
    writing_tables,
)
from tsbridge.store.columns import metadata

__all__ = ["metadata"]
