"""Deliveries: what was heard, what got stuck, and another try for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import events, tallied, words
from tsbridge.acts.events import Event, EventWhole
from tsbridge.acts.words import Reader
from tsbridge.console.facets import choices
from tsbridge.console.forms import MOST_ROWS, Table, table_of
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address
from tsbridge.store import views

A_PAGE: Final = 50
STATUSES: Final = ("pending", "applied", "ignored", "quarantined", "dead")
SOURCES: Final = ("zendesk", "talkdesk")
BODY: Final = 20_000
KEYS: Final = ("id", "seq", "source", "status", "reason", "event_type", "received_at", "settled_at", "attempts", "duplicates")
DONE: Final = {"1": "It is worked on once more."}


async def page(visit: Visit) -> Response:
    """Newest first; of each status with how many there are."""
    status, source, after = _filters(visit)

    def read(conn: Connection) -> tuple[list[Event], Mapping[tuple[str, str], int]]:
        return events.listed(conn, A_PAGE + 1, after, status, source), tallied.deliveries(conn)

    found, counts = await visit.console.database.read(read)
    sums = {
        "status": {one: sum(count for (of, has), count in counts.items() if has == one and source in (None, of)) for one in STATUSES},
        "source": {one: sum(count for (of, has), count in counts.items() if of == one and status in (None, has)) for one in SOURCES},
    }
    filters = {"status": status, "source": source}
    return visit.show(
        "events.html",
        here="events",
        events=found[:A_PAGE],
        filters=filters,
        facets={kind: choices("events", filters, kind, of.items()) for kind, of in sums.items()},
        retried=events.RETRIED,
        more=address("events", **filters, after=found[A_PAGE - 1].seq) if len(found) > A_PAGE else None,
        first=after is None,
        done=visit.done(DONE),
        query=visit.request.url.query,
    )


async def table(visit: Visit) -> Table:
    status, source, after = _filters(visit)
    found = await visit.console.database.read(lambda conn: events.listed(conn, MOST_ROWS, after, status, source))
    return table_of("events", KEYS, found)


async def show(visit: Visit) -> Response:
    """One delivery, with its bytes as they came; those of severe and restricted cases only when asked for."""
    found, guarded = await visit.console.database.read(lambda conn: _with_guarded(conn, visit.reader, visit.in_path("id")))
    return _shown(visit, found, withheld=bool(guarded))


async def with_words(visit: Visit) -> Response:
    """The page with what people wrote, for this once; that it was asked for stands in the audit of the cases it is about."""
    found, guarded = await visit.console.database.read(lambda conn: _with_guarded(conn, visit.reader, visit.in_path("id")))
    for case_id in guarded:
        await visit.act(words.read_words, case_id)
        visit.console.gate.security.saw("words_read", role=visit.signed.caller.role)
    return _shown(visit, found, withheld=False)


def _shown(visit: Visit, found: EventWhole, *, withheld: bool) -> Response:
    body = None if withheld else found.body.text[:BODY]
    return visit.show("event.html", here="events", event=found, body=body, retried=events.RETRIED, done=visit.done(DONE))


def _with_guarded(conn: Connection, reader: Reader, event_id: str) -> tuple[EventWhole, list[str]]:
    """The delivery, and the cases with guarded words that it is about; itself where none is known."""
    found = events.show(conn, event_id)
    about = views.cases_of_event(conn, event_id) or [event_id]
    return found, [one for one in about if words.are_guarded(conn, reader, one)]


async def retry(visit: Visit) -> Response:
    await visit.act(events.retry, visit.in_path("id"))
    visit.console.wake()
    return visit.back("/events?done=1")


def _filters(visit: Visit) -> tuple[str | None, str | None, int | None]:
    status, source = visit.word("status"), visit.word("source")
    if status not in (None, *STATUSES) or source not in (None, *SOURCES):
        raise NoPage(422, f"Expected a status of {', '.join(STATUSES)} and a source of {', '.join(SOURCES)}.")
    return status, source, visit.number("after", 18)
