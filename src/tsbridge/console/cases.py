"""Cases: the list, one with its story, and what people do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import cases, casework, escalations, timeline, words
from tsbridge.acts.cases import Case
from tsbridge.acts.escalations import Escalation
from tsbridge.acts.explained import Explained, latest
from tsbridge.acts.timeline import TimelineEntry
from tsbridge.console.facets import Choice, choices
from tsbridge.console.forms import MOST_ROWS, Table
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address
from tsbridge.console.why import why_of
from tsbridge.core.moments import Interaction
from tsbridge.core.rota import Rota
from tsbridge.store import counted
from tsbridge.store.counted import OpenCases
from tsbridge.store.views import CaseFilter

A_PAGE: Final = 50
STORY: Final = 200
NONE: Final = "-"
"""In an address: where nothing stands."""
SOURCES: Final[tuple[Literal["zendesk", "talkdesk"], ...]] = ("zendesk", "talkdesk")
WAY: Final = "console"
DONE: Final[Mapping[str, str]] = {
    "acknowledged": "Acknowledged: somebody has it in hand.",
    "resolved": "Resolved, as far as the desk is concerned.",
    "noted": "The note stands on the timeline and goes to the ticket.",
    "assigned": "Assigned.",
    "merged": "Merged. A split undoes it.",
    "split": "Split off: it is a case of its own now.",
}
KEYS: Final = (
    *("id", "status", "severity", "category", "queue", "assignee"),
    *("acknowledged_by", "opened_at", "last_at", "next_due", "tickets", "calls"),
)


async def listed(visit: Visit) -> Response:
    """Newest first, fifty on a page; of those that are open with how many there are of what."""
    wanted, filters = _wanted(visit)
    after = visit.place("after")

    def read(conn: Connection) -> tuple[list[Case], list[OpenCases]]:
        return cases.listed(conn, wanted, A_PAGE + 1, after), counted.open_cases(counted.load(conn).get("case", {}))

    found, counts = await visit.console.database.read(read)
    last = found[A_PAGE - 1] if len(found) > A_PAGE else None
    return visit.show(
        "cases.html",
        here="cases",
        cases=found[:A_PAGE],
        filters=filters,
        facets=_facets(counts, filters) if wanted.status == "open" else {},
        more=None if last is None else address("cases", **filters, after=f"{last.opened_at.isoformat()}|{last.id}"),
        first=after is None,
    )


async def table(visit: Visit) -> Table:
    """What the page lists, further down than it goes."""
    wanted, _ = _wanted(visit)
    after = visit.place("after")
    found = await visit.console.database.read(lambda conn: cases.listed(conn, wanted, MOST_ROWS, after))
    return Table("cases", KEYS, [_line(case) for case in found])


def _line(case: Case) -> list[Any]:
    by_source = {source: " ".join(one.id for one in case.interactions if one.source == source) for source in SOURCES}
    has = None if case.assignee is None else case.assignee.agent or case.assignee.id
    stands = [case.id, case.status, case.severity, case.category, case.queue, has, case.acknowledged_by]
    return [*stands, case.opened_at, case.last_at, case.next_due, by_source["zendesk"], by_source["talkdesk"]]


async def show(visit: Visit) -> Response:
    return await _shown(visit, visit.in_path("id"), with_words=False)


async def with_words(visit: Visit) -> Response:
    """The page with what people wrote, for this once; that it was asked for stands in the audit."""
    case_id = visit.in_path("id")

    def read(conn: Connection) -> tuple[Case, bool]:
        case = cases.show(conn, case_id)
        return case, visit.reader.is_denied(conn, case.id)

    found, denied = await visit.console.database.read(read)
    if denied:
        raise NoPage(403, "What people wrote in this case is for supervisors and for whoever has it.")
    await visit.act(words.read_words, found.id)
    visit.console.gate.security.saw("words_read", role=visit.signed.caller.role)
    return await _shown(visit, case_id, with_words=True)


async def _shown(visit: Visit, case_id: str, *, with_words: bool) -> Response:
    after = _story_after(visit)

    def read(conn: Connection) -> tuple[Case, list[TimelineEntry], list[Escalation], Rota | None, Explained | None, bool, bool]:
        case = cases.show(conn, case_id)
        story = timeline.of_case(conn, case.id, STORY + 1, after, visit.reader)
        return (
            case,
            story,
            escalations.of_case(conn, case.id, visit.now, 50),
            visit.console.roster.now(conn, visit.now),
            latest(conn, visit.console.live, case.id, visit.reader),
            words.are_guarded(conn, visit.reader, case.id),
            visit.reader.is_denied(conn, case.id),
        )

    case, story, steps, rota, why, guarded, denied = await visit.console.database.read(read)
    withheld, more = guarded and not with_words, None
    if len(story) > STORY:
        at, rank, last = timeline.place(story[STORY - 1])
        more = address(f"cases/{case.id}", after=f"{at.isoformat()}|{rank}|{last}")
    return visit.show(
        "case.html",
        here="cases",
        case=case,
        story=story[:STORY],
        steps=steps,
        agents=[] if rota is None else [(agent.key, agent.name) for agent in rota.roster.agents],
        withheld=withheld,
        denied=denied,
        why=None if why is None else why_of(why, withheld=withheld),
        with_words=with_words,
        more=more,
        done=visit.done(DONE),
    )


async def acknowledge(visit: Visit) -> Response:
    return await _did(visit, "acknowledged", casework.acknowledge, _note(visit), WAY)


async def resolve(visit: Visit) -> Response:
    return await _did(visit, "resolved", casework.resolve, _note(visit))


async def note(visit: Visit) -> Response:
    return await _did(visit, "noted", casework.note, visit.needed("note", 4_000, lines=True))


async def assign(visit: Visit) -> Response:
    return await _did(visit, "assigned", casework.assign, visit.needed("agent"), _note(visit))


async def merge(visit: Visit) -> Response:
    return await _did(visit, "merged", casework.merge, visit.needed("case_id"))


async def split(visit: Visit) -> Response:
    named = visit.needed("interaction")
    part = next((Interaction(source, named[len(source) + 1 :]) for source in SOURCES if named.startswith(source + ":")), None)
    if part is None:
        raise NoPage(422, "Expected a ticket or a call of the case.")
    return await _did(visit, "split", casework.split, part)


async def _did(visit: Visit, done: str, act: Callable[..., Case], *asked: Any) -> Response:
    """Have an act on the page's case done, and go on to the case, or back to where it was asked for."""
    case = await visit.act(act, visit.console.judging, visit.in_path("id"), *asked)
    visit.console.wake_writer()
    return visit.go(f"/now?done={done}" if visit.form.get("to") == "now" else f"/cases/{case.id}?done={done}")


def _note(visit: Visit) -> str | None:
    return visit.sent("note") or None


def _wanted(visit: Visit) -> tuple[CaseFilter, dict[str, str | None]]:
    """What the address asks for, and how it says so."""
    filters = {"status": visit.word("status") or "open", "queue": visit.word("queue"), "severity": visit.word("severity")}
    if filters["status"] not in ("open", "resolved", "all"):
        raise NoPage(422, "Expected the status open, resolved or all.")
    severity = filters["severity"]
    if severity not in (None, NONE) and not (severity.isascii() and severity.isdigit() and len(severity) <= 2):
        raise NoPage(422, "Expected a severity like 1.")
    return (
        CaseFilter(
            queue=None if filters["queue"] == NONE else filters["queue"],
            status=None if filters["status"] == "all" else filters["status"],
            severity=None if severity in (None, NONE) else int(severity),
            without=tuple(name for name in ("queue", "severity") if filters[name] == NONE),
        ),
        filters,
    )


def _facets(counts: list[OpenCases], filters: Mapping[str, str | None]) -> dict[str, list[Choice]]:
    """By kind: the values, each with how many open cases would be listed with it beside the other filter."""
    found: dict[str, list[Choice]] = {}
    for kind, other in (("severity", "queue"), ("queue", "severity")):
        sums: Counter[str] = Counter()
        for one in counts:
            values = {"queue": one.queue or NONE, "severity": NONE if one.severity is None else str(one.severity)}
            if filters[other] in (None, values[other]):
                sums[values[kind]] += one.how_many
        in_order = sorted(sums.items(), key=lambda one: (one[0] == NONE, one[0]))
        found[kind] = choices("cases", filters, kind, in_order, {NONE: "none"})
    return found


def _story_after(visit: Visit) -> tuple[datetime, int, str] | None:
    place = visit.place("after")
    if place is None:
        return None
    rank, _, entry = place[1].partition("|")
    if not (rank.isascii() and rank.isdigit() and len(rank) == 1):
        raise NoPage(422, "This address was changed; go back a page.")
    return place[0], int(rank), entry
