"""Which operation answers with which shape."""

from __future__ import annotations

from typing import Any, Final

from tsbridge.web.models import (
    Case,
    CaseExplained,
    Change,
    Decision,
    DecisionExplained,
    Diff,
    Escalation,
    Event,
    EventWhole,
    Head,
    KeyMade,
    KeyShown,
    Mappings,
    Mode,
    PausedRules,
    Ready,
    TimelineEntry,
    Tried,
    Verdict,
    VersionName,
    VersionShown,
    VersionWhole,
    Word,
    Writeback,
    WritebackWhole,
)
from tsbridge.web.replay_models import DriftItem, Move, ReplayMade, ReplayShown, ReplayWhole, ShadowShown
from tsbridge.web.rulebook_models import CheckResult, DraftShown, GeneratedTests, RuleShown, TestResult

PAGES: Final[dict[str, Any]] = {
    "list_cases": Case,
    "case_timeline": TimelineEntry,
    "list_decisions": Decision,
    "list_changes": Change,
    "list_escalations": Escalation,
    "list_writebacks": Writeback,
    "list_events": Event,
    "list_keys": KeyShown,
    "list_versions": VersionShown,
    "list_replays": ReplayShown,
    "list_shadow_moves": Move,
    "list_drift": DriftItem,
    "list_moves": Move,
    "list_fields": Word,
    "list_operators": Word,
    "list_actions": Word,
}
"""Operations that answer with a page, by what its items are."""

ANSWERS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("show_case", "acknowledge_case", "resolve_case", "note_case", "assign_case", "merge_case", "split_case"),
        Case,
    ),
    "explain_case": CaseExplained,
    "explain_decision": DecisionExplained,
    "verify_chain": Verdict,
    "chain_head": Head,
    "acknowledge_escalation": Escalation,
    "show_writeback": WritebackWhole,
    "retry_writeback": WritebackWhole,
    "show_mappings": Mappings,
    "replace_mappings": Mappings,
    "start_replay": ReplayMade,
    "show_replay": ReplayWhole,
    "show_shadow": ShadowShown,
    "start_shadow": ShadowShown,
    "try_rulebook": Tried,
    "show_mode": Mode,
    "change_mode": Mode,
    "show_paused_rules": PausedRules,
    "pause_rule": PausedRules,
    "show_event": EventWhole,
    "retry_event": EventWhole,
    "create_key": KeyMade,
    "show_live": VersionWhole,
    "show_version": VersionWhole,
    "restore_version": VersionName,
    "publish_draft": VersionName,
    "diff_versions": Diff,
    "show_draft": DraftShown,
    "replace_draft": DraftShown,
    "remove_rule": DraftShown,
    "add_rule": RuleShown,
    "show_rule": RuleShown,
    "replace_rule": RuleShown,
    "check_rulebook": CheckResult,
    "run_tests": TestResult,
    "generate_tests": GeneratedTests,
    "readyz": Ready,
}
"""Operations that answer with one thing."""
