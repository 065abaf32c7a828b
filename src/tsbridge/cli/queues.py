"""`tsbridge events`, `writebacks`, `escalations`: what was heard, is wanted, comes next, and another try for what got stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, Final, get_args

import typer
from sqlalchemy import Connection

from tsbridge.acts import escalations as step_acts
from tsbridge.acts import events as event_acts
from tsbridge.acts import shape
from tsbridge.acts import writebacks as wish_acts
from tsbridge.acts.ledger import Entry
from tsbridge.cli.frame import AsJson, Limit, group, house, refuse, say, table
from tsbridge.store.steps import Filter

escalations = group()
events = group()
writebacks = group()

STATUSES: Final = get_args(event_acts.Status)
SOURCES: Final = get_args(event_acts.Source)
STATES: Final = get_args(step_acts.State)
WISH_STATUSES: Final = get_args(wish_acts.Status)

EventId = Annotated[str, typer.Argument(help="An event's id: evt_…")]
MOST: Final = 10_000
Retry = Callable[[Connection, Entry, str], None]
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
    _known("source", source, SOURCES)
    with house() as made:
        items = shape.as_json(made.read(lambda conn: event_acts.listed(conn, limit, None, status, source)))
    columns = ("id", "received_at", "source", "event_type", "status", "reason", "attempts", "duplicates")
    say(as_json, {"items": items}, table(items, columns, "Nothing of the kind."))


@events.command("show")
def show_event(event_id: EventId, as_json: AsJson = False) -> None:
    """One delivery: what became of it, what it told and led to. Its text stays in the database."""
    with house() as made:
        shown = shape.as_json(made.read(lambda conn: event_acts.show(conn, event_id)))
    del shown["headers"], shown["body"]["text"]
    say(as_json, shown, _pairs(shown))


@events.command("retry")
def retry_events(event_id: Annotated[str | None, typer.Argument()] = None, status: Several = None, as_json: AsJson = False) -> None:
    """Work on quarantined, dead or ignored deliveries once more."""
    listed = partial(event_acts.listed, limit=MOST, status=status)
    retried = _retried(event_id, status, event_acts.RETRIED, listed, event_acts.retry)
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
        items = shape.as_json(made.read(lambda conn: wish_acts.listed(conn, limit, None, status, ticket)))
    columns = ("id", "ticket", "status", "reason", "attempts", "severity", "asked_at", "confirmed_at")
    say(as_json, {"items": items}, table(items, columns, "Nothing of the kind."))


@writebacks.command("retry")
def retry_writebacks(writeback_id: Annotated[str | None, typer.Argument()] = None, status: Several = None, as_json: AsJson = False) -> None:
    """Try parked, refused, dry-run or waiting wishes at once."""
    listed = partial(wish_acts.listed, limit=MOST, status=status)
    retried = _retried(writeback_id, status, wish_acts.RETRIED, listed, wish_acts.retry)
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

    wanted = Filter(state=state, severity=severity, queue=queue, agent=agent)
    with house() as made:
        now = made.clock.now()
        items = shape.as_json(made.read(lambda conn: step_acts.listed(conn, wanted, now, limit, soonest=order == "soonest")))
    for item in items:
        del item["subject"]
    shown = [{**item, "told": ", ".join(map(_telling, item["told"]))} for item in items]
    columns = ("due_at", "status", "severity", "queue", "policy", "step", "ticket", "case_id", "told", "acknowledged_by")
    say(as_json, {"items": items}, table(shown, columns, "Nothing of the kind."))


def _retried(
    one: str | None, status: str | None, words: tuple[str, ...], listed: Callable[[Connection], Iterable[Any]], retry: Retry
) -> list[str]:
    """The ids of what is tried again: one, or all that are listed."""
    if (one is None) == (status is None):
        refuse("expected either an id or --status")
    _known("status", status, words)

    def write(conn: Connection) -> list[str]:
        ids = [one] if one is not None else [item.id for item in listed(conn)]
        for id_ in ids:
            retry(conn, made.entry(), id_)
        return ids

    with house() as made:
        return made.write(write)


def _telling(one: dict[str, Any]) -> str:
    return f"{one['to'] or one['way'] or one['reason']} {one['status']}"


def _known(name: str, value: str | None, words: tuple[str, ...]) -> None:
    if value is not None and value not in words:
        refuse(f"--{name}: expected one of {', '.join(words)}")


def _pairs(shown: dict[str, Any]) -> list[str]:
    width = max(len(name) for name in shown)
    return [f"{name.ljust(width)}  {'-' if value is None else value}" for name, value in shown.items()]
