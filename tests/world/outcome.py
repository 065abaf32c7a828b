"""What came out of a world, as the API and the exports show it, and what the vendors hold in the end."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from tests.world.house import Process
from tsbridge.acts import audit, cases, escalations, events, explained, notifications, publishing, timeline, writebacks
from tsbridge.acts.errors import NotFound
from tsbridge.acts.shape import as_json
from tsbridge.simulator.zendesk.world import World
from tsbridge.store import inbox, proof, rulebooks
from tsbridge.store.change_log import ChangeFilter
from tsbridge.store.steps import Filter
from tsbridge.store.terms import Titles
from tsbridge.store.views import CaseFilter

MANY: Final = 100_000


def shown(process: Process, *, words: bool) -> dict[str, Any]:
    """By the contract's names: what a supervisor, an auditor and ops would read. `words`: what was said, too."""
    return process.database.read_now(lambda conn: {**_shown(conn, process), **(_words(conn) if words else {})})


def _words(conn: Connection) -> dict[str, Any]:
    cases_, events_ = (as_json(listed) for listed in (cases.listed(conn, CaseFilter(), MANY), events.listed(conn, MANY)))
    return {
        "timelines": {one["id"]: as_json(timeline.of_case(conn, one["id"], MANY)) for one in cases_},
        "bodies": {one["id"]: as_json(events.show(conn, one["id"]))["body"] for one in events_},
    }


def _shown(conn: Connection, process: Process) -> dict[str, Any]:
    now = process.clock.now()
    decided = as_json(audit.decisions(conn, Titles(), audit.Asked(), MANY))
    counts = inbox.counts(conn)
    return {
        "events": as_json(events.listed(conn, MANY)),
        "counts": {source: {name: getattr(of, name) for name in (*OUTCOMES, "received")} for source, of in sorted(counts.items())},
        "cases": as_json(cases.listed(conn, CaseFilter(), MANY)),
        "decisions": decided,
        "explained": {one["id"]: _explained(conn, process, one["id"]) for one in decided},
        "escalations": as_json(escalations.listed(conn, Filter(), now, MANY, soonest=True)),
        "notifications": as_json(notifications.listed(conn, MANY)),
        "writebacks": [as_json(writebacks.show(conn, process.live, one.id)) for one in writebacks.listed(conn, MANY)],
        "changes": as_json(audit.changes(conn, ChangeFilter(), MANY)),
        "versions": {number: publishing.version(conn, number).document for number in range(1, rulebooks.newest(conn) + 1)},
        "verified": proof.verify(conn, None, now),
    }


OUTCOMES: Final = ("applied", "ignored", "duplicate", "quarantined", "dead", "pending")


def _explained(conn: Connection, process: Process, id_: str) -> Any:
    try:
        return as_json(explained.explained(conn, process.live, id_))
    except NotFound:
        return None


def held(world: World) -> dict[str, Any]:
    """What Zendesk holds: tickets, their audits, and who is who."""
    store = world.store
    return {
        "tickets": {str(id_): ticket for id_, ticket in sorted({**store.deleted, **store.tickets}.items())},
        "gone": sorted(str(id_) for id_ in store.deleted),
        "audits": {str(id_): audits for id_, audits in sorted(store.audits.items())},
        "users": {
            str(id_): {"role": user["role"], "name": user["name"], "email": user["email"], "phone": user["phone"]}
            for id_, user in sorted(store.users.items())
        },
        "bridge": world.bridge["id"],
    }
