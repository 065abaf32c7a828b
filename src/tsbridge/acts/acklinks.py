"""What stands behind the link of a message: looking changes nothing, pressing acknowledges as the person it was sent to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Connection

from tsbridge.acts import casework
from tsbridge.acts.casework import Judging
from tsbridge.acts.errors import Refused, need
from tsbridge.acts.ledger import Entry
from tsbridge.core import acklink, zones
from tsbridge.core.acklink import AckLink
from tsbridge.store import link_keys, proved_ways, rosters
from tsbridge.store.case_acceptance import Asked, Standing, standings

WAY: Final = "link"
PROVABLE_FOR: Final = timedelta(days=7)
"""How long the button of a test message proves anything."""

Carried = Callable[[Connection, str], Sequence[Asked]]
"""The cases that a message tells of, by its id."""
Outcome = Literal["acknowledged", "taken", "over"]


@dataclass(frozen=True, slots=True)
class Person:
    """Whose link it is."""

    key: str
    name: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Opened:
    """What stands behind a link that is ours. `person`: None when they are not of the team any more. `cases`: the worst first. `names`: of
    the team, by key and by Zendesk user."""

    link: AckLink
    person: Person | None
    cases: tuple[Standing, ...]
    names: Mapping[str, str]


def opened(conn: Connection, token: str, now: datetime, carried: Carried) -> Opened:
    """What the token is for, as it stands. Raises `NotFound` for one that is not ours."""
    link = need(acklink.read(token, link_keys.verifying(conn, now)), "link")
    live = rosters.live(conn)
    person, names = _team(None if live is None else live.document, link.agent)
    if link.kind == "proof":
        return Opened(link, person, (), names)
    asked = [(link.about, link.policy, link.since)] if link.kind == "case" else carried(conn, link.about)
    return Opened(link, person, tuple(sorted(standings(conn, asked), key=_worst_first)), names)


def proves(link: AckLink, now: datetime) -> bool:
    """Whether the button of a test message still proves anything."""
    return now - link.since <= PROVABLE_FOR


def prove(conn: Connection, link: AckLink, now: datetime) -> None:
    """Whoever presses got the message by its way."""
    proved_ways.prove(conn, link.agent, link.way, now)


def press(conn: Connection, entry: Entry, judging: Judging, link: AckLink, chosen: Standing) -> Outcome:
    """Take a case, unless somebody has it or it is over. That the message arrived is known now, whether or not they were first."""
    prove(conn, link, entry.at)
    if chosen.state != "open":
        return chosen.state
    try:
        casework.acknowledge(conn, entry, judging, chosen.case_id, way=WAY, first=not chosen.again)
    except Refused:
        return "over"  # in between
    return "acknowledged"


def _worst_first(case: Standing) -> tuple[int, str]:
    return (case.severity if case.severity is not None else 5, case.case_id)


def _team(document: Any, key: str) -> tuple[Person | None, dict[str, str]]:
    """Whose link it is, and everybody's name.

    Where there is no roster people go by their key; a way that was told itself does, too.
    """
    if document is None:
        return Person(key, key, UTC), {}
    agents = document.get("agents", {})
    names = {name: str(agent.get("name", name)) for name, agent in agents.items()}
    names |= {str(agent["zendesk_user_id"]): names[name] for name, agent in agents.items() if "zendesk_user_id" in agent}
    if key in agents:
        return Person(key, names[key], zones.zone(str(agents[key].get("timezone") or document["timezone"]))), names
    return (Person(key, key, zones.zone(str(document["timezone"]))) if key in document.get("ways", {}) else None), names
