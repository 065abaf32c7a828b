"""Which operation answers with which shape."""

from __future__ import annotations

from typing import Any, Final

from tsbridge.acts.published import VersionShown, VersionWhole
from tsbridge.web.models import Decision, DecisionExplained, VersionName
from tsbridge.web.operation_models import (
    Change,
    Head,
    KeyMade,
    KeyShown,
    MappingsShown,
    Ready,
    Verdict,
)
from tsbridge.web.replay_models import (
    Move,
    RejudgeMove,
    RejudgeShown,
    RejudgeWhole,
    ReplayMade,
    ReplayShown,
    ReplayWhole,
    ShadowShown,
)
from tsbridge.web.report_models import ReportCase, ReportKind, ReportShown
from tsbridge.web.roster_models import (
    AgentShown,
    CoverageShown,
    DutyShown,
    FeedLinkMade,
    FeedShown,
    OnCallShown,
    OverrideShown,
    RosterDiff,
    RosterEntry,
    RosterPart,
    RosterWhole,
)

PAGES: Final[dict[str, Any]] = {
    "list_decisions": Decision,
    "list_changes": Change,
    "list_keys": KeyShown,
    "list_roster_versions": VersionShown,
    "list_overrides": OverrideShown,
    "list_agents": AgentShown,
    "list_shifts": DutyShown,
    "list_feeds": FeedShown,
    "list_replays": ReplayShown,
    "list_shadow_moves": Move,
    "list_moves": Move,
    "list_rejudges": RejudgeShown,
    "list_rejudge_moves": RejudgeMove,
    "list_reports": ReportKind,
    "list_report_cases": ReportCase,
}
"""Operations that answer with a page, by what its items are."""

ANSWERS: Final[dict[str, Any]] = {
    "explain_decision": DecisionExplained,
    "verify_chain": Verdict,
    "chain_head": Head,
    "show_mappings": MappingsShown,
    "replace_mappings": MappingsShown,
    "start_replay": ReplayMade,
    "show_replay": ReplayWhole,
    "start_rejudge": ReplayMade,
    "show_rejudge": RejudgeWhole,
    "show_shadow": ShadowShown,
    "start_shadow": ShadowShown,
    "create_key": KeyMade,
    "show_roster": RosterWhole,
    "show_roster_version": VersionWhole,
    "show_roster_entry": RosterEntry,
    "show_roster_part": RosterPart,
    "diff_roster_versions": RosterDiff,
    **dict.fromkeys(
        ("replace_roster", "restore_roster_version", "replace_roster_entry", "remove_roster_entry", "replace_roster_part"), VersionName
    ),
    **dict.fromkeys(("make_override", "show_override", "remove_override"), OverrideShown),
    **dict.fromkeys(("make_agent_feed", "make_queue_feed"), FeedLinkMade),
    "show_on_call": OnCallShown,
    "show_coverage": CoverageShown,
    "show_report": ReportShown,
    "readyz": Ready,
}
"""Operations that answer with one thing."""
