"""The steps of a case's escalations as rows: one for each step that is over or to come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from tsbridge.core.casestate import CaseState
from tsbridge.core.escalation import Armed, Books, expected
from tsbridge.core.moments import Interaction, instant_text
from tsbridge.core.track import key_of


def escalation_rows(case_id: str, state: CaseState, books: Books) -> list[dict[str, object]]:
    """The steps of a case's policies: those that are over, and those to come with their due times."""
    rows: dict[str, dict[str, object]] = {}
    armed_by = {one.interaction for one in state.ended} | {one.interaction for one in state.armed}
    about = {by: _about(state, by) for by in armed_by}
    for over in state.ended:
        was = Armed(over.policy, over.armed_at, over.step - 1, over.interaction, over.rests, version=over.version)
        due = over.at if over.status in ("fired", "passed") else expected(books.of(was), was, over.step - 1)
        _row(rows, case_id, was, about[was.interaction], over.step, due or over.at, over.status, over.at)
    for armed in state.armed:
        policy = books.policy(armed)
        for index in range(armed.next_step, len(policy.steps) if policy is not None else 0):
            due = expected(books.of(armed), armed, index)
            if due is not None:
                status = "paused" if armed.resting else "armed"
                _row(rows, case_id, armed, about[armed.interaction], index + 1, due, status)
    return list(rows.values())


def _about(state: CaseState, by: Interaction) -> dict[str, object]:
    """What stands for the interaction that armed a step, and who has it in hand."""
    stands, own = state.stands_for(by), state.thread(by)
    taken = min((one for one in (state.acknowledged, own.taken) if one is not None), key=lambda one: one.at, default=None)
    return {
        "source": by.source,
        "interaction": by.id,
        "severity": stands.severity,
        "category": stands.category,
        "queue": own.queue or stands.queue,
        "open": not own.resolved,
        "taken_at": taken and taken.at,
        "taken_by": taken and taken.by,
    }


def _row(
    rows: dict[str, dict[str, object]],
    case_id: str,
    armed: Armed,
    about: Mapping[str, object],
    step: int,
    due_at: datetime,
    status: str,
    ended_at: datetime | None = None,
) -> None:
    name = f"{case_id}:{key_of(armed.interaction)}:{armed.policy}:{step}:{instant_text(armed.armed_at)}"
    id_ = "esc_" + hashlib.sha256(name.encode()).hexdigest()[:24]
    times = {"armed_at": armed.armed_at, "due_at": due_at, "ended_at": ended_at}
    rows[id_] = {"id": id_, "policy": armed.policy, "step": step, "status": status, "version": armed.version, **times, **about}
