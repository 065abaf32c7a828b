"""`tsbridge rules`: the rulebook from files: check, test, try, compare, take away, make live."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Connection

from tsbridge.cli.frame import AsJson, Failed, done, group, house, refuse, say, time_option
from tsbridge.files import BadFile, Lines, dump, load_file, load_text, read_file
from tsbridge.rulebook import diff as differing
from tsbridge.rulebook.zendesk_import import import_zendesk
from tsbridge.settings import load
from tsbridge.store import rulebooks
from tsbridge.web import documents, effects, trial
from tsbridge.web.problems import Problem
from tsbridge.wiring import SystemClock, starter_path

app = group("The rulebook: check it, test it, try it, compare it, publish it.")

File = Annotated[Path | None, typer.Argument(help="A rulebook in YAML or JSON. Without it: the bundled one, or TSBRIDGE_RULEBOOK.")]
GIVEN_LIMIT: Final = 1 << 20
GENERATED: Final = 2_000


@app.command()
def check(
    file: File = None,
    triggers: Annotated[Path | None, typer.Option(help="What Zendesk's GET /api/v2/triggers answered: rules may fight with them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a rulebook, with its place."""
    document, name, place = _read(file)
    theirs = None if triggers is None else _document(triggers)[0]
    try:
        told = documents.findings(document, load().zone, triggers=theirs)
    except ValueError as refused:
        raise Failed(f"{triggers and triggers.name}: {refused}", code=2) from None
    found = [{**one, "line": place(one["path"])} for one in told]
    lines = [_finding(one, name) for one in found]
    errors = sum(one["severity"] == "error" for one in found)
    lines.append(f"{name}: {len(documents.rules(document))} rules, {errors} errors, {len(found) - errors} other findings.")
    say(as_json, {"ok": documents.passes(found), "findings": found, "file": name}, lines)
    done(documents.passes(found))


@app.command("test")
def run_tests(
    file: File = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say which rules and conditions the tests have not seen.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Print tests that are missing, as YAML to put under `tests`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the rulebook's own tests. Needs no database."""
    document, name, place = _sound(file)
    zone = load().zone
    if generate:
        made = trial.missing_tests(document, zone, GENERATED)
        say(as_json, {**made, "file": name}, [dump({"tests": made["tests"]}).rstrip()] if made["tests"] else ["# Nothing is missing."])
        return
    result = trial.tested(document, zone)
    failed = [(n, one) for n, one in enumerate(result["tests"]) if not one["ok"]]
    lines = [
        f"{name}:{place(f'/tests/{n}') or 1}: FAILED {one['name']}: {json.dumps(one['differences'], ensure_ascii=False)}"
        for n, one in failed
    ]
    lines += list(_unseen(result["coverage"], name, place)) if coverage else []
    lines.append(f"{name}: {len(result['tests']) - len(failed)} of {len(result['tests'])} tests passed.")
    say(as_json, {**result, "file": name}, lines)
    done(not failed)


def _unseen(coverage: dict[str, Any], name: str, place: Callable[[str], int | None]) -> Iterator[str]:
    """What no test has seen, by file and line, and the sum."""
    for rule in coverage["rules"]:
        if not rule["matched"]:
            yield f"{name}: rule {rule['key']} matches in no test"
        for one in rule["conditions"]:
            never = " or ".join(word for word in ("true", "false") if not one[word])
            if never:
                yield f"{name}:{place(one['path']) or 1}: rule {rule['key']}: {one['field']} {one['operator']} was never {never}"
    sums = coverage["summary"]
    yield (
        f"{name}: {sums['matched']} of {sums['rules']} rules matched, "
        f"{sums['both_ways']} of {sums['conditions']} conditions were true and false."
    )


@app.command("try")
def try_(
    given: Annotated[str, typer.Argument(help='Facts as JSON, as in a test: \'{"source": "zendesk", "text": "…"}\'; @FILE reads a file.')],
    file: Annotated[Path | None, typer.Option(help="A rulebook file; without it the live version.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="A published version instead of the live one.")] = None,
    at: Annotated[str | None, typer.Option(help="The time to judge at, such as 2026-11-22T03:00:00Z; without it now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge some facts and explain the outcome. Nothing is kept."""
    facts = _given(given)
    moment = time_option("at", at) or SystemClock().now()
    if file is not None and version is not None:
        refuse("expected --file or --version, not both")
    if file is not None:
        document, _ = checked(file)
        number = None
    else:
        with house() as made:
            number = version or made.read(rulebooks.live_version)
            document = made.read(lambda conn: rulebooks.get(conn, number).document)
    decision = _tried(document, number, facts, moment)
    say(as_json, decision, _in_words(decision))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A file, a version number, or `live`.")],
    after: Annotated[str, typer.Argument(help="A file, a version number, or `live`.")],
    stories: Annotated[int, typer.Option(min=0, max=500, help="So many of the newest stored cases are judged by both.")] = 0,
    as_json: AsJson = False,
) -> None:
    """What differs between two rulebooks, in words and in what they decide. Exit code 1 when anything does."""
    one, other = _either(before), _either(after)
    found = differing.diff(one, other)
    told: effects.Newest = ((), None)
    if stories:
        with house() as made:
            told = made.read(lambda conn: effects.newest(conn, stories))
    found["effect"] = effects.effect(one, other, told, load().zone)
    say(as_json, found, _difference(found) or ["They are the same."])
    done(bool(found["same"]))


@app.command()
def export(
    version: Annotated[int | None, typer.Option(min=1, help="Without it the live version.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a published rulebook as YAML, or as JSON."""
    with house() as made:
        document = made.read(lambda conn: rulebooks.get(conn, version or rulebooks.live_version(conn)).document)
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else dump(document)
    if into is None:
        typer.echo(text, nl=False)
    else:
        into.write_text(text, encoding="utf-8")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What Zendesk's GET /api/v2/triggers (or /automations) answered, as JSON.")],
    rulebook: Annotated[Path | None, typer.Option(help="The rulebook whose queues the groups are; without it the bundled one.")] = None,
    into: Annotated[Path | None, typer.Option(help="A file to write the rules to; without it standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """Carry Zendesk's triggers over into rules, and say of each part what became of it. Exit code 1 when something was left behind."""
    document, _ = _document(rulebook)
    try:
        found = import_zendesk(load_file(file), document)
    except (BadFile, ValueError) as refused:
        raise Failed(f"{file.name}: {refused}") from None
    lines = [] if into else [dump({"rules": found["rules"]})]
    if into is not None:
        into.write_text(dump({"rules": found["rules"]}), encoding="utf-8")
    lines += [f"{entry['outcome'].ljust(8)} {entry['title']}" + (f": {entry['why']}" if entry["why"] else "") for entry in found["report"]]
    say(as_json, found, lines)
    done(all(entry["outcome"] != "left" for entry in found["report"]))


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="The rulebook that shall be live.")],
    note: Annotated[str, typer.Option(help="What changed and why, for the audit.")],
    as_json: AsJson = False,
) -> None:
    """Make a file the live version. Refused when its check finds errors or one of its tests fails."""
    document, name = checked(file)
    _publish(document, note, name, "rulebook.publish", as_json)


@app.command()
def restore(
    version: Annotated[int, typer.Argument(min=1, help="The published version that shall be live again.")],
    note: Annotated[str, typer.Option(help="Why, for the audit.")],
    as_json: AsJson = False,
) -> None:
    """Make an earlier version live again, as a new one."""
    with house() as made:
        document = made.read(lambda conn: rulebooks.get(conn, version).document)
    found = documents.faults(document)
    if found:
        raise Failed(f"Version {version} has faults by today's reading; nothing was done.", data={"findings": found})
    _publish(document, note, f"Version {version}", "rulebook.restore", as_json)


def _publish(document: Any, note: str, name: str, action: str, as_json: bool) -> None:
    """Make a document without faults live, unless it is already or fails tests of its own."""
    if not 0 < len(note.strip()) <= 2000:
        refuse("--note: expected 1 to 2000 characters")
    failed = [one["name"] for one in trial.run_tests(document, load().zone) if not one["ok"]]
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
            made.changed(conn, action, str(number), before, {"version": number, "hash": digest, "note": note.strip()})
            return number

        number = made.write(write)
    say(as_json, {"version": number, "hash": digest}, [f"Version {number} is live ({digest[:19]}…)."])


def _document(file: Path | None) -> tuple[Any, str]:
    document, name, _ = _read(file)
    return document, name


def _read(file: Path | None) -> tuple[Any, str, Callable[[str], int | None]]:
    """A document, the file's name, and the line on which the part behind a JSON pointer stands."""
    path = file or starter_path(load())
    try:
        raw = read_file(path)
        return load_text(raw), path.name, Lines(raw)
    except BadFile as refused:
        raise Failed(f"{path.name}: {refused}", code=2) from None


def checked(file: Path | None) -> tuple[Any, str]:
    """A document that can be judged by, and the file's name; else what is wrong with it, and exit code 1."""
    document, name, _ = _sound(file)
    return document, name


def _sound(file: Path | None) -> tuple[Any, str, Callable[[str], int | None]]:
    document, name, place = _read(file)
    found = [{**one, "line": place(one["path"])} for one in documents.faults(document)]
    if found:
        words = "\n".join(_finding(one, name) for one in found)
        raise Failed(f"{words}\n{name} has faults; nothing was done.", data={"findings": found})
    return document, name, place


def _difference(found: dict[str, Any]) -> list[str]:
    """A difference for people to read."""
    lines: list[str] = []
    for one, name in (
        *((one, f"rule {one['key']}") for one in found["rules"]),
        *((one, f"{one['part']} {one['name']}") for one in found["parts"]),
    ):
        lines += [f"{one['change'].ljust(8)} {name}", *(f"         {words}" for words in one["words"])]
    lines += [f"changed  {change['part']}" for change in found["other"]]
    effect = found["effect"]
    if effect is None:
        return lines
    for one in effect["tests"]["changed"]:
        lines.append(
            f"decides  {one['name']}: {json.dumps(one['from'], ensure_ascii=False)} -> {json.dumps(one['to'], ensure_ascii=False)}"
        )
    if effect["stories"] is not None:
        summary = effect["stories"]["summary"]
        lines.append(
            f"decides  {summary['changed']} of {summary['decisions']} decisions in the {effect['stories']['cases']} newest cases otherwise"
        )
    return lines


def _either(what: str) -> Any:
    if what == "live" or (what.isascii() and what.isdigit() and len(what) < 10):
        with house() as made:
            return made.read(lambda conn: rulebooks.get(conn, int(what) if what != "live" else rulebooks.live_version(conn)).document)
    return _document(Path(what))[0]


def _given(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_bytes()[:GIVEN_LIMIT].decode()
        except (OSError, UnicodeDecodeError):
            refuse("GIVEN: expected @ and the path of a readable JSON file")
    try:
        facts = json.loads(text)
    except ValueError:
        refuse("GIVEN: expected a JSON object of facts by field name")
    if not isinstance(facts, dict):
        refuse("GIVEN: expected a JSON object of facts by field name")
    return facts


def _tried(document: Any, version: int | None, facts: dict[str, Any], at: datetime) -> dict[str, Any]:
    try:
        return trial.tried(document, version, load().zone, facts, at, "try")
    except Problem as problem:
        told = "; ".join(str(one.get("detail", "")) for one in problem.errors) or problem.detail
        refuse(f"GIVEN: {told}")


def _finding(one: dict[str, Any], name: str) -> str:
    where = " ".join(str(part) for part in (one["rule"] and f"rule {one['rule']}", one["path"]) if part)
    return f"{name}:{one['line'] or 1}: {one['severity']}: {where}{': ' if where else ''}{one['message']} [{one['code']}]"


def _in_words(decision: dict[str, Any]) -> list[str]:
    outcome = decision["outcome"]
    lines = [f"{name}: {outcome[name]}" for name in ("severity", "category", "queue", "priority") if outcome.get(name) is not None]
    lines += [f"{name}: {' '.join(outcome[name])}" for name in ("tags_added", "tags_removed", "escalations") if outcome.get(name)]
    for rule in decision["rules"]:
        if rule["matched"]:
            lines.append(f"  {rule['key']} ({rule['kind']}) matched")
            lines += [
                f"    because {one['field']} {one['operator']} {json.dumps(one['expected'], ensure_ascii=False)}" for one in rule["because"]
            ]
    return lines
