"""`tsbridge roster oncall`, `coverage`, `override`, `feed`: who is there by the roster that is live, and what is otherwise for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

import typer

from tsbridge.acts import duty_feeds, overriding, rostering, shape
from tsbridge.acts import oncall as acts
from tsbridge.acts.errors import Invalid
from tsbridge.acts.overriding import Wanted
from tsbridge.cli.frame import AsJson, Failed, House, done, house, refuse, say, table, time_option
from tsbridge.cli.roster import NO_ROSTER
from tsbridge.core.feedlink import FeedLink
from tsbridge.roster.document import SEVERITIES
from tsbridge.store import rosters
from tsbridge.wiring.clock_and_ids import entropy
from tsbridge.work.rosters import LiveRoster


def oncall(
    at: Annotated[str | None, typer.Option(help="An instant, such as 2026-11-22T03:00:00Z; without it now.")] = None,
    queue: Annotated[str | None, typer.Option(help="For this queue.")] = None,
    severity: Annotated[int | None, typer.Option(min=SEVERITIES[0], max=SEVERITIES[-1], help="For this severity.")] = None,
    as_json: AsJson = False,
) -> None:
    """Who is on call and why; the past as it was known then. Exit code 1 when nobody is."""
    with house() as made:
        instant = time_option("at", at) or made.clock.now()
        rota = made.read(lambda conn: LiveRoster().then(conn, instant))
    if rota is None:
        raise Failed("There was no roster at that time." if at else NO_ROSTER)
    found = shape.as_json(rota.on_call(instant, queue, severity))
    say(as_json, found, _who(found))
    done(bool(found["people"]))


def coverage(
    days: Annotated[int, typer.Option(min=1, max=366, help="How far ahead.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Every time to come at which nobody is on call for a queue, why, and who could be. Exit code 1 when there is one."""
    with house() as made:
        now = made.clock.now()
        rota, book = made.read(lambda conn: (LiveRoster().now(conn, now), rostering.rulebook_of(conn)))
    if rota is None:
        raise Failed(NO_ROSTER)
    found = shape.as_json(acts.coverage(rota, book, now, now + timedelta(days=days)).holes)
    columns = ("queue", "severity", "from", "to", "why", "proposal")
    say(as_json, {"holes": found}, table(found, columns, f"Somebody is on call for every queue in the next {days} days."))
    done(not found)


def override(
    kind: Annotated[
        str, typer.Argument(help="oncall: has a rotation or answers for a queue; shift: works; off: is away. Or list, remove.")
    ],
    agent: Annotated[str | None, typer.Argument(help="The agent's key; for remove the override's id.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="From when on, such as 2026-11-22T03:00:00Z; without it now.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Until when.")] = None,
    why: Annotated[str, typer.Option(help="Why, for those who look later.")] = "",
    instead_of: Annotated[str | None, typer.Option(help="Whom they step in for.")] = None,
    rotation: Annotated[str | None, typer.Option(help="The rotation or shift.")] = None,
    queue: Annotated[str | None, typer.Option(help="The queue.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put somebody in, or say that somebody is off, for a while; `list` shows overrides, `remove` takes one away."""
    with house() as made:
        if kind == "list":
            shown = shape.as_json([overriding.shown(one) for one in made.read(lambda conn: rosters.listed(conn, 200, agent=agent))])
            columns = ("id", "kind", "agent", "from", "to", "rotation", "queue", "why", "removed_at")
            say(as_json, {"items": shown}, table(shown, columns, "No overrides."))
        elif agent is None:
            refuse("expected the key of an agent" if kind != "remove" else "expected the id of an override")
        elif kind == "remove":
            gone = made.write(lambda conn: overriding.remove(conn, made.entry(), agent))
            say(as_json, shape.as_json(gone), [f"Removed {agent}."])
        elif kind in ("oncall", "shift", "off"):
            start, end = time_option("from", since) or made.clock.now(), time_option("to", until)
            if end is None or not 0 < len(why.strip()) <= 500:
                refuse("expected --to, and --why with 1 to 500 characters")
            one = _override(made, Wanted(kind, agent, start, end, why, instead_of, rotation, queue))  # type: ignore[arg-type]
            say(as_json, one, [f"{one['id']}: {one['agent']} from {one['from']} to {one['to']}."])
        else:
            refuse("expected oncall, shift, off, list or remove")


def feed(
    agent: Annotated[str | None, typer.Argument(help="The agent's key.")] = None,
    queue: Annotated[str | None, typer.Option(help="A queue's key: who is on call and at work for it.")] = None,
    void: Annotated[bool, typer.Option("--void", help="Make the link lead nowhere, without a new one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a new secret link to the duties of an agent or a queue, for calendar programs; earlier ones lead nowhere from now on."""
    if (agent is None) == (queue is None):
        refuse("expected the key of an agent, or --queue with that of a queue")
    link = FeedLink("agent", agent) if agent is not None else FeedLink("queue", str(queue))
    with house() as made:
        if void:
            made.write(lambda conn: duty_feeds.void_link(conn, made.entry(), link))
            say(as_json, {"voided": True}, [f"Links to the feed of {link.key} lead nowhere from now on."])
            return
        path = made.write(lambda conn: duty_feeds.make_link(conn, made.entry(), LiveRoster(), link, entropy))
        url = f"{made.settings.public_url or ''}{path}"
    say(as_json, {"url": url}, [url])


def _override(made: House, wanted: Wanted) -> Any:
    try:
        return shape.as_json(made.write(lambda conn: overriding.make(conn, made.entry(), LiveRoster(), made.ids.new("ovr"), wanted)))
    except Invalid as refused:
        refuse("; ".join(f"{name.removeprefix('/')}: {words}" for name, words in refused.wrong.items()))
    except rosters.Overlapping as found:
        raise Failed(f"The override {found.id} says who has this at that time; remove it first.") from None
    except rosters.TooMany:
        raise Failed(f"There are {rosters.MOST} overrides that are not over.") from None


def _who(found: dict[str, Any]) -> Iterator[str]:
    for one in found["people"]:
        yield f"{one['agent']} until {one['until'] or 'further notice'}"
        yield from (f"  {because['step']}: {because['says']}" for because in one["because"])
    if found["then"]:
        yield f"then: {', '.join(found['then'])}"
    if found["gap"] is not None:
        yield f"Nobody from {found['gap']['from']} to {found['gap']['to'] or 'no end in sight'}: {found['gap']['why']}"
