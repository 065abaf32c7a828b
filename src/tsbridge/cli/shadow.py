"""`tsbridge rules shadow`: a second rulebook asked about everything that live decides from now on, deciding nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tsbridge.acts import documents, shadowing, shape
from tsbridge.acts.csvtext import csv_text
from tsbridge.acts.replaying import COLUMNS, move_of, record_of
from tsbridge.cli.books import sound, stored
from tsbridge.cli.frame import AsJson, Failed, House, house, refuse, say
from tsbridge.cli.replay import in_words
from tsbridge.core.rules.language import content_hash
from tsbridge.store import rulebooks
from tsbridge.store import shadow as store

BATCH = 500


def shadow(
    file: Annotated[Path | None, typer.Argument(help="Start with this rulebook; - for standard input.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Start with a published version.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Start with the draft as it is now.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Switch it off and forget what it found.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every decision that the shadow would have made otherwise, as CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a shadow, or stop it; without either say what it would have done otherwise since it was started."""
    if sum((file is not None, version is not None, draft, stop, as_csv)) > 1:
        refuse("expected one of a file, --version, --draft, --stop and --csv")
    if as_csv and as_json:
        refuse("expected --csv or --json, not both")
    document = None if file is None else sound(file)[0]
    with house() as made:
        if document is not None or version is not None or draft:
            _start(made, _chosen(made, version) if document is None else document, as_json)
        elif stop:
            found = made.write(lambda conn: shadowing.stop(conn, made.entry()))
            say(as_json, {"stopped": found}, ["The shadow is off." if found else "There was no shadow."])
        elif as_csv:
            _list(made)
        else:
            _show(made, as_json)


def _chosen(made: House, version: int | None) -> Any:
    document = made.read(rulebooks.draft).document if version is None else stored(made, version)
    found = documents.faults(document)
    if found:
        which = "The draft" if version is None else f"Version {version}"
        raise Failed(f"{which} has faults; nothing was done.", data={"findings": [one.to_json() for one in found]})
    return document


def _start(made: House, document: Any, as_json: bool) -> None:
    digest = content_hash(document)
    made.write(lambda conn: shadowing.start(conn, made.entry(), document, digest))
    say(as_json, {"on": True, "hash": digest}, [f"The shadow is on ({digest[:19]}…); `tsbridge rules shadow` says what it finds."])


def _show(made: House, as_json: bool) -> None:
    told = shape.as_json(made.read(lambda conn: shadowing.show(conn, made.settings.zone)))
    if not told["on"]:
        say(as_json, told, ["There is no shadow."])
        return
    head = f"Shadow since {told['started_at']} ({told['hash'][:19]}…), started by {told['started_by']}."
    say(as_json, told, [head, *in_words(told["summary"])])


def _list(made: House) -> None:
    sys.stdout.buffer.write(csv_text([COLUMNS]))
    after = 0
    while rows := made.read(lambda conn, after=after: store.moves(conn, BATCH, after)):  # type: ignore[misc]
        sys.stdout.buffer.write(csv_text(record_of(move_of(row)) for row in rows))
        after = rows[-1]["seq"]
