"""`/a/<token>`: the page behind the link of a message. Looking changes nothing; its button acknowledges as the person it was sent to.

Nobody signs in here: the token is the proof, for one person and what they were told of. `GET` and `HEAD` show the page, as previews,
scanners and phones that read ahead do; only `POST`, the button, acts, through the same act as the API's. 200 while the escalation goes
on and to the press that ends it, 410 once it is over, also because somebody has the case, 404 for what we never signed, 422 for a press
that does not say which of several cases. Always a page in plain words, also when we cannot do our work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from tsbridge.acts import casework
from tsbridge.acts.errors import Refused
from tsbridge.core import acklink, zones
from tsbridge.core.acklink import AckLink
from tsbridge.store import link_keys, proofs, rosters
from tsbridge.store.standing import Standing, standings
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web import acknowledge_page as page
from tsbridge.web.acknowledge_page import Person
from tsbridge.web.desk import Desk

FOLDER: Final = "/a/"
PATH: Final = FOLDER + "{token}"
WAY: Final = "link"
BODY_CAP: Final = 4_096
A_PAGE: Final = 50
PROVABLE_FOR: Final = timedelta(days=7)
"""How long the button of a test message proves anything."""

Answer = tuple[str, int, str]
"""What came of it (for the figures), the status, the page."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What stands behind a link that is ours. `person`: None when they are not of the team any more. `names`: of the team, by key."""

    link: AckLink
    person: Person | None
    cases: tuple[Standing, ...]
    names: Mapping[str, str]


async def link_page(request: Request) -> Response:
    """The page, by whichever method."""
    desk: Desk = request.app.state.desk
    try:
        outcome, status, html = await _answer(desk, request)
    except DATABASE_FAILURES:
        outcome, status, html = "unavailable", 503, page.unavailable()
    desk.counters.link("press" if request.method == "POST" else "look", outcome)
    headers = {**page.HEADERS, **({"Retry-After": "30"} if status == 503 else {})}
    return Response(b"" if request.method == "HEAD" else html, status, headers, page.MEDIA_TYPE)


routes = Router(routes=[Route(PATH, link_page, methods=["GET", "POST"])])


async def _answer(desk: Desk, request: Request) -> Answer:
    token, now = str(request.path_params["token"]), desk.clock.now()
    opened = await desk.database.read(lambda conn: _open(conn, desk, token, now))
    if opened is None:
        return "unknown", 404, page.unknown()
    person = opened.person
    if person is None:
        return "over", 410, page.over()
    if opened.link.kind == "proof":
        return await _prove(desk, request.method, opened.link, person, now)
    if request.method != "POST":
        return _shown(desk, opened, person, _start(request), "shown")
    try:
        chosen = await _chosen(request, opened)
    except LookupError:
        return "unknown", 404, page.unknown()
    if chosen is None:
        outcome, status, html = _shown(desk, opened, person, 0, "unnamed")
        return outcome, 422 if status == 200 else status, html
    return await _press(desk, token, opened.link, person, chosen, now)


async def _prove(desk: Desk, method: str, link: AckLink, person: Person, now: datetime) -> Answer:
    if now - link.since > PROVABLE_FOR:
        return "over", 410, page.test_over()
    if method != "POST":
        return "shown", 200, page.test(person, link.way)
    await desk.database.write(lambda conn: proofs.prove(conn, link.agent, link.way, now))
    return "proved", 200, page.proved(person, link.way)


async def _press(desk: Desk, token: str, link: AckLink, person: Person, chosen: Standing, now: datetime) -> Answer:
    """Whoever presses got the message: that is known now, whether or not they were first."""
    await desk.database.write(lambda conn: proofs.prove(conn, link.agent, link.way, now))
    outcome: str = chosen.state
    if chosen.state == "open":
        outcome = "acknowledged"
        try:
            await desk.edit(person.key, casework.acknowledge, chosen.case_id, way=WAY, first=not chosen.again)
        except Refused:
            outcome = "over"  # in between; the page that follows says how it stands
    after = await desk.database.read(lambda conn: _open(conn, desk, token, now))
    if after is None or after.person is None:
        return "over", 410, page.over()
    return _shown(desk, after, after.person, 0, outcome)


def _shown(desk: Desk, opened: Opened, person: Person, start: int, outcome: str) -> Answer:
    """How it stands now."""
    tickets = page.Tickets(desk.zendesk_url)
    if all(case.state == "over" for case in opened.cases):
        return "over", 410, page.over(opened.cases[0] if len(opened.cases) == 1 else None)
    status = 410 if outcome != "acknowledged" and all(case.ended for case in opened.cases) else 200
    if opened.link.kind == "group":
        return outcome, status, page.group(opened.cases, person, opened.names, tickets, start, A_PAGE)
    case = opened.cases[0]
    if case.state == "taken":
        return "taken" if outcome == "shown" else outcome, status, page.taken(case, person, opened.names, tickets)
    return outcome, status, page.one(case, person, tickets)


def _open(conn: Connection, desk: Desk, token: str, now: datetime) -> Opened | None:
    """What the token is for, as it stands; None for one that is not ours."""
    link = acklink.read(token, link_keys.verifying(conn, now))
    if link is None:
        return None
    live = rosters.live(conn)
    person, names = _team(None if live is None else live.document, link.agent)
    if link.kind == "proof":
        return Opened(link, person, (), names)
    asked = [(link.about, link.policy, link.since)] if link.kind == "case" else desk.carried(conn, link.about)
    return Opened(link, person, tuple(sorted(standings(conn, asked), key=page.rank)), names)


def _team(document: Any, key: str) -> tuple[Person | None, dict[str, str]]:
    """Whose link it is, and everybody's name, by key and by Zendesk user.

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


async def _chosen(request: Request, opened: Opened) -> Standing | None:
    """The case whose button was pressed: the only one still open, or the one that the form names. None: it does not say which.

    LookupError: the form names one that the link is not for, or is no form of ours.
    """
    size, body = 0, []
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_CAP:
            raise LookupError
        body.append(chunk)
    if opened.link.kind == "case":
        return opened.cases[0]
    try:
        form = parse_qs(b"".join(body).decode("ascii", "replace"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise LookupError from None
    if "case" in form:
        named = [case for case in opened.cases if case.case_id == form["case"][0]]
        if not named:
            raise LookupError
        return named[0]
    still_open = [case for case in opened.cases if case.state == "open"]
    return still_open[0] if len(still_open) == 1 else None


def _start(request: Request) -> int:
    """Where a long list goes on; anything that is no number is its beginning. Other parameters, which mail programs add, are nothing."""
    text = request.query_params.get("from", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
