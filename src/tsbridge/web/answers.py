"""Which operation answers with which shape."""

from __future__ import annotations

from typing import Any, Final

from tsbridge.web.operation_models import (
    Head,
    KeyMade,
    KeyShown,
    MappingsShown,
    Ready,
    Verdict,
)
from tsbridge.web.replay_models import (
    Move,
    ReplayMade,
    ReplayShown,
    ReplayWhole,
    ShadowShown,
)
from tsbridge.web.report_models import ReportCase, ReportKind, ReportShown

PAGES: Final[dict[str, Any]] = {
    "list_keys": KeyShown,
    "list_replays": ReplayShown,
    "list_shadow_moves": Move,
    "list_moves": Move,
    "list_reports": ReportKind,
    "list_report_cases": ReportCase,
}
"""Operations that answer with a page, by what its items are."""

ANSWERS: Final[dict[str, Any]] = {
    "verify_chain": Verdict,
    "chain_head": Head,
    "show_mappings": MappingsShown,
    "replace_mappings": MappingsShown,
    "start_replay": ReplayMade,
    "show_replay": ReplayWhole,
    "show_shadow": ShadowShown,
    "start_shadow": ShadowShown,
    "create_key": KeyMade,
    "show_report": ReportShown,
    "readyz": Ready,
}
"""Operations that answer with one thing."""
