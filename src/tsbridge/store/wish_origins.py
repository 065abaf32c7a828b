"""Who asked for what a ticket is wished to be: of each part of a wish the rule and the decision behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from tsbridge.core.helpdesk import Ours, Wish
from tsbridge.core.moments import instant_text
from tsbridge.core.places import is_at
from tsbridge.core.refusals import asked_of, standing, written
from tsbridge.core.wish_origins import askers
from tsbridge.store import decisions, links
from tsbridge.store.desired import DROPPED
from tsbridge.store.rulebooks import LiveRulebook

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Asking:
    """One decision in force and the parts it asks for: part -> rule, or `<policy>/<step>`."""

    at: str
    moment: str
    id: str
    parts: Mapping[str, str]


def parts(conn: Connection, live: LiveRulebook, row: Row, wish: Wish, ours: Ours) -> list[dict[str, Any]]:
    """Every part of a wish: `part`, `status` (`written`, `parked`, else that of the wish), `reason`, `rule`, `decision_id`, by name."""
    asking = _asking(conn, live, row["case_id"])
    refused, done = standing(wish, ours), written(wish, ours)
    found = []
    for part, asked in sorted(asked_of(wish).items()):
        status, reason = row["status"], row["reason"]
        if part in refused:
            status, reason = "parked", ours.refused[part].reason
        elif part in done and reason != DROPPED:
            status, reason = "written", None
        who = _of_note(asking, part) if part.startswith("note:") else _first(asking, part, asked.by)
        rule, decision_id = (None, None) if who is None else (who.parts[_name(part)], who.id)
        found.append({"part": part, "status": status, "reason": reason, "rule": rule, "decision_id": decision_id})
    return found


def _asking(conn: Connection, live: LiveRulebook, case_id: str) -> list[_Asking]:
    """The decisions in force of a case, oldest first."""
    found = []
    for moment, decision in decisions.in_force(conn, links.members(conn, case_id)).items():
        asked = askers(live.version(conn, decision.version).book, decision.matched, decision.outcome)
        by_part: dict[str, str] = {}
        for part, who in asked:
            by_part.setdefault(part, who)  # of single values the higher rule's counts
        found.append(_Asking(instant_text(decision.at), moment, decision.id, by_part))
    return sorted(found, key=lambda one: (one.at, one.moment))


def _first(asking: Iterable[_Asking], part: str, place: str) -> _Asking | None:
    """The decision about the moment at this place of the story; of what was asked for again because something took it off, the
    last one before that which asked."""
    told = [one for one in asking if part in one.parts]
    earlier = [one for one in told if one.at <= place.rpartition(":")[0]]
    return next((one for one in told if is_at(one.moment, place)), earlier[-1] if earlier else None)


def _of_note(asking: Iterable[_Asking], part: str) -> _Asking | None:
    """The decision that began the firing which wrote a note: `<who>#<n>` is of the nth firing. None for one that a person wrote."""
    name, written = _name(part), part.rpartition("#")[2].partition("@")[0]
    number = int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
    begins, before = [], False
    for one in asking:
        fires = name in one.parts
        if fires and not (before and name.startswith("note:rule:")):
            begins.append(one)
        before = fires
    return begins[number - 1] if 0 < number <= len(begins) else None


def _name(part: str) -> str:
    """How `core.wish_origins` calls a part: a note by who writes it."""
    return part.partition("#")[0] if part.startswith("note:") else part
