"""`tsbridge events`, `writebacks`, `escalations`: what was heard, is wanted, comes next, and another try for what got stuck."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from tsbridge.cli.frame import AsJson, Failed, Limit, group, house, refuse, say, table
from tsbridge.store import agents, desired, inbox, steps, views
from tsbridge.web.events import RETRIED as EVENTS_RETRIED
from tsbridge.web.shapes import event_item, step_item, writeback_item
from tsbridge.web.writebacks import RETRIED as WISHES_RETRIED

escalations = group()
events = group()
writebacks = group()

STATUSES: Final = ("pending", "applied", "ignored", "quarantined", "dead")
STATES: Final = ("overdue", "unacknowledged", "nobody")
WISH_STATUSES: Final = ("waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run")

EventId = Annotated[str, typer.Argument(help="An event's id: evt_…")]
Several = Annotated[str | None, typer.Option("--status", help="Instead of an id: all with this status.")]


@events.command("list")
def list_events(
    status: Annotated[str | None, typer.Option(help=", ".join(STATUSES))] = None,
    source: Annotated[str | None, typer.Option(help="zendesk or talkdesk")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Deliveries, newest first, without what they say."""
    _known("status", status, STATUSES)
    _known("source", source, ("zendesk", "talkdesk"))
    with house() as made:
        items = [event_item(row) for row in made.read(lambda conn: views.events(conn, limit, None, status, source))]
    columns = ("id", "received_at", "source", "event_type", "status", "reason", "attempts", "duplicates")
    say(as_json, {"items": items}, table(items, columns, "Nothing of the kind."))


@events.command("show")
def show_event(event_id: EventId, as_json: AsJson = False) -> None:
    """One delivery: what became of it, what it told and led to. Its text stays in the database."""

    def read(conn: Connection) -> dict[str, Any]:
        row = views.event(conn, event_id)
        if row is None:
            raise Failed("There is no event of this id; see tsbridge events list.")
        moments, decisions = views.event_results(conn, event_id)
        body = {"bytes": len(row["body"]), "sha256": hashlib.sha256(row["body"]).hexdigest()}
        return {**event_item(row), "body": body, "moments": moments, "decisions": decisions}

    with house() as made:
        shown = made.read(read)
    say(as_json, shown, _pairs(shown))


@events.command("retry")
def retry_events(event_id: Annotated[str | None, typer.Argument()] = None, status: Several = None, as_json: AsJson = False) -> None:
    """Work on quarantined, dead or ignored deliveries once more."""
    _one_of_both(event_id, status, EVENTS_RETRIED)

    def write(conn: Connection) -> list[str]:
        rows = [views.event(conn, event_id)] if event_id else list(views.events(conn, 10_000, None, status, None))
        done: list[str] = []
        for row in rows:
            if row is None:
                raise Failed("There is no event of this id; see tsbridge events list.")
            if row["status"] not in EVENTS_RETRIED:
                raise Failed(f"This event is {row['status']}; only {', '.join(EVENTS_RETRIED)} ones can be tried again.")
            inbox.retry(conn, row["id"], made.clock.now())
            made.entry().change(conn, "event.retry", row["id"], {"status": row["status"], "reason": row["reason"]}, {"status": "pending"})
            done.append(row["id"])
        return done

    with house() as made:
        retried = made.write(write)
    say(as_json, {"retried": retried}, [f"{len(retried)} to be worked on again."])


@writebacks.command("list")
def list_writebacks(
    status: Annotated[str | None, typer.Option(help=", ".join(WISH_STATUSES))] = None,
    ticket: Annotated[str | None, typer.Option(help="A ticket's number.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """One wish per ticket, newest first."""
    _known("status", status, WISH_STATUSES)
    with house() as made:
        items = [writeback_item(row) for row in made.read(lambda conn: views.writeback_list(conn, limit, None, status, ticket))]
    columns = ("id", "ticket", "status", "reason", "attempts", "severity", "asked_at", "confirmed_at")
    say(as_json, {"items": items}, table(items, columns, "Nothing of the kind."))


@writebacks.command("retry")
def retry_writebacks(writeback_id: Annotated[str | None, typer.Argument()] = None, status: Several = None, as_json: AsJson = False) -> None:
    """Try parked, refused, dry-run or waiting wishes at once."""
    _one_of_both(writeback_id, status, WISHES_RETRIED)

    def write(conn: Connection) -> list[str]:
        rows = [views.writeback(conn, writeback_id)] if writeback_id else list(views.writeback_list(conn, 10_000, None, status))
        done: list[str] = []
        for row in rows:
            if row is None:
                raise Failed("There is no write-back of this id; see tsbridge writebacks list.")
            if row["status"] not in WISHES_RETRIED:
                raise Failed(f"This one is {row['status']}; only {', '.join(WISHES_RETRIED)} ones can be tried again.")
            desired.retry(conn, row["id"], made.clock.now())
            made.entry().change(
                conn, "writeback.retry", row["id"], {"status": row["status"], "reason": row["reason"]}, {"status": "waiting"}
            )
            done.append(row["id"])
        return done

    with house() as made:
        retried = made.write(write)
    say(as_json, {"retried": retried}, [f"{len(retried)} to be tried again."])


@escalations.command("list")
def list_escalations(
    order: Annotated[str, typer.Option(help="latest or soonest")] = "soonest",
    state: Annotated[str | None, typer.Option(help=", ".join(STATES))] = None,
    severity: Annotated[int | None, typer.Option(min=1, max=4)] = None,
    queue: Annotated[str | None, typer.Option(help="A queue's key.")] = None,
    agent: Annotated[str | None, typer.Option(help="Who was told, by their key or Zendesk id.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Steps, those due soonest first, with who was told of them. What tickets are called is not shown here."""
    _known("order", order, ("latest", "soonest"))
    _known("state", state, STATES)

    def read(conn: Connection) -> list[dict[str, Any]]:
        who = None if agent is None else agents.keys(conn).get(agent, agent)
        wanted, now = steps.Filter(state=state, severity=severity, queue=queue, agent=who), made.clock.now()
        rows = steps.listed(conn, wanted, now, limit, soonest=order == "soonest")
        about = steps.about(conn, rows)
        return [{name: value for name, value in step_item(row, now, about).items() if name != "subject"} for row in rows]

    with house() as made:
        items = made.read(read)
    shown = [{**item, "told": ", ".join(map(_telling, item["told"]))} for item in items]
    columns = ("due_at", "status", "severity", "queue", "policy", "step", "ticket", "case_id", "told", "acknowledged_by")
    say(as_json, {"items": items}, table(shown, columns, "Nothing of the kind."))


def _telling(one: dict[str, Any]) -> str:
    return f"{one['to'] or one['way'] or one['reason']} {one['status']}"


def _known(name: str, value: str | None, words: tuple[str, ...]) -> None:
    if value is not None and value not in words:
        refuse(f"--{name}: expected one of {', '.join(words)}")


def _one_of_both(one: str | None, status: str | None, words: tuple[str, ...]) -> None:
    if (one is None) == (status is None):
        refuse("expected either an id or --status")
    _known("status", status, words)


def _pairs(shown: dict[str, Any]) -> list[str]:
    width = max(len(name) for name in shown)
    return [f"{name.ljust(width)}  {'-' if value is None else value}" for name, value in shown.items()]
