"""`tsbridge audit`: the proof that nothing was altered, and everything that was decided, for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer
from sqlalchemy import Connection

from tsbridge.cli.frame import AsJson, done, group, house, refuse, say, time_option
from tsbridge.store import agents, proof, routing
from tsbridge.web.shapes import decision_item

app = group()
BATCH: Final = 500


@app.command()
def verify(
    known_head: Annotated[
        str | None, typer.Option(help="SEQ:HASH, a head copied earlier: shows a cut tail or a chain written anew.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole chain and name every entry that was edited, removed, inserted or swapped."""
    known = None
    if known_head is not None:
        seq, _, digest = known_head.partition(":")
        if not (seq.isascii() and seq.isdigit() and len(seq) < 19 and digest):
            refuse("--known-head: expected SEQ:HASH, as tsbridge audit verify prints it")
        known = {"seq": int(seq), "hash": digest}
    with house() as made:
        verdict = made.read(lambda conn: proof.verify(conn, known, made.clock.now()))
    head = verdict["head"]
    lines = [f"{verdict['entries']} entries, head {head['seq']}:{head['hash']}"]
    if verdict["unsealed"]:
        lines.append(f"{verdict['unsealed']} decisions wait to be sealed")
    lines += [f"  BROKEN at {fault.get('id') or fault['seq'] or 'no place'}: {fault['why']}" for fault in verdict["broken"]]
    lines.append("The chain is whole." if verdict["ok"] else "The chain is BROKEN: somebody changed the audit, or the disk did.")
    say(as_json, verdict, lines)
    done(bool(verdict["ok"]))


@app.command()
def export(
    since: Annotated[str | None, typer.Option("--from", help="Moments at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Moments before this time.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every decision as a line of JSON, newest first: ids, rules, tags and queues, no text and nobody's name."""
    wanted = routing.RoutingFilter(since=time_option("from", since), until=time_option("to", until))
    with house() as made:
        items = _decisions(made.database, wanted)
        if into is None:
            _write(sys.stdout, items)
            return
        with into.open("w", encoding="utf-8") as file:
            count = _write(file, items)
    say(as_json, {"decisions": count, "file": str(into)}, [f"{count} decisions in {into}"])


def _decisions(database: Any, wanted: routing.RoutingFilter) -> Iterator[dict[str, Any]]:
    before = database.read_now(routing.newest) + 1
    while True:

        def read(conn: Connection, before: int = before) -> Any:
            rows = routing.decision_list(conn, wanted, BATCH, before)
            return rows, routing.writebacks_for(conn, rows), agents.keys(conn)

        rows, wishes, keys = database.read_now(read)
        yield from (decision_item(row, wishes.get(row["id"]), keys) for row in rows)
        if len(rows) < BATCH:
            return
        before = int(rows[-1]["number"])


def _write(file: TextIO, items: Iterator[dict[str, Any]]) -> int:
    count = 0
    for item in items:
        count += 1
        file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n")
    return count
