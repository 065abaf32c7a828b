"""`tsbridge audit`: the proof that nothing was altered, and everything that was decided, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from tsbridge.acts.audit_lines import Decisions
from tsbridge.cli.frame import AsJson, House, done, group, house, refuse, say, time_option
from tsbridge.store import proof, routing

app = group()


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
    lines = Decisions(wanted, as_csv=False)
    with house() as made:
        if into is None:
            _write(made, lines, sys.stdout.buffer)
            return
        with into.open("wb") as file:
            _write(made, lines, file)
    say(as_json, {"decisions": lines.count, "file": str(into)}, [f"{lines.count} decisions in {into}"])


def _write(made: House, lines: Decisions, file: BinaryIO) -> None:
    while not lines.over:
        file.write(made.read(lines.piece))
