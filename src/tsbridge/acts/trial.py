"""Judging without keeping anything: a document's own tests, facts that somebody made up, and what a decision on record saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from sqlalchemy import Connection
from typing_extensions import TypedDict

from tsbridge.acts.cases import InteractionName
from tsbridge.acts.errors import Conflict, Invalid, NotFound, need, pointer
from tsbridge.acts.reasons import Leaf, NearMiss
from tsbridge.core import staff
from tsbridge.core.almanac import INSTALLED, Almanac, zone_by
from tsbridge.core.moments import Interaction, Value
from tsbridge.core.roster import Roster
from tsbridge.core.rota import Rota
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge, Near
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.rules.shown import NEAR, near_misses, rule_shown
from tsbridge.roster.document import read as read_roster
from tsbridge.rulebook import tests
from tsbridge.rulebook.coverage import Coverage, coverage
from tsbridge.rulebook.generate import GeneratedTests, generate
from tsbridge.rulebook.staffed import staffed
from tsbridge.rulebook.tests import TestShown
from tsbridge.rulebook.worlds import completed
from tsbridge.store import decisions, routing, views

Document = dict[str, Any]
PREVIOUS: Final = "previous."
CUSTOM: Final = "ticket.custom."


class TestResult(TypedDict):
    ok: bool
    tests: list[TestShown]
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class RuleTried:
    key: str
    kind: Literal["escalation", "routing"]
    matched: bool
    because: Sequence[Leaf]


@dataclass(frozen=True, slots=True)
class TriedVersion:
    """`version` is None for the draft and for a document."""

    version: int | None
    hash: str


@dataclass(frozen=True, slots=True)
class Tried:
    """Contract section 6. `decision_id`, `event_id` and `case_id` name what is on record where that was tried again."""

    id: str
    at: datetime
    decision_id: str | None
    event_id: str | None
    case_id: str | None
    interaction: InteractionName
    rulebook: TriedVersion
    mode: Literal["try"]
    rules: Sequence[RuleTried]
    near_misses: Sequence[NearMiss]
    outcome: dict[str, Any]
    next_due: datetime | None
    writeback: None = None


def tested(document: Document, zone: tzinfo) -> TestResult:
    """The document's own tests and what they have seen of it."""
    book = staffed(read(document), read_roster)
    results = [result.to_json() for result in tests.run(book, zone)]
    return {"ok": all(one["ok"] for one in results), "tests": results, "coverage": coverage(book, zone)}


def missing_tests(document: Document, zone: tzinfo, most: int) -> GeneratedTests:
    """Tests that the document lacks, ready to be put into it, and the conditions that no event was found for."""
    return generate(staffed(read(document), read_roster), zone, most).to_json()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is judged: facts that somebody made up, or what a decision on record saw. `said`: the facts that the caller gave; `roster`:
    where the others about people come from. The last three name that decision."""

    facts: Mapping[str, Value] = field(hash=False)
    previous: Mapping[str, Value] = field(hash=False)
    standing: Standing
    at: datetime
    subject: Interaction
    decision_id: str | None = None
    event_id: str | None = None
    case_id: str | None = None
    said: frozenset[str] = frozenset()
    roster: Roster | None = None

    def staffed(self, book: Rulebook) -> Mapping[str, Value]:
        """The facts, with what the roster tells of people."""
        if self.roster is None:
            return self.facts
        found = staff.made_up(Rota(self.roster, calendars=book.calendars), self.facts, self.at)
        return {**self.facts, **{name: value for name, value in found.items() if name not in self.said}}


def made_up(given: Mapping[str, Any], at: datetime, trial_id: str, roster: Roster | None = None) -> Asked:
    """Facts that nobody told. Raises `Invalid` for those that no field can hold."""
    told, previous = read_facts(given)
    facts = completed(told)
    subject = Interaction("talkdesk" if facts.get("source") == "talkdesk" else "zendesk", trial_id)
    return Asked(facts, previous, Standing(None, (), ()), at, subject, said=frozenset(told), roster=roster)


def recorded(conn: Connection, event_id: str | None, decision_id: str | None) -> Asked:
    """What a decision saw: this one, or the newest that a delivery led to. Raises `NotFound`, and `Conflict` without anything to judge."""
    if event_id is not None:
        need(views.event(conn, event_id), "event")
        rows = [routing.decision(conn, id_) for id_ in views.event_results(conn, event_id)[1]]
        led = [row["id"] for row in rows if row is not None and not row["retracted"]]
        if not led:
            raise Conflict("This event has led to no decision that could be judged again.")
        decision_id = led[-1]
    row = routing.decision(conn, decision_id or "")
    loaded = decisions.load(conn, decision_id or "")
    if row is None or loaded is None:
        raise NotFound("decision")
    if row["retracted"] or loaded.seen is None:
        raise Conflict("What this decision saw is no longer there: it was retracted, or its person was erased.")
    seen = loaded.seen
    return Asked(seen.given, seen.previous, seen.standing, seen.at, loaded.subject, row["id"], row["event_id"], row["case_id"])


def instead(asked: Asked, given: Mapping[str, Any], at: datetime | None, roster: Roster | None = None) -> Asked:
    """The same with some facts, the time, or the people otherwise. Raises as `made_up` does."""
    told, previous = read_facts(given)
    facts, before = {**asked.facts, **completed(told)}, {**asked.previous, **previous}
    return replace(asked, facts=facts, previous=before, at=at or asked.at, said=frozenset(told), roster=roster)


def tried(
    document: Document, version: int | None, zone: tzinfo, asked: Asked, trial_id: str, near: Near = NEAR, almanac: Almanac = INSTALLED
) -> Tried:
    """What is asked, judged: every rule, matched or not, and those that came `near`. `almanac`: the version's."""
    book = read(document, almanac)
    judge, facts = Judge(book, zone_by(almanac, zone)), asked.staffed(book)
    judgement = judge.decide(facts, asked.previous, asked.standing, asked.at, asked.subject)
    rules = judge.explain(facts, asked.previous, asked.standing, asked.at, asked.subject)
    return Tried(
        *(trial_id, asked.at, asked.decision_id, asked.event_id, asked.case_id),
        interaction=InteractionName(asked.subject.source, asked.subject.id),
        rulebook=TriedVersion(version, book.hash),
        mode="try",
        rules=[RuleTried(**rule_shown(rule)) for rule in rules],
        near_misses=[NearMiss(**miss) for miss in near_misses(rules, near)],
        outcome=outcome(judgement, facts),
        next_due=judgement.next_due,
    )


def outcome(judgement: Judgement, facts: Mapping[str, Value]) -> Document:
    """What would stand afterwards: what the rules set, else what the facts say of the case."""

    def stands(value: Any, name: str) -> Any:
        return facts.get(name) if value is None else value

    return {
        "severity": stands(judgement.severity, "case.severity"),
        "category": stands(judgement.category, "case.category"),
        "queue": stands(judgement.queue, "case.queue"),
        "assignee": None if judgement.assign is None else {"id": judgement.assign, "agent": None, "because": "named by a rule"},
        "priority": judgement.priority,
        "tags_added": list(judgement.tags_added),
        "tags_removed": list(judgement.tags_removed),
        "custom_fields": dict(judgement.custom_fields),
        "escalations": list(judgement.escalated),
        "steps": [{"policy": step.policy, "step": step.index + 1} for step in judgement.steps],
        "notes": [note.text for note in judgement.notes],
        "notified": [target for _, target in judgement.notifications],
        "overruled": [dict(one) for one in judgement.overruled],
    }


def read_facts(given: Mapping[str, Any]) -> tuple[dict[str, Value], dict[str, Value]]:
    """(facts, earlier values) of a `given`. Raises `Invalid` for names that are no fields and values that no field can hold."""
    facts: dict[str, Value] = {}
    previous: dict[str, Value] = {}
    for name, value in given.items():
        known = vocabulary.field_named(name.removeprefix(PREVIOUS))
        if known is None:
            raise Invalid({"/given": "There is a field here that is not known; see /v1/fields."}, "given")
        into = previous if name.startswith(PREVIOUS) else facts
        into[name.removeprefix(PREVIOUS)] = _value(name, known, value)
    return facts, previous


def _value(name: str, known: vocabulary.Field, value: Any) -> Value:
    """A custom field may hold a set, whatever its type says."""
    if isinstance(value, list) and (known.type == "set" or known.name.startswith(CUSTOM)) and all(isinstance(word, str) for word in value):
        return tuple(sorted(set(value)))
    if value is None or (isinstance(value, str | int | float) and known.type != "set"):
        return value
    expected = "a list of words" if known.type == "set" else f"one value of type {known.type}"
    raise Invalid({pointer("given", name): f"Expected {expected} for {known.name}."}, "given")
