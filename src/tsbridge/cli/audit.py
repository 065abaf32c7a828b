"""`tsbridge audit`: the proof that nothing was altered, and everything that was decided, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TextIO

import typer

from tsbridge.acts.audit_lines import Decisions
from tsbridge.acts.chain_lines import Entries, verify_export, verify_heads
from tsbridge.cli.frame import AsJson, House, done, group, house, owners_alone, refuse, say, time_option
from tsbridge.core.heads import Head
from tsbridge.core.moments import instant_text
from tsbridge.store import chain, proof
from tsbridge.store.routing_filter import RoutingFilter

app = group()


@app.command()
def verify(
    known_head: Annotated[
        str | None, typer.Option(help="SEQ:HASH, a head copied earlier: shows a cut tail or a chain written anew.")
    ] = None,
    heads: Annotated[Path | None, typer.Option(help="A file of signed heads kept elsewhere: each has to be in the chain.")] = None,
    exported: Annotated[
        Path | None, typer.Option("--export", help="What `audit export --chain` wrote: it is proven instead of the database, anywhere.")
    ] = None,
    public_key: Annotated[
        str | None, typer.Option(help="Of whoever signs heads, hex; without it the database's own, offline that of the first head.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk the whole chain and name every entry that was edited, removed, inserted or swapped."""
    known = _known(known_head)
    kept = _lines(heads)
    trusted = frozenset() if public_key is None else frozenset((public_key.strip().lower(),))
    if exported is not None:
        from tsbridge.ed25519 import proves

        if known is not None:
            refuse("--known-head goes with the database; an export is held against --heads")
        with _opened(exported) as file:
            verdict = verify_export(file, kept, trusted, proves)
    else:
        with house() as made:
            verdict = made.read(lambda conn: proof.verify(conn, known, made.clock.now()))
            if heads is not None:
                from tsbridge.ed25519 import proves, public_key_of

                own = trusted or frozenset(public_key_of(seed).hex() for seed in made.database.seal_keys.seeds())
                verdict["broken"] += made.read(lambda conn: verify_heads(conn, kept, own, proves))
                verdict["ok"] = not verdict["broken"]
    head = verdict["head"]
    lines = [f"{verdict['entries']} entries, head {head['seq']}:{head['hash']}"]
    if verdict.get("unsealed"):
        lines.append(f"{verdict['unsealed']} decisions wait to be sealed")
    lines += [f"{len(kept)} signed heads"] if heads is not None else []
    lines += [f"  BROKEN at {fault.get('id') or fault['seq'] or 'no place'}: {fault['why']}" for fault in verdict["broken"]]
    lines.append("The chain is whole." if verdict["ok"] else "The chain is BROKEN: somebody changed the audit, or the disk did.")
    say(as_json, verdict, lines)
    done(bool(verdict["ok"]))


@app.command()
def head(
    into: Annotated[Path | None, typer.Option(help="A file to add it to; without it standard output.")] = None, as_json: AsJson = False
) -> None:
    """The newest entry's place and hash, signed: a line to be kept elsewhere."""
    from tsbridge.ed25519 import public_key_of, sign
    from tsbridge.wiring.heads import append

    with house() as made:
        newest = made.read(chain.head)
        made.database.seal_keys.ready()
        seed, *_ = made.database.seal_keys.seeds()
        told = Head(newest["seq"], newest["hash"], instant_text(made.clock.now()))
    signed = told.signed(public_key_of(seed).hex(), sign(seed, told.message()).hex())
    if into is not None:
        append(into, signed)
    say(as_json or into is None, signed, [f"the head at {told.seq} is in {into}"])


@app.command()
def export(
    since: Annotated[str | None, typer.Option("--from", help="Moments at or after this time.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Moments before this time.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    whole: Annotated[bool, typer.Option("--chain", help="The chain itself, oldest first, to be proven elsewhere.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every decision as a line of JSON, newest first: ids, rules, tags and queues, no text and nobody's name."""
    if whole and (since or until):
        refuse("--chain: a chain is whole; expected neither --from nor --to")
    wanted = RoutingFilter(since=time_option("from", since), until=time_option("to", until))
    lines = Entries() if whole else Decisions(wanted, as_csv=False)
    what = "entries" if whole else "decisions"
    with house() as made:
        if into is None:
            _write(made, lines, sys.stdout.buffer)
            return
        with open(into, "wb", opener=owners_alone) as file:
            _write(made, lines, file)
    say(as_json, {what: lines.count, "file": str(into)}, [f"{lines.count} {what} in {into}"])


def _write(made: House, lines: Decisions | Entries, file: BinaryIO) -> None:
    while not lines.over:
        file.write(made.read(lines.piece))


def _known(known_head: str | None) -> dict[str, Any] | None:
    if known_head is None:
        return None
    seq, _, digest = known_head.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 19 and digest):
        refuse("--known-head: expected SEQ:HASH, as tsbridge audit verify prints it")
    return {"seq": int(seq), "hash": digest}


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    with _opened(file) as opened:
        return [line for line in opened if line.strip()]


def _opened(file: Path) -> TextIO:
    try:
        return file.open(encoding="utf-8", errors="replace")
    except OSError as failure:
        refuse(f"{file}: cannot be read: {failure.strerror}")
