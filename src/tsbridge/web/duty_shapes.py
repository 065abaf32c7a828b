"""Duties as the contract shows them (section 8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tsbridge.core.coverage import Hole
from tsbridge.core.roster import Agent
from tsbridge.core.rota import Because, Duty, OnCall
from tsbridge.core.times import time_text


def agent_item(agent: Agent, on_shift: bool, on_call: bool, proved: Mapping[str, datetime | None]) -> dict[str, Any]:
    """`proved`: by way to them, when it was last seen to reach them."""
    return {
        "id": agent.key,
        "name": agent.name,
        "zendesk_user_id": agent.zendesk_user_id,
        "queues": list(agent.queues),
        "skills": dict(agent.skills),
        "on_shift": on_shift,
        "on_call": on_call,
        "ways": [{"way": way, "proved_at": time_text(at)} for way, at in proved.items()],
        "from": None if agent.since is None else agent.since.isoformat(),
        "until": None if agent.until is None else agent.until.isoformat(),
        "shadow": agent.shadow,
    }


def duty_item(duty: Duty) -> dict[str, Any]:
    return {
        "id": duty.id,
        "agent": duty.agent,
        "from": time_text(duty.start),
        "to": time_text(duty.end),
        "source": duty.source,
        "name": duty.name,
        "because": _because(duty.because),
    }


def on_call_item(found: OnCall) -> dict[str, Any]:
    gap = found.gap
    return {
        "at": time_text(found.at),
        "people": [
            {"agent": one.agent, "name": one.name, "until": time_text(one.until), "because": _because(one.because)} for one in found.people
        ],
        "then": list(found.then),
        "gap": None if gap is None else {"from": time_text(gap.start), "to": time_text(gap.end), "why": gap.why},
    }


def hole_item(hole: Hole) -> dict[str, Any]:
    return {
        "queue": hole.queue,
        "severity": hole.severity,
        "from": time_text(hole.start),
        "to": time_text(hole.end),
        "why": hole.why,
        "proposal": hole.proposal,
    }


def _because(because: tuple[Because, ...]) -> list[dict[str, str]]:
    return [{"step": one.step, "says": one.says} for one in because]
