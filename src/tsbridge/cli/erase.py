"""`tsbridge erase`: a person is forgotten, with a plan first and a certificate at the end, which is proven here, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tsbridge.acts import erasing, shape
from tsbridge.acts.errors import NotFound
from tsbridge.cli.frame import AsJson, Failed, House, done, house, refuse, say
from tsbridge.core import erasure
from tsbridge.store import chain
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.wiring.clock_and_ids import salt
from tsbridge.wiring.heads import signer
from tsbridge.work.erasing import Erasing

Named = Annotated[str | None, typer.Option()]
EVERYTHING = 1 << 62


def erase(
    email: Named = None,
    phone: Annotated[str | None, typer.Option(help="In the form +14155550123.")] = None,
    zendesk_user: Annotated[str | None, typer.Option(help="The id of a Zendesk user.")] = None,
    talkdesk_contact: Annotated[str | None, typer.Option(help="The id of a Talkdesk contact.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what there is of them.")] = False,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Write a SQLite file anew, however large, so that nothing of those erased is left in it.")
    ] = False,
    verify: Annotated[Path | None, typer.Option(help="A certificate to be proven, with the database or anywhere.")] = None,
    exported: Annotated[
        Path | None, typer.Option("--export", help="What `audit export --chain` wrote: the certificate is held against it, anywhere.")
    ] = None,
    public_key: Annotated[str | None, typer.Option(help="Of whoever signs certificates, hex.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file for the certificate; without it standard output has it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Forget a person: everything said by them and about them goes, what was decided stays. Exit code 1 when something does not hold."""
    if verify is not None:
        _prove(verify, exported, public_key, as_json)
        return
    given = [("email", email), ("phone", phone), ("zendesk_user", zendesk_user), ("talkdesk_contact", talkdesk_contact)]
    asked = tuple((kind, _as_kept(kind, value)) for kind, value in given if value is not None)
    if not rewrite and len(asked) != 1:
        refuse("expected one of --email, --phone, --zendesk-user, --talkdesk-contact")
    with house() as made:
        if not asked:
            rewritten = asyncio.run(_worker(made).rewrite(EVERYTHING))
            say(as_json, {"rewritten": rewritten}, ["The file was written anew." if rewritten else "There was nothing to write anew."])
            return
        try:
            if plan:
                found = made.read(lambda conn: erasing.plan(conn, asked))
                say(as_json, shape.as_json(found), _planned(shape.as_json(found)))
                return
            id_ = made.write(lambda conn: erasing.begin(conn, made.entry(), made.ids, asked))
        except NotFound:
            raise Failed("Nobody is known by that, or more than one person can have.") from None
        asyncio.run(_through(_worker(made), rewrite=rewrite))
        told = shape.as_json(made.read(lambda conn: erasing.show(conn, id_)))
    if into is not None and told["certificate"] is not None:
        into.write_text(json.dumps(told["certificate"], ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    say(as_json, told, _done(told, into))
    done(told["status"] == "done")


def _worker(made: House) -> Erasing:
    live = LiveRulebook(made.settings.zone)
    return Erasing(made.database, made.clock, made.ids, salt, live, signer(made.database.seal_keys))


async def _through(worker: Erasing, *, rewrite: bool) -> None:
    while await worker.step():
        continue
    if rewrite:
        await worker.rewrite(EVERYTHING)


def _as_kept(kind: str, value: str) -> str:
    found = [kept for named, kept in erasing.named(value) if named == kind]
    if not found:
        refuse(f"--{kind.replace('_', '-')}: this is none")
    return found[0]


def _planned(told: Mapping[str, Any]) -> Iterator[str]:
    known = ", ".join(f"{count} {kind}" for kind, count in told["known_by"].items())
    yield f"Known by {known}; {told['shared']} more on their tickets and calls are other people's, too."
    yield f"{told['interactions']} tickets and calls about them, in {len(told['cases'])} cases: {', '.join(told['cases'])}."
    yield from (f"  {table}: {count} rows" for table, count in told["tables"].items())
    yield "What names them elsewhere is looked for when it goes. Nothing was done."


def _done(told: Mapping[str, Any], into: Path | None) -> Iterator[str]:
    if told["certificate"] is None:
        yield f"Erasure {told['id']} is begun; the running service goes on with it."
        return
    yield f"Erased; {', '.join(f'{count} {table}' for table, count in told['erased'].items())}."
    yield from (
        f"  Still named in {one['table']}, version {one['version']}: it is proven as it was." for one in told["certificate"]["left"]
    )
    if told["rewritten_at"] is None:
        yield "The database file is large, or in use: `tsbridge erase --rewrite` at a quiet hour leaves nothing in its free places."
    yield json.dumps(told["certificate"], ensure_ascii=False, sort_keys=True) if into is None else f"The certificate is in {into}."


def _prove(file: Path, exported: Path | None, public_key: str | None, as_json: bool) -> None:
    from tsbridge.ed25519 import proves, public_key_of

    try:
        certificate = json.loads(file.read_text(encoding="utf-8"))
    except OSError as failure:
        refuse(f"{file}: cannot be read: {failure.strerror}")
    except ValueError:
        certificate = None
    if isinstance(certificate, dict) and "certificate" in certificate:
        certificate = certificate["certificate"]  # a whole answer of the API
    keys = frozenset() if public_key is None else frozenset((public_key.strip().lower(),))
    if exported is not None:
        hashes = _exported(exported, certificate)
    else:
        with house() as made:
            keys = keys or frozenset(public_key_of(seed).hex() for seed in made.database.seal_keys.seeds())
            hashes = made.read(lambda conn: chain.hashes(conn, [erasure.place(certificate)]))
    why = erasure.fault(certificate, keys, proves) or erasure.missing(certificate, hashes)
    say(as_json, {"ok": why is None, "why": why}, ["The certificate holds." if why is None else f"The certificate does NOT hold: {why}."])
    done(why is None)


def _exported(file: Path, certificate: Any) -> dict[int, str]:
    """The hash that an exported chain has in the certificate's place."""
    from tsbridge.acts.chain_lines import hashes_of

    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            return hashes_of(lines, frozenset((erasure.place(certificate),)))
    except OSError as failure:
        refuse(f"{file}: cannot be read: {failure.strerror}")
