"""`tsbridge roster`: check, show, publish, restore and compare rosters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from tsbridge.acts import rostering
from tsbridge.acts.documents import passes
from tsbridge.cli.books import finding_words, mark, noted, put_out, read_book, read_document, sound_roster, version_named, with_lines
from tsbridge.cli.frame import AsJson, Failed, actor, done, group, house, refuse, say
from tsbridge.core.roster import almanac_of
from tsbridge.document_files import based_on, load_file
from tsbridge.roster.check import check as checked
from tsbridge.roster.diff import diff as differing
from tsbridge.roster.document import read
from tsbridge.roster.read_parts import RosterError
from tsbridge.settings.load import load
from tsbridge.store import almanacs, rosters
from tsbridge.store.versions import BIGGEST_VERSION, Version
from tsbridge.wiring.bundled import example_roster, starter_path
from tsbridge.wiring.clock_and_ids import SystemClock

app = group()

WORDS: Final = "A file (- for standard input), a version number, or `live`."
File = Annotated[
    Path | None,
    typer.Argument(help="A roster in YAML or JSON, or - for standard input. Without it: TSBRIDGE_ROSTER, or the bundled example."),
]
NO_ROSTER: Final = "There is no roster yet: `tsbridge roster publish` makes one live; docs/roster.md is the way to it."
Note = Annotated[str, typer.Option(help="What changed and why, for the audit.")]


@app.command()
def check(
    file: File = None,
    rulebook: Annotated[Path | None, typer.Option(help="The rulebook whose queues it is held against; without it the bundled one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a roster, with its place, and every hole of the next four weeks. Needs no database."""
    settings = load()
    document, name, place = read_document(file or example_roster(settings), dates=True)
    book = read_book(rulebook)[0] if rulebook is not None else load_file(starter_path(settings))
    told = checked(document, book, SystemClock().now())
    found, ok = with_lines(told, place), passes(told)
    errors = sum(one["severity"] == "error" for one in found)
    lines = [finding_words(one, name) for one in found]
    lines.append(f"{name}: {errors} errors, {len(found) - errors} other findings.")
    say(as_json, {"ok": ok, "findings": found, "file": name}, lines)
    done(ok)


@app.command()
def show(
    version: Annotated[int | None, typer.Option(min=1, max=BIGGEST_VERSION, help="Without it the live version.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a published roster as YAML, or as JSON. YAML says in its first line which version it is based on, for `publish`."""
    with house() as made:
        found = made.read(lambda conn: _version(conn, version))
    put_out(rostering.as_people_write(found.document), found.version, into, as_json)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The roster that shall be live; - for standard input.")],
    note: Note,
    base: Annotated[
        int | None,
        typer.Option(min=0, max=BIGGEST_VERSION, help="The version the file takes into account; without it what the file itself says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a file the live roster. Refused when it has faults, or when another version is live than the one it is based on."""
    document, name, place = sound_roster(file)
    begun = base if base is not None else based_on(place.raw)
    number = _publish(document, note, name, "roster.publish", begun, as_json)
    mark(file, name, place, number)


@app.command()
def restore(
    version: Annotated[int, typer.Argument(min=1, max=BIGGEST_VERSION, help="The published version that shall be live again.")],
    note: Note,
    as_json: AsJson = False,
) -> None:
    """Make an earlier version live again, as a new one."""
    with house() as made:
        document, live = made.read(lambda conn: (_version(conn, version).document, rosters.newest(conn)))
    _publish(document, note, f"Version {version}", "roster.restore", live, as_json)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help=WORDS)],
    after: Annotated[str, typer.Argument(help=WORDS)],
    as_json: AsJson = False,
) -> None:
    """What differs between two rosters, in words. Exit code 1 when anything does."""
    found = differing(_named(before), _named(after))
    say(as_json, found, ["They are the same."] if found["same"] else _difference(found))
    done(bool(found["same"]))


def _publish(document: Any, note: str, name: str, action: str, base: int | None, as_json: bool) -> int:
    note = noted(note)
    try:
        roster = read(document)
    except RosterError as refused:
        raise Failed(f"{name} has faults by today's reading; nothing was done: {refused}") from None
    almanac = almanac_of(roster, SystemClock().now().year)
    with house() as made:

        def write(conn: Connection) -> int:
            rosters.lock(conn)
            live = rosters.live(conn)
            if live is not None and live.hash == roster.hash and almanac.says_as(almanacs.get(conn, live.almanac)):
                raise Failed(f"Version {live.version} is this very roster; nothing was published.")
            begun = base if base is not None else _own_word(live)
            if begun is None or begun != (0 if live is None else live.version):
                raise _stale(name, begun, live, document)
            return rostering.publish(conn, made.entry(), document, roster, note, action, begun)

        number = made.write(write)
    say(as_json, {"version": number, "hash": roster.hash}, [f"Version {number} of the roster is live ({roster.hash[:19]}…)."])
    return number


def _own_word(live: Version | None) -> int | None:
    """What a file is based on that does not say: nothing, or our own last word; None for somebody else's."""
    if live is None:
        return 0
    return live.version if live.published_by in ("system", actor()) else None


def _stale(name: str, begun: int | None, live: Version | None, document: Any) -> Failed:
    number = 0 if live is None else live.version
    said = "does not say which version it is based on" if begun is None else f"is based on version {begun}, and version {number} is live"
    told = differing({} if live is None else live.document, document)
    lines = [f"{name} {said}; nothing was published. It would do this to what is live:", *_difference(told)]
    lines.append(f"If that is what you want, publish with --base {number}.")
    return Failed("\n".join(lines), data={"code": "stale_base", "based_on": begun, "live_version": number, "difference": told})


def _version(conn: Connection, version: int | None) -> Version:
    try:
        return rosters.get(conn, version or rosters.newest(conn))
    except rosters.NoRoster:
        raise Failed("There is no such roster version." if version else NO_ROSTER) from None


def _named(what: str) -> dict[str, Any]:
    """The document behind one of `WORDS`."""
    number = version_named(what)
    if what == "live" or number is not None:
        with house() as made:
            return dict(made.read(lambda conn: _version(conn, number)).document)
    document, name, _ = read_document(Path(what), dates=True)
    if not isinstance(document, dict):
        refuse(f"{name}: expected a mapping, as every roster is one")
    return document


def _difference(found: dict[str, Any]) -> Iterator[str]:
    for one in found["parts"]:
        yield f"{one['change'].ljust(8)} {one['part']} {one['name']}"
        yield from (f"         {words}" for words in one["words"])
    for one in found["other"]:
        yield f"changed  {one['part']}"
        yield from (f"         {words}" for words in one["words"])
