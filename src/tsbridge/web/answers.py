"""Which operation answers with which shape."""

from __future__ import annotations

from typing import Any, Final

from tsbridge.web.operation_models import (
    Head,
    Ready,
    Verdict,
)
from tsbridge.web.report_models import ReportCase, ReportKind, ReportShown

PAGES: Final[dict[str, Any]] = {
    "list_reports": ReportKind,
    "list_report_cases": ReportCase,
}
"""Operations that answer with a page, by what its items are."""

ANSWERS: Final[dict[str, Any]] = {
    "verify_chain": Verdict,
    "chain_head": Head,
    "show_report": ReportShown,
    "readyz": Ready,
}
"""Operations that answer with one thing."""
