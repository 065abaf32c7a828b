"""`/a/<token>`: the page behind the link of a message. Looking changes nothing; its button acknowledges as the person it was sent to.

Nobody signs in here: the token is the proof, for one person and what they were told of. `GET` and `HEAD` show the page, as previews,
scanners and phones that read ahead do; only `POST`, the button, acts, through the same act as the API's. 200 while the escalation goes
on and to the press that ends it, 410 once it is over, also because somebody has the case, 404 for what we never signed, 422 for a press
that does not say which of several cases. Always a page in plain words, also when we cannot do our work.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from tsbridge.acts import acklinks
from tsbridge.acts.acklinks import Opened, Person
from tsbridge.acts.errors import NotFound
from tsbridge.core.acklink import AckLink
from tsbridge.store.case_acceptance import Standing
from tsbridge.store.views import DATABASE_FAILURES
from tsbridge.web import acknowledge_page as page
from tsbridge.web.services import Services

FOLDER: Final = "/a/"
PATH: Final = FOLDER + "{token}"
BODY_CAP: Final = 4_096
A_PAGE: Final = 50

Answer = tuple[str, int, str]
"""What came of it (for the figures), the status, the page."""


async def link_page(request: Request) -> Response:
    """The page, by whichever method."""
    services: Services = request.app.state.services
    try:
        outcome, status, html = await _answer(services, request)
    except DATABASE_FAILURES:
        outcome, status, html = "unavailable", 503, page.unavailable()
    if outcome == "unknown":
        services.gate.security.saw("link_refused")
    services.counters.link("press" if request.method == "POST" else "look", outcome)
    headers = {**page.HEADERS, **({"Retry-After": "30"} if status == 503 else {})}
    return Response(b"" if request.method == "HEAD" else html, status, headers, page.MEDIA_TYPE)


routes = Router(routes=[Route(PATH, link_page, methods=["GET", "POST"])])


async def _answer(services: Services, request: Request) -> Answer:
    token, now = str(request.path_params["token"]), services.clock.now()
    try:
        opened = await services.ask(acklinks.opened, token, now, services.carried)
        if opened.person is None:
            return "over", 410, page.over()
        if opened.link.kind == "proof":
            return await _prove(services, request.method, opened.link, opened.person, now)
        if request.method != "POST":
            return _shown(services, opened, opened.person, _start(request), "shown")
        chosen = await _chosen(request, opened)
    except NotFound:
        return "unknown", 404, page.unknown()
    if chosen is None:
        outcome, status, html = _shown(services, opened, opened.person, 0, "unnamed")
        return outcome, 422 if status == 200 else status, html
    outcome = await services.edit(opened.person.key, acklinks.press, opened.link, chosen)
    after = await services.ask(acklinks.opened, token, now, services.carried)
    return ("over", 410, page.over()) if after.person is None else _shown(services, after, after.person, 0, outcome)


async def _prove(services: Services, method: str, link: AckLink, person: Person, now: datetime) -> Answer:
    if not acklinks.proves(link, now):
        return "over", 410, page.test_over()
    if method != "POST":
        return "shown", 200, page.test(person, link.way)
    await services.database.write(lambda conn: acklinks.prove(conn, link, now))
    return "proved", 200, page.proved(person, link.way)


def _shown(services: Services, opened: Opened, person: Person, start: int, outcome: str) -> Answer:
    """How it stands now."""
    tickets = page.Tickets(services.zendesk_url)
    if all(case.state == "over" for case in opened.cases):
        return "over", 410, page.over(opened.cases[0] if len(opened.cases) == 1 else None)
    status = 410 if outcome != "acknowledged" and all(case.ended for case in opened.cases) else 200
    if opened.link.kind == "group":
        return outcome, status, page.group(opened.cases, person, opened.names, tickets, start, A_PAGE)
    case = opened.cases[0]
    if case.state == "taken":
        return "taken" if outcome == "shown" else outcome, status, page.taken(case, person, opened.names, tickets)
    return outcome, status, page.one(case, person, tickets)


async def _chosen(request: Request, opened: Opened) -> Standing | None:
    """The case whose button was pressed: the only one still open, or the one that the form names. None: it does not say which.

    Raises `NotFound` where the form names one that the link is not for, or is no form of ours.
    """
    size, body = 0, []
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_CAP:
            raise NotFound("case")
        body.append(chunk)
    if opened.link.kind == "case":
        return opened.cases[0]
    try:
        form = parse_qs(b"".join(body).decode("ascii", "replace"), keep_blank_values=True, max_num_fields=8)
    except ValueError:
        raise NotFound("case") from None
    if "case" in form:
        named = [case for case in opened.cases if case.case_id == form["case"][0]]
        if not named:
            raise NotFound("case")
        return named[0]
    still_open = [case for case in opened.cases if case.state == "open"]
    return still_open[0] if len(still_open) == 1 else None


def _start(request: Request) -> int:
    """Where a long list goes on; anything that is no number is its beginning. Other parameters, which mail programs add, are nothing."""
    text = request.query_params.get("from", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
