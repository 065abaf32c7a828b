"""What people are told when their own coming duty is another than it was: what they have now, who is there before and after them and
until when; what they no longer have, and who has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from tsbridge.core.duty_changes import FAR, Handover, News
from tsbridge.core.moments import instant_text
from tsbridge.notify.messages import SHOWN, Message, Recipient, inert, local_text

TYPE: Final = "tsbridge.duty"
"""What outbound webhooks call it: a pager need not wake anybody for it."""


def about_duties(id: str, at: datetime, told: Sequence[News], to: Recipient) -> Message:
    """One message about one change or several, for whom it is about. Times are on the wall clock of their zone."""
    gained, lost = ([one for news in told for one in getattr(news, part)] for part in ("gained", "lost"))
    if not gained and not lost:
        raise ValueError("expected something that changed")
    lines: list[str] = []
    for head, pieces in (("You have now:", gained), ("You no longer have:", lost)):
        if pieces:
            lines += [head, *(f"- {_line(one, at, to)}" for one in pieces[:SHOWN])]
            lines += [f"- and {len(pieces) - SHOWN} more"] if len(pieces) > SHOWN else []
            lines.append("")
    lines.append("Nothing is asked of you now. If this cannot be, tell your supervisor.")
    first = min((*gained, *lost), key=lambda one: one.piece.start)
    subject = f"Your duty changed, from {local_text(first.piece.start, to.zone)} on"
    more = {"to": to.agent, "link": None, "acknowledge_link": None, "dedup_key": f"duty:{to.agent or ''}"}
    data = {"duty": True, "gained": [_data(one, at) for one in gained], "lost": [_data(one, at) for one in lost], **more}
    return Message(id, at, subject, "\n".join(lines), MappingProxyType(data), type=TYPE)


def _line(one: Handover, at: datetime, to: Recipient) -> str:
    piece = one.piece
    parts = [f"{inert(piece.name) or 'duty'}: from {local_text(piece.start, to.zone)}"]
    parts[0] += " on" if piece.end > at + FAR else f" to {local_text(piece.end, to.zone)}"
    if one.before:
        parts.append(f"before: {_keys(one.before)}")
    if one.after:
        next_ones = (f"{inert(agent)}" + ("" if until > at + FAR else f" until {local_text(until, to.zone)}") for agent, until in one.after)
        parts.append(f"after: {'; '.join(next_ones)}")
    if one.instead:
        parts.append(f"now: {_keys(one.instead)}")
    return ", ".join(parts)


def _keys(agents: Sequence[str]) -> str:
    return " and ".join(inert(agent) for agent in agents)


def _data(one: Handover, at: datetime) -> dict[str, Any]:
    piece = one.piece
    to = None if piece.end > at + FAR else instant_text(piece.end)
    after = [{"agent": agent, "until": None if until > at + FAR else instant_text(until)} for agent, until in one.after]
    about = {"name": piece.name, "from": instant_text(piece.start), "to": to}
    return {**about, "before": list(one.before), "after": after, "instead": list(one.instead)}
