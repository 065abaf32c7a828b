"""`tsbridge rules replay`: a rulebook over stored history, from the command line. Reads the database and writes nothing."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from tsbridge.acts.csvtext import csv_text
from tsbridge.acts.replaying import COLUMNS, INSTANT, move_of, record_of
from tsbridge.cli.books import sound, stored
from tsbridge.cli.frame import AsJson, House, done, house, refuse, say, span_options, table
from tsbridge.core.replay import Compared, Tally
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.store import history, rulebooks
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.replay_jobs import contest, published_judge


def replay(
    file: Annotated[Path | None, typer.Argument(help="A rulebook file, or - for standard input; without it the draft.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="A published version instead.")] = None,
    as_recorded: Annotated[bool, typer.Option("--as-recorded", help="Each moment by the version live then: proves the audit.")] = False,
    since: Annotated[str | None, typer.Option("--from", help="Decisions at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Decisions before this time.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every decision that would be otherwise, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge history again by another rulebook and say what would move. Exit code 1 when a decision cannot be reproduced."""
    if sum((file is not None, version is not None, as_recorded)) > 1:
        refuse("expected one of a file, --version and --as-recorded")
    if as_csv and as_json:
        refuse("expected --csv or --json, not both")
    begins, ends = span_options(since, until)
    given = None if file is None else sound(file)[0]
    with house() as made:
        book = read(_stored(made, version, as_recorded) if given is None else given)
        live = LiveRulebook(made.settings.zone)
        newest = made.read(history.last_at)
        asked = SimpleNamespace(
            hash=book.hash,
            as_recorded=as_recorded,
            since=begins,
            until=ends or (newest + INSTANT if newest is not None else made.clock.now()),
        )
        judge = made.read(lambda conn: published_judge(conn, live, book.hash)) or Judge(book, made.settings.zone)
        ready = made.read(lambda conn: contest(conn, live, judge, asked))
        tally, total, cursor, seen = Tally(made.settings.zone), made.read(history.count), "", 0
        if as_csv:
            sys.stdout.buffer.write(csv_text([COLUMNS]))
        while cases := made.read(partial(ready.page, after=cursor)):
            for case in cases:
                compared = ready.compared(case)
                tally.add(case.id, compared)
                if as_csv:
                    sys.stdout.buffer.write(csv_text(record_of(_move(case.id, one)) for one in compared if one.telling))
            cursor, seen = cases[-1].id, seen + len(cases)
            if sys.stderr.isatty():
                typer.echo(f"\r{seen} of {total} cases", nl=False, err=True)
    if sys.stderr.isatty():
        typer.echo(err=True)
    summary = tally.summary()
    if not as_csv:
        say(as_json, summary, in_words(summary))
    done(not summary["mismatches"])


def _stored(made: House, version: int | None, as_recorded: bool) -> Any:
    if version is not None or as_recorded:
        return stored(made, version)
    return made.read(rulebooks.draft).document


def _move(case_id: str, one: Compared) -> Any:
    return move_of(
        {
            "seq": one.decision_id or one.moment,
            "case_id": case_id,
            "ticket": one.subject.id if one.subject.source == "zendesk" else None,
            "decision_id": one.decision_id,
            "at": one.at,
            "before": one.before.to_json(),
            "after": one.after.to_json(),
            "mismatch": one.mismatch,
        }
    )


def in_words(summary: dict[str, Any]) -> list[str]:
    lines = [f"{summary['decisions']} decisions, {summary['changed']} would be otherwise."]
    if summary["mismatches"]:
        lines.append(f"{summary['mismatches']} could not be reproduced: {' '.join(summary['mismatched'])}")
    for title, name, columns in (
        ("Cases that move between queues", "queue_moves", ("from", "to", "cases", "samples")),
        ("Cases of another severity", "severity_moves", ("from", "to", "cases", "samples")),
        ("Tags", "tag_moves", ("tag", "gained", "lost", "samples")),
    ):
        if summary[name]:
            lines += ["", title, *table(summary[name], columns, "")]
    if summary["escalations"]["policies"]:
        lines += ["", "Escalations", *table(summary["escalations"]["policies"], ("policy", "gained", "lost", "samples"), "")]
    moved = [row for row in summary["load"] if row["from"] != row["to"]]
    if moved:
        lines += ["", "Cases that come into a queue, by the hour of the team's day", *table(moved, ("queue", "hour", "from", "to"), "")]
    return lines
