"""`tsbridge rules`: published versions: compare them, take one away, make one live; and rules from Zendesk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from tsbridge.cli.books import WORDS, mapping, named, read_book, sound, stored, write_text
from tsbridge.cli.frame import AsJson, Failed, done, house, refuse, say
from tsbridge.files import dump
from tsbridge.rulebook import diff as differing
from tsbridge.rulebook.ready import make_ready
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.settings import load
from tsbridge.store import rulebooks
from tsbridge.web import documents, effects


def diff(
    before: Annotated[str, typer.Argument(help=WORDS)],
    after: Annotated[str, typer.Argument(help=WORDS)],
    stories: Annotated[int, typer.Option(min=0, max=500, help="So many of the newest stored cases are judged by both.")] = 0,
    as_json: AsJson = False,
) -> None:
    """What differs between two rulebooks, in words and in what they decide. Exit code 1 when anything does."""
    one, other = named(before), named(after)
    found = differing.diff(one, other)
    told: effects.Newest = ((), None)
    if stories:
        with house() as made:
            told = made.read(lambda conn: effects.newest(conn, stories))
    found["effect"] = effects.effect(one, other, told, load().zone)
    say(as_json, found, ["They are the same."] if found["same"] else _difference(found))
    done(bool(found["same"]))


def export(
    version: Annotated[int | None, typer.Option(min=1, help="Without it the live version.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="The draft instead.")] = False,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a published rulebook, or the draft, as YAML, or as JSON."""
    if draft and version is not None:
        refuse("expected --version or --draft, not both")
    with house() as made:
        document = made.read(rulebooks.draft).document if draft else stored(made, version)
    document = documents.as_people_write(document)
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else dump(document)
    if into is None:
        typer.echo(text, nl=False)
    else:
        write_text(into, text)


def import_(
    file: Annotated[Path, typer.Argument(help="What Zendesk's GET /api/v2/triggers (or /automations) answered, as JSON.")],
    rulebook: Annotated[Path | None, typer.Option(help="The rulebook whose queues the groups are; without it the bundled one.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write the rules to; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Carry Zendesk's triggers over into rules, and say of each part what became of it. Exit code 1 when something was left behind."""
    document, _ = mapping(rulebook)
    theirs, name, _ = read_book(file)
    try:
        found = import_zendesk(theirs, document)
    except ValueError as refused:
        refuse(f"{name}: {refused}")
    if into is not None:
        write_text(into, dump({"rules": found["rules"]}))
    lines = [] if into else [dump({"rules": found["rules"]})]
    lines += [f"{entry['outcome'].ljust(8)} {entry['title']}" + (f": {entry['why']}" if entry["why"] else "") for entry in found["report"]]
    say(as_json, found, lines)
    done(all(entry["outcome"] != "left" for entry in found["report"]))


def publish(
    file: Annotated[Path, typer.Argument(help="The rulebook that shall be live; - for standard input.")],
    note: Annotated[str, typer.Option(help="What changed and why, for the audit.")],
    as_json: AsJson = False,
) -> None:
    """Make a file the live version. Refused when its check finds errors or one of its tests fails."""
    document, name, _ = sound(file)
    _publish(document, note, name, "rulebook.publish", as_json)


def restore(
    version: Annotated[int, typer.Argument(min=1, help="The published version that shall be live again.")],
    note: Annotated[str, typer.Option(help="Why, for the audit.")],
    as_json: AsJson = False,
) -> None:
    """Make an earlier version live again, as a new one."""
    with house() as made:
        document = stored(made, version)
    found = documents.faults(document)
    if found:
        raise Failed(f"Version {version} has faults by today's reading; nothing was done.", data={"findings": found})
    _publish(document, note, f"Version {version}", "rulebook.restore", as_json)


def _publish(document: Any, note: str, name: str, action: str, as_json: bool) -> None:
    """Make a document without faults live, unless it is already or fails tests of its own."""
    if not 0 < len(note.strip()) <= 2000:
        refuse("--note: expected 1 to 2000 characters")
    failed = [test.name for test in make_ready(document, load().zone).failed]
    if failed:
        raise Failed(f"{name} fails tests of its own: {', '.join(failed)}", data={"failed_tests": failed})
    digest = documents.hash_of(document)
    with house() as made:
        now = made.clock.now()

        def write(conn: Connection) -> int:
            was = rulebooks.live(conn)
            if was.hash == digest:
                raise Failed(f"Version {was.version} is this very rulebook; nothing was published.")
            number = rulebooks.publish(conn, document, digest, note.strip(), now, "cli")
            before = {"version": was.version, "hash": was.hash}
            made.changed(conn, action, "rulebook", before, {"version": number, "hash": digest, "note": note.strip()})
            return number

        number = made.write(write)
    say(as_json, {"version": number, "hash": digest}, [f"Version {number} is live ({digest[:19]}…)."])


def _difference(found: dict[str, Any]) -> Iterator[str]:
    """A difference for people to read."""
    for one, name in (
        *((one, f"rule {one['key']}") for one in found["rules"]),
        *((one, f"{differing.SINGLE[one['part']]} {one['name']}") for one in found["parts"]),
        *((one, one["part"]) for one in found["other"]),
    ):
        yield f"{one.get('change', 'changed').ljust(8)} {name}"
        yield from (f"         {words}" for words in one["words"])
    effect = found["effect"]
    if effect is None:
        yield "         One of them has faults and cannot be judged by: what the difference does is not known."
        return
    for one in effect["tests"]["changed"]:
        yield f"decides  {one['name']}"
        yield from (f"         {name}: {_shown(one['from'][name])} -> {_shown(one['to'][name])}" for name in one["from"])
    if effect["stories"] is not None:
        summary, cases = effect["stories"]["summary"], effect["stories"]["cases"]
        yield f"decides  {summary['changed']} of {summary['decisions']} decisions in the {cases} newest cases otherwise"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
