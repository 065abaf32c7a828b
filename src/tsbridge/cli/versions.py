"""`tsbridge rules`: published versions: compare them, take one away, make one live; and rules from Zendesk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from tsbridge.acts import documents, drafting, effects, publishing
from tsbridge.acts.errors import Invalid
from tsbridge.cli.books import WORDS, mapping, mark, named, noted, put_out, read_book, sound, stored, write_text
from tsbridge.cli.frame import AsJson, Failed, actor, done, house, refuse, say
from tsbridge.cli.names import named_wrongly
from tsbridge.document_files import based_on, dump
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook import diff as differing
from tsbridge.rulebook.ready import make_ready
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.settings.load import load
from tsbridge.store import almanacs, rulebooks
from tsbridge.store.versions import BIGGEST_VERSION, Version
from tsbridge.wiring.clock_and_ids import SystemClock


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
    """Print a published rulebook, or the draft, as YAML, or as JSON.

    YAML says in its first line which version it is based on, so that `publish` can compare; JSON has no place for it.
    """
    if draft and version is not None:
        refuse("expected --version or --draft, not both")
    with house() as made:
        if draft:
            held = made.read(rulebooks.draft)
            document, number = held.document, held.based_on
        else:
            found = made.read(lambda conn: rulebooks.get(conn, version or rulebooks.live_version(conn)))
            document, number = found.document, found.version
    put_out(documents.as_people_write(document), number, into, as_json)


def import_(
    file: Annotated[Path, typer.Argument(help="What Zendesk's GET /api/v2/triggers (or /automations) answered, as JSON.")],
    rulebook: Annotated[Path | None, typer.Option(help="The rulebook whose queues the groups are; without it the bundled one.")] = None,
    into: Annotated[
        str | None, typer.Option(help="A file to write the rules to, or `draft` for the draft; without it standard output.")
    ] = None,
    before: Annotated[str | None, typer.Option(help="With --into draft: the key of the draft's rule to stand above.")] = None,
    after: Annotated[str | None, typer.Option(help="With --into draft: the key of the draft's rule to stand below.")] = None,
    as_json: AsJson = False,
) -> None:
    """Carry Zendesk's triggers over into rules, and say of each part what became of it. Exit code 1 when something was left behind."""
    theirs, name, _ = read_book(file)
    if into == "draft":
        if rulebook is not None or (before is not None and after is not None):
            refuse("--into draft: the queues are the draft's, and it takes --before or --after, not both")
        found = _into_draft(theirs, name, before, after)
    elif before is not None or after is not None:
        refuse("--before and --after need --into draft")
    else:
        found = _carried(theirs, name, mapping(rulebook)[0])
    if into is not None and into != "draft":
        write_text(Path(into), dump({"rules": found["rules"]}))
    lines = [] if into else [dump({"rules": found["rules"]})]
    lines += [f"{entry['outcome'].ljust(8)} {entry['title']}" + (f": {entry['why']}" if entry["why"] else "") for entry in found["report"]]
    say(as_json, found, lines)
    done(all(entry["outcome"] != "left" for entry in found["report"]))


def _carried(theirs: Any, name: str, document: Any) -> dict[str, Any]:
    try:
        return import_zendesk(theirs, document)
    except ValueError as refused:
        refuse(f"{name}: {refused}")


def _into_draft(theirs: Any, name: str, before: str | None, after: str | None) -> dict[str, Any]:
    """Put what was carried over into the draft, which nobody may have edited meanwhile."""
    with house() as made:
        draft = made.read(rulebooks.draft)
        found = _carried(theirs, name, draft.document)
        try:
            document = documents.with_rules(draft.document, found["rules"], before, after)
        except Invalid:
            refuse("--before, --after: expected the key of a rule of the draft")

        def changed(held: rulebooks.Draft) -> Any:
            if held.revision != draft.revision:
                raise Failed("The draft was changed meanwhile; nothing was done. Try again.")
            return document

        made.write(lambda conn: drafting.edit(conn, made.entry(), changed, "rulebook.import"))
    return found


def publish(
    file: Annotated[Path, typer.Argument(help="The rulebook that shall be live; - for standard input.")],
    note: Annotated[str, typer.Option(help="What changed and why, for the audit.")],
    base: Annotated[
        int | None,
        typer.Option(min=1, max=BIGGEST_VERSION, help="The version the file takes into account; without it what the file itself says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a file the live version. Refused when its check finds errors, one of its tests fails, or its base is not live any more.

    A YAML file is then marked, in its first line, as based on the new version.
    """
    document, name, text = sound(file)
    number = _publish(document, note, name, "rulebook.publish", as_json, lambda live: _base(base, text.raw, live))
    mark(file, name, text, number)


def _base(named: int | None, raw: bytes, live: Version) -> int | None:
    """The version a file was begun from; None when nothing tells.

    A file that says nothing takes nobody's change away as long as live is the starter rulebook, or our own last word.
    """
    return named or based_on(raw) or (live.version if live.published_by in ("system", actor()) else None)


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
        raise Failed(
            f"Version {version} has faults by today's reading; nothing was done.", data={"findings": [one.to_json() for one in found]}
        )
    _publish(document, note, f"Version {version}", "rulebook.restore", as_json, lambda live: live.version)


def _publish(document: Any, note: str, name: str, action: str, as_json: bool, base: Callable[[Version], int | None]) -> int:
    """Make a document without faults live, unless it is already, fails tests of its own, or is based on another version."""
    note = noted(note)
    ready = make_ready(document, load().zone, read_roster, SystemClock().now().year)
    if ready.failed:
        failed = [test.name for test in ready.failed]
        raise Failed(f"{name} fails tests of its own: {', '.join(failed)}", data={"failed_tests": failed})
    if ready.judge is None or ready.almanac is None:
        raise Failed(f"{name} has faults; nothing was published.", data={"findings": [fault.to_json() for fault in ready.faults]})
    book, almanac = ready.judge.book, ready.almanac
    with house() as made:

        def write(conn: Connection) -> int:
            rulebooks.lock_draft(conn)
            live = rulebooks.get(conn, rulebooks.live_version(conn))
            if live.hash == book.hash and almanac.says_as(almanacs.get(conn, live.almanac)):
                raise Failed(f"Version {live.version} is this very rulebook; nothing was published.")
            begun = base(live)
            if begun is None:
                raise _unknown_base(name, live, book.document)
            _known(conn, begun)
            return publishing.go_live(conn, made.entry(), book, note, action, begun)

        try:
            number = made.write(write)
        except rulebooks.StaleBase as found:
            raise _stale(name, found, book.document) from None
        wrong = named_wrongly(book.document, made.database)
    words = [
        f"Version {number} is live ({book.hash[:19]}…).",
        *(f"{one.severity}: {one.path}: {one.message} [{one.code}]" for one in wrong),
    ]
    say(as_json, {"version": number, "hash": book.hash, "findings": [one.to_json() for one in wrong]}, words)
    return number


def _known(conn: Connection, version: int) -> None:
    try:
        rulebooks.get(conn, version)
    except rulebooks.NoRulebook:
        refuse(f"--base: there is no version {version}")


def _stale(name: str, found: rulebooks.StaleBase, document: Any) -> Failed:
    told = publishing.stale(found, document).more
    lines = [
        f"{name} is {found}; nothing was published. What others changed since:",
        *_words(told["difference"]),
        *(f"both changed rule {key}" for key in told["clashes"]),
        f"Take it over into {name}, then publish with --base {found.live.version}.",
    ]
    return Failed("\n".join(lines), data={"code": "stale_base", **told})


def _unknown_base(name: str, live: Version, document: Any) -> Failed:
    """A file that does not say what it is based on, on somebody's version: shown is what it would do to it."""
    told = differing.diff(live.document, document)
    lines = [
        f"{name} does not say which version it is based on; nothing was published. It would do this to version {live.version}:",
        *_words(told),
        f"If that is what you want, publish with --base {live.version}.",
    ]
    return Failed("\n".join(lines), data={"code": "stale_base", "based_on": None, "live_version": live.version, "difference": told})


def _words(found: dict[str, Any]) -> Iterator[str]:
    """What differs, for people to read."""
    for one, name in (
        *((one, f"rule {one['key']}") for one in found["rules"]),
        *((one, f"{differing.SINGLE[one['part']]} {one['name']}") for one in found["parts"]),
        *((one, one["part"]) for one in found["other"]),
    ):
        yield f"{one.get('change', 'changed').ljust(8)} {name}"
        yield from (f"         {words}" for words in one["words"])


def _difference(found: dict[str, Any]) -> Iterator[str]:
    """What differs, and in what it decides."""
    yield from _words(found)
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
