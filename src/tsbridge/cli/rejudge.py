"""`tsbridge cases rejudge`: what the live rulebook would change in open cases, and with `--apply` changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from tsbridge.acts import rejudging, shape
from tsbridge.acts.errors import Conflict
from tsbridge.cli.frame import AsJson, Failed, House, done, group, house, refuse, say, span_options, table
from tsbridge.store import rejudges, replays
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.wiring.clock_and_ids import salt, worker_name
from tsbridge.work.conclude import Conclusions
from tsbridge.work.rejudge import Rejudging

BATCH: Final = 500
LOOK_AGAIN_S: Final = 0.25

app = group()
Word = Annotated[str | None, typer.Option()]
Number = Annotated[int | None, typer.Option(min=1)]


@app.callback()
def cases() -> None:
    """Open cases."""


@app.command()
def rejudge(
    apply: Annotated[bool, typer.Option("--apply", help="Change the cases, not only tell what would change.")] = False,
    notify: Annotated[bool, typer.Option("--notify", help="Tell what is asked for anew, and fire steps that are overdue.")] = False,
    note: Annotated[str | None, typer.Option(help="What for; it stands in the changes.")] = None,
    ticket: Word = None,
    call: Word = None,
    queue: Word = None,
    category: Word = None,
    severity: Number = None,
    rule: Annotated[str | None, typer.Option(help="A decision in force is by this rule.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="A decision in force is by this version.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Opened at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Opened before this time.")] = None,
    expect: Annotated[int | None, typer.Option("--live", min=1, help="The live version this is meant for; another one refuses.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which open cases the live rulebook would have otherwise. Exit code 1 when it did not come to its end."""
    begins, ends = span_options(since, until)
    wanted = rejudges.Filter(ticket, call, queue, severity, category, rule, version, begins, ends)
    with house() as made:
        asked: dict[str, Any] = {"apply": apply, "notify": notify, "note": note, "version": expect}
        try:
            id_ = made.write(lambda conn: rejudging.start(conn, made.entry(), made.ids, wanted, **asked))
        except Conflict as refused:
            refuse(f"--live: {refused}")
        asyncio.run(_through(made, id_))
        told = shape.as_json(made.read(lambda conn: rejudging.show(conn, id_, made.settings.zone)))
        told["moves"] = list(_moves(made, id_))
        there = {} if told["summary"]["cases"] else made.read(lambda conn: _there(conn, wanted))
    say(as_json, told, _in_words(told, there))
    done(told["status"] == "done")


async def _through(made: House, id_: str) -> None:
    """Work until the job is over, whoever works on it."""
    live = LiveRulebook(made.settings.zone)
    conclusions = Conclusions(live, made.ids, salt)
    worker = Rejudging(
        *(made.database, made.clock, made.ids, salt, live, conclusions, made.settings.zone, worker_name()),
        lambda: None,  # the running service looks by itself
    )
    while (job := made.read(lambda conn: replays.find(conn, id_))) is not None:
        if job.status not in replays.OPEN:
            return
        if await worker.round(id_) is not True:
            await asyncio.sleep(LOOK_AGAIN_S)
    raise Failed("What came of it was forgotten: many others were asked for since. The changes tell.")


def _moves(made: House, id_: str) -> Iterator[dict[str, Any]]:
    after = 0
    while found := made.read(lambda conn, after=after: rejudging.moves(conn, id_, BATCH, after)):  # type: ignore[misc]
        yield from shape.as_json(found)
        after = found[-1].seq


def _there(conn: Connection, wanted: rejudges.Filter) -> dict[str, list[Any]]:
    """What open cases have of that by which none was found."""
    asked = [name for name in ("severity", "category", "queue") if getattr(wanted, name) is not None]
    found = {name: rejudges.values(conn, name) for name in asked}
    return {name: values for name, values in found.items() if getattr(wanted, name) not in values}


def _in_words(told: dict[str, Any], there: dict[str, list[Any]]) -> Iterator[str]:
    counts, verb = told["summary"], "are" if told["apply"] else "would be"
    yield f"{counts['cases']} open cases looked at, {counts['changed']} {verb} otherwise by version {told['version']}."
    for name, values in there.items():
        yield f"No open case has the {name} {told['filter'][name]}; there are {', '.join(map(str, values)) or 'none with one'}."
    if told["status"] != "done":
        yield f"It ended as {told['status']}: {told['reason'] or 'somebody stopped it'}."
    if told["moves"]:
        yield ""
        yield from table([_line(item) for item in told["moves"]], ("case", "ticket", "severity", "queue", "tags", "policies"), "")
    if counts["changed"] and not told["apply"]:
        yield ""
        yield "Nothing was done; --apply does it."


def _line(item: dict[str, Any]) -> dict[str, Any]:
    was, now = item["from"], item["to"]
    values = {name: f"{_word(was[name])} > {_word(now[name])}" for name in ("severity", "queue") if was[name] != now[name]}
    sets = {column: _difference(was[name], now[name]) for column, name in (("tags", "tags"), ("policies", "escalations"))}
    return {"case": item["case_id"], "ticket": item["ticket"], **values, **sets}


def _word(value: Any) -> str:
    return "none" if value is None else str(value)


def _difference(was: list[str], now: list[str]) -> list[str] | None:
    return [*(f"+{one}" for one in now if one not in was), *(f"-{one}" for one in was if one not in now)] or None
