"""`tsbridge roster`: check, publish and compare rosters; who is on call and why, the holes, and overrides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from tsbridge.cli.books import STDIN, Place, finding_words, read_book, read_document, sound_roster, write_text
from tsbridge.cli.frame import AsJson, Failed, House, actor, done, group, house, refuse, say, table, time_option
from tsbridge.core import feedlink
from tsbridge.core.coverage import holes
from tsbridge.core.feedlink import FeedLink
from tsbridge.core.roster import Override
from tsbridge.core.rota import Rota
from tsbridge.files import based_on, dump, load_file, with_base
from tsbridge.roster.check import check as checked
from tsbridge.roster.check import queues_of
from tsbridge.roster.diff import diff as differing
from tsbridge.roster.document import SEVERITIES, read
from tsbridge.roster.read_parts import RosterError
from tsbridge.settings import load
from tsbridge.store import rosters
from tsbridge.store.versions import Version
from tsbridge.web import rostering
from tsbridge.web.documents import passes
from tsbridge.web.duty_shapes import hole_item, on_call_item
from tsbridge.web.inputs import BIGGEST_VERSION
from tsbridge.web.overrides import override_item
from tsbridge.wiring import SystemClock, entropy, example_roster, starter_path
from tsbridge.work.rosters import LiveRoster

app = group("The roster: who works when, who is on call and why, and the holes.")

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
    found = _with_lines([one.to_json() for one in checked(document, book, SystemClock().now())], place)
    errors = sum(one["severity"] == "error" for one in found)
    lines = [finding_words(one, name) for one in found]
    lines.append(f"{name}: {errors} errors, {len(found) - errors} other findings.")
    say(as_json, {"ok": passes(found), "findings": found, "file": name}, lines)
    done(passes(found))


@app.command()
def show(
    version: Annotated[int | None, typer.Option(min=1, max=BIGGEST_VERSION, help="Without it the live version.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a published roster as YAML, or as JSON. YAML says in its first line which version it is based on, for `publish`."""
    with house() as made:
        found = made.read(lambda conn: _version(conn, version))
    document = rostering.as_people_write(found.document)
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else _marked(dump(document).encode(), found.version)
    if into is None:
        typer.echo(text, nl=False)
    else:
        write_text(into, text)


def _marked(raw: bytes, version: int) -> str:
    return with_base(raw, version).decode()


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
    if file != STDIN and not place.raw.lstrip().startswith(b"{"):
        try:
            if file.read_bytes() == place.raw:  # somebody else's newer text is not touched
                file.write_bytes(with_base(place.raw, number))
        except OSError:
            typer.echo(f"{name} could not be marked: publish it with --base {number} next time.", err=True)


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


@app.command()
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
    found = on_call_item(rota.on_call(instant, queue, severity))
    say(as_json, found, _who(found))
    done(bool(found["people"]))


@app.command()
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
    found = [hole_item(one) for one in holes(rota, queues_of(rota.roster, book), SEVERITIES, now, now + timedelta(days=days))]
    columns = ("queue", "severity", "from", "to", "why", "proposal")
    say(as_json, {"holes": found}, table(found, columns, f"Somebody is on call for every queue in the next {days} days."))
    done(not found)


@app.command("override")
def override_(
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
            shown = [override_item(one) for one in made.read(lambda conn: rosters.listed(conn, 200, agent=agent))]
            columns = ("id", "kind", "agent", "from", "to", "rotation", "queue", "why", "removed_at")
            say(as_json, {"items": shown}, table(shown, columns, "No overrides."))
        elif agent is None:
            refuse("expected the key of an agent" if kind != "remove" else "expected the id of an override")
        elif kind == "remove":
            gone = made.write(lambda conn: rostering.remove(conn, agent, made.record()))
            if gone is None:
                raise Failed("There is no such override that could be removed.")
            say(as_json, override_item(gone), [f"Removed {agent}."])
        elif kind in ("oncall", "shift", "off"):
            start, end = time_option("from", since) or made.clock.now(), time_option("to", until)
            if end is None or not 0 < len(why.strip()) <= 500:
                refuse("expected --to, and --why with 1 to 500 characters")
            one = _override(made, kind, agent, start, end, why.strip(), instead_of, rotation, queue)
            say(as_json, one, [f"{one['id']}: {one['agent']} from {one['from']} to {one['to']}."])
        else:
            refuse("expected oncall, shift, off, list or remove")


@app.command()
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
            if not made.write(lambda conn: rostering.void_feed_link(conn, link, made.record())):
                raise Failed(f"There is no link to a feed of the {link.kind} {link.key}.")
            say(as_json, {"voided": True}, [f"Links to the feed of {link.key} lead nowhere from now on."])
            return
        roster = _rota(made, made.clock.now()).roster
        if not made.read(lambda conn: rostering.has_feed(link, roster, rostering.rulebook_of(conn))):
            raise Failed(f"There is no {link.kind} {link.key} in the roster.")
        token = made.write(lambda conn: rostering.make_feed_link(conn, link, entropy, made.record()))
        url = f"{made.settings.public_url or ''}{feedlink.path(token)}"
    say(as_json, {"url": url}, [url])


def _override(
    made: House,
    kind: Any,
    agent: str,
    start: datetime,
    end: datetime,
    why: str,
    instead_of: str | None,
    rotation: str | None,
    queue: str | None,
) -> dict[str, Any]:
    now = made.clock.now()
    roster, book = _rota(made, now).roster, made.read(rostering.rulebook_of)
    named = None if instead_of is None else rostering.key_of(roster, instead_of)
    one = Override(made.ids.new("ovr"), kind, rostering.key_of(roster, agent), start, end, why, named, rotation, queue)
    wrong = rostering.faulty(one, roster, book, now)
    if wrong:
        refuse("; ".join(f"{name}: {words}" for name, words in wrong.items()))
    try:
        return override_item(made.write(lambda conn: rostering.override(conn, one, made.record())))
    except rosters.Overlapping as found:
        raise Failed(f"The override {found.id} says who has this at that time; remove it first.") from None
    except rosters.TooMany:
        raise Failed(f"There are {rosters.MOST} overrides that are not over.") from None


def _rota(made: House, now: datetime) -> Rota:
    rota = made.read(lambda conn: LiveRoster().now(conn, now))
    if rota is None:
        raise Failed(NO_ROSTER)
    return rota


def _publish(document: Any, note: str, name: str, action: str, base: int | None, as_json: bool) -> int:
    if not 0 < len(note.strip()) <= 2000:
        refuse("--note: expected 1 to 2000 characters")
    try:
        hash = read(document).hash
    except RosterError as refused:
        raise Failed(f"{name} has faults by today's reading; nothing was done: {refused}") from None
    with house() as made:

        def write(conn: Connection) -> int:
            rosters.lock(conn)
            live = rosters.live(conn)
            if live is not None and live.hash == hash:
                raise Failed(f"Version {live.version} is this very roster; nothing was published.")
            begun = base if base is not None else _own_word(live)
            if begun is None or begun != (0 if live is None else live.version):
                raise _stale(name, begun, live, document)
            return rostering.publish(conn, document, hash, note.strip(), made.record(), action=action, base=begun)

        number = made.write(write)
    say(as_json, {"version": number, "hash": hash}, [f"Version {number} of the roster is live ({hash[:19]}…)."])
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


def _with_lines(found: list[dict[str, Any]], place: Place) -> list[dict[str, Any]]:
    return [{**one, "line": place(one["path"])} for one in found]


def _version(conn: Connection, version: int | None) -> Version:
    try:
        return rosters.get(conn, version or rosters.newest(conn))
    except rosters.NoRoster:
        raise Failed("There is no such roster version." if version else NO_ROSTER) from None


def _named(what: str) -> dict[str, Any]:
    """The document behind one of `WORDS`."""
    number = int(what) if what.isascii() and what.isdigit() and len(what) < 10 else None
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


def _who(found: dict[str, Any]) -> Iterator[str]:
    for one in found["people"]:
        yield f"{one['agent']} until {one['until'] or 'further notice'}"
        yield from (f"  {because['step']}: {because['says']}" for because in one["because"])
    if found["then"]:
        yield f"then: {', '.join(found['then'])}"
    if found["gap"] is not None:
        yield f"Nobody from {found['gap']['from']} to {found['gap']['to'] or 'no end in sight'}: {found['gap']['why']}"
