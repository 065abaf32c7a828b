"""`tsbridge rules`: look at a rulebook before it is live: check it, test it, try it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from tsbridge.acts import documents, shape, trial
from tsbridge.acts.errors import Invalid
from tsbridge.cli.books import File, Place, finding_words, read_book, sound, sound_roster, stored, with_lines
from tsbridge.cli.frame import AsJson, Failed, done, group, house, refuse, say, table, time_option
from tsbridge.cli.names import named_wrongly
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.rules.document import read
from tsbridge.core.rules.shown import MOST_NEAR, NEAR
from tsbridge.core.times import read_date
from tsbridge.document_files import dump
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook.calendar_days import calendar_days
from tsbridge.settings.load import load
from tsbridge.store import almanacs, rulebooks
from tsbridge.wiring.clock_and_ids import SystemClock

app = group()

GIVEN_LIMIT: Final = 1 << 20
GENERATED: Final = 2_000


@app.command()
def check(
    file: File = None,
    triggers: Annotated[Path | None, typer.Option(help="What Zendesk's GET /api/v2/triggers answered: rules may fight with them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a rulebook, with its place."""
    document, name, place = read_book(file)
    theirs = None if triggers is None else read_book(triggers)[0]
    try:
        told = documents.findings(document, load().zone, triggers=theirs)
    except ValueError as refused:
        if triggers is None:
            raise
        raise Failed(f"{triggers.name}: {refused}", code=2) from None
    if documents.passes(told):
        told = documents.ordered([*told, *named_wrongly(document)])
    found, ok = with_lines(told, place), documents.passes(told)
    lines = [finding_words(one, name) for one in found]
    errors = sum(one["severity"] == "error" for one in found)
    lines.append(f"{name}: {len(documents.rules(document))} rules, {errors} errors, {len(found) - errors} other findings.")
    say(as_json, {"ok": ok, "findings": found, "file": name}, lines)
    done(ok)


@app.command()
def calendars(
    file: File = None,
    since: Annotated[str | None, typer.Option("--from", help="The first day, such as 2026-12-01; today if not said.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last day; a year later if not said.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the days of a rulebook's calendars that are not like their weekday, and who says so. Needs no database."""
    document, _, _ = sound(file)
    first = _day("from", since) or SystemClock().now().astimezone(load().zone).date()
    last = _day("to", until) or first + timedelta(days=366)
    if last < first:
        refuse("--to: expected a day that is not before the first")
    shown = calendar_days(read(document), first, last)
    days = [{"calendar": one["name"], **day} for one in shown["calendars"] for day in one["days"]]
    words = f"Holidays by {shown['library']}, zones by the rules of {shown['zone_rules']}."
    say(as_json, shown, [*table(days, ("calendar", "date", "weekday", "hours", "why", "names"), "No such days."), words])


def _day(name: str, text: str | None) -> date | None:
    try:
        return None if text is None else read_date(text)
    except ValueError as refused:
        refuse(f"--{name}: {refused}")


@app.command("test")
def run_tests(
    file: File = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say which rules and conditions the tests have not seen.")] = False,
    generate: Annotated[bool, typer.Option("--generate", help="Print tests that are missing, as YAML to put under `tests`.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the rulebook's own tests. Needs no database."""
    document, name, place = sound(file)
    zone = load().zone
    if generate:
        made: Any = trial.missing_tests(document, zone, GENERATED)
        say(as_json, {**made, "file": name}, _made(made))
        return
    result: Any = trial.tested(document, zone)
    ran = [{**one, "line": place(f"/tests/{n}")} for n, one in enumerate(result["tests"])]
    lines = [f"{name}:{one['line'] or 1}: FAILED {one['name']}: {_differences(one['differences'])}" for one in ran if not one["ok"]]
    if coverage:
        at = {rule["key"]: place(f"/rules/{n}") or 1 for n, rule in enumerate(documents.rules(document))}
        lines += _unseen(result["coverage"], name, place, at)
    lines.append(f"{name}: {sum(one['ok'] for one in ran)} of {len(ran)} tests passed.")
    say(as_json, {**result, "tests": ran, "file": name}, lines)
    done(result["ok"])


def _differences(found: list[dict[str, Any]]) -> str:
    return "; ".join(f"{one['field']} should be {_shown(one['expected'])}, is {_shown(one['actual'])}" for one in found)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _made(made: dict[str, Any]) -> Iterator[str]:
    """Generated tests as YAML; what no event was found for as comments below."""
    if made["tests"]:
        yield dump({"tests": made["tests"]}).rstrip()
    for one in made["left"]:
        where = f"condition {one['path']}" if one["path"] else "a match"
        yield f"# rule {one['rule']}: no event was found that shows {where} {'true' if one['value'] else 'false'}"
    if made["more"]:
        yield f"# {made['more']} more are missing: put these into the file and ask again."
    if not made["tests"] and not made["left"]:
        yield "# Nothing is missing."


def _unseen(coverage: dict[str, Any], name: str, place: Place, at: dict[str, int]) -> Iterator[str]:
    """What no test has seen, by file and line, and the sum."""
    for rule in coverage["rules"]:
        if not rule["matched"]:
            yield f"{name}:{at[rule['key']]}: rule {rule['key']} matches in no test"
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
    given: Annotated[
        str | None,
        typer.Argument(help='Facts as JSON, as in a test: \'{"source": "zendesk", "text": "…"}\'; @FILE reads a file, - standard input.'),
    ] = None,
    event: Annotated[str | None, typer.Option(help="A stored event's id: what it led to is judged again.")] = None,
    decision: Annotated[str | None, typer.Option(help="A stored decision's id. With either, GIVEN is what shall be otherwise.")] = None,
    file: Annotated[Path | None, typer.Option(help="A rulebook file; without it the live version.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="A published version instead of the live one.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="The draft instead.")] = False,
    at: Annotated[str | None, typer.Option(help="The time to judge at, such as 2026-11-22T03:00:00Z; without it now.")] = None,
    roster: Annotated[Path | None, typer.Option(help="A roster's file: who is on call and at work then.")] = None,
    near: Annotated[int, typer.Option(min=0, max=MOST_NEAR, help="How many rules that nearly matched are told at most.")] = NEAR.shown,
    as_json: AsJson = False,
) -> None:
    """Judge some facts, or a stored event or decision again, and explain the outcome. Nothing is kept."""
    if sum((file is not None, version is not None, draft)) > 1:
        refuse("expected one of --file, --version and --draft")
    if event is not None and decision is not None:
        refuse("expected --event or --decision, not both")
    stored_one = event is not None or decision is not None
    if given is None and not stored_one:
        refuse("expected GIVEN, --event or --decision")
    facts, moment = {} if given is None else _given(given), time_option("at", at)
    document, number = (None if file is None else sound(file)[0]), version
    seen: trial.Asked | None = None
    almanac: Almanac = INSTALLED
    known = None if roster is None else read_roster(sound_roster(roster)[0])
    try:
        if document is None or stored_one:
            with house() as made:
                if document is None:
                    number = None if draft else version or made.read(rulebooks.live_version)
                    document = made.read(rulebooks.draft).document if draft else stored(made, number)
                    almanac = INSTALLED if number is None else made.read(lambda conn: almanacs.of(conn, "rulebook", number))
                if stored_one:
                    seen = made.read(lambda conn: trial.recorded(conn, event, decision))
        asked = (
            trial.made_up(facts, moment or SystemClock().now(), "try", known) if seen is None else trial.instead(seen, facts, moment, known)
        )
    except Invalid as refused:
        refuse(f"GIVEN: {refused}")
    found = shape.as_json(trial.tried(document, number, load().zone, asked, "try", NEAR._replace(shown=near), almanac))
    say(as_json, _without_values(found) if stored_one else found, _in_words(found))


def _without_values(found: dict[str, Any]) -> dict[str, Any]:
    """A stored decision's reasons without what the person wrote: the command line shows nobody's data."""

    def bare(leaves: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in leaf.items() if name not in ("actual", "found")} for leaf in leaves]

    return {
        **found,
        "rules": [{**rule, "because": bare(rule["because"])} for rule in found["rules"]],
        "near_misses": [{**miss, "missing": bare(miss["missing"])} for miss in found["near_misses"]],
        "outcome": {name: value for name, value in found["outcome"].items() if name != "notes"},
    }


def _given(text: str) -> dict[str, Any]:
    if text == "-" or text.startswith("@"):
        try:
            with sys.stdin.buffer if text == "-" else Path(text[1:]).open("rb") as file:
                text = file.read(GIVEN_LIMIT).decode()
        except (OSError, UnicodeDecodeError):
            refuse("GIVEN: expected @ and the path of a readable JSON file")
    try:
        facts = json.loads(text)
    except ValueError:
        refuse("GIVEN: expected a JSON object of facts by field name")
    if not isinstance(facts, dict):
        refuse("GIVEN: expected a JSON object of facts by field name")
    return facts


def _in_words(decision: dict[str, Any]) -> Iterator[str]:
    """What comes out, which rules made it and why, and what kept those from it that nearly did."""
    outcome = decision["outcome"]
    yield from (f"{name}: {outcome[name]}" for name in ("severity", "category", "queue", "priority") if outcome[name] is not None)
    lists = ("tags_added", "tags_removed", "escalations", "notified")
    yield from (f"{name}: {' '.join(outcome[name])}" for name in lists if outcome[name])
    for rule in decision["rules"]:
        if rule["matched"]:
            yield f"  {rule['key']} ({rule['kind']}) matched"
            yield from (f"    because {_leaf(one)}" for one in rule["because"])
    for miss in decision["near_misses"]:
        wanted = "; ".join(f"{'' if one['wanted'] else 'not '}{_leaf(one)}" for one in miss["missing"])
        yield f"  {miss['key']} would have matched with {wanted}"


def _leaf(leaf: dict[str, Any]) -> str:
    expected = leaf.get("expected")
    return f"{leaf['field']} {leaf['operator']}" + ("" if expected is None else f" {_shown(expected)}")
