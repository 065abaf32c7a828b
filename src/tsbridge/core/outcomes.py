"""What a decision comes to, as it is kept and shown."""

from __future__ import annotations

from typing import Any

from tsbridge.core.casestate import CaseState
from tsbridge.core.moments import Interaction
from tsbridge.core.rules.judgement import Judgement


def outcome(before: CaseState, state: CaseState, judgement: Judgement, subject: Interaction) -> dict[str, Any]:
    """Contract section 6 `outcome`: what stands for the interaction after this decision, and what this decision added.

    `resolved`: the case came to rest. `cut`: the fields of whose text only the newest part was seen. `passed`, `untold`: steps that
    did not fire, notes and messages that nobody got, since it was quiet.
    """
    stands, own = state.stands_for(subject), state.thread(subject)
    rests = state.resolved and not before.resolved
    return {
        "severity": stands.severity,
        "category": stands.category,
        "queue": own.queue or stands.queue,
        "assignee": _assignee(state),
        "priority": None if own.priority is None else own.priority.value,
        "tags_added": list(judgement.tags_added),
        "tags_removed": list(judgement.tags_removed),
        "custom_fields": dict(judgement.custom_fields),
        "escalations": list(judgement.escalated),
        "steps": [{"policy": step.policy, "step": step.index + 1} for step in judgement.steps],
        "notes": [note.key for note in judgement.notes],
        "notified": [target for _, target in judgement.notifications],
        "overruled": [dict(entry) for entry in judgement.overruled],
        **({"cut": list(judgement.cut)} if judgement.cut else {}),
        **({"passed": [{"policy": step.policy, "step": step.index + 1} for step in judgement.passed]} if judgement.passed else {}),
        **({"untold": list(judgement.untold)} if judgement.untold else {}),
        **({"resolved": True} if rests else {}),
        "changes_nothing": not judgement.notes and not judgement.notifications and not rests and before.stands_like(state),
    }


def _assignee(state: CaseState) -> dict[str, Any] | None:
    """Whom a rule, a supervisor or the desk named last. The roster's key stands there where the story tells it."""
    if not state.assignee:
        return None
    return {"id": state.assignee, **({"agent": state.agent} if state.agent is not None else {}), "because": state.assigned_because}
