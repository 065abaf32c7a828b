"""Judging without keeping anything: a document's own tests, and facts that somebody wants to see judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from tsbridge.core.moments import Interaction, Value
from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement, Standing
from tsbridge.rulebook import tests
from tsbridge.rulebook.coverage import coverage
from tsbridge.rulebook.generate import generate
from tsbridge.web.explained import near_misses, rule_shown
from tsbridge.web.inputs import time_text
from tsbridge.web.problems import Problem, error

Document = dict[str, Any]
PREVIOUS: Final = "previous."


def run_tests(document: Document, zone: tzinfo) -> list[dict[str, Any]]:
    """The document's own tests: `{"name", "ok", "differences"}` each."""
    book = read(document)
    return [result.to_json() for result in tests.run(book, zone)]


def tested(document: Document, zone: tzinfo) -> Document:
    """The document's own tests and what they have seen of it."""
    book = read(document)
    results = [result.to_json() for result in tests.run(book, zone)]
    return {"ok": all(one["ok"] for one in results), "tests": results, "coverage": coverage(book, zone)}


def missing_tests(document: Document, zone: tzinfo, most: int) -> Document:
    """Tests that the document lacks, ready to be put into it, and the conditions that no event was found for."""
    return generate(read(document), zone, most).to_json()


def tried(document: Document, version: int | None, zone: tzinfo, given: Mapping[str, Any], at: datetime, trial_id: str) -> Document:
    """Contract section 6 for facts that nobody told: every rule, matched or not. Raises 422 for facts that no field can hold."""
    facts, previous = read_facts(given)
    book = read(document)
    judge = Judge(book, zone)
    subject = Interaction("talkdesk" if facts.get("source") == "talkdesk" else "zendesk", trial_id)
    standing = Standing(None, (), ())
    judgement = judge.decide(facts, previous, standing, at, subject)
    asked = judge.explain(facts, previous, standing, at, subject)
    return {
        "id": trial_id,
        "at": time_text(at),
        "event_id": None,
        "case_id": None,
        "interaction": {"source": subject.source, "id": subject.id},
        "rulebook": {"version": version, "hash": book.hash},
        "mode": "try",
        "rules": [rule_shown(rule) for rule in asked],
        "near_misses": near_misses(asked),
        "outcome": outcome(judgement, facts),
        "next_due": time_text(judgement.next_due),
        "writeback": None,
    }


def outcome(judgement: Judgement, facts: Mapping[str, Value]) -> Document:
    """What would stand afterwards: what the rules set, else what the facts say of the case."""

    def stands(value: Any, name: str) -> Any:
        return facts.get(name) if value is None else value

    return {
        "severity": stands(judgement.severity, "case.severity"),
        "category": stands(judgement.category, "case.category"),
        "queue": stands(judgement.queue, "case.queue"),
        "assignee": None if judgement.assign is None else {"id": judgement.assign, "because": "named by a rule"},
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
    """(facts, earlier values) of a `given`. Raises 422 for names that are no fields and values that no field can hold."""
    facts: dict[str, Value] = {}
    previous: dict[str, Value] = {}
    for name, value in given.items():
        field = vocabulary.field_named(name.removeprefix(PREVIOUS))
        if field is None:
            raise _refused("There is a field here that is not known; see /v1/fields.")
        into = previous if name.startswith(PREVIOUS) else facts
        into[name.removeprefix(PREVIOUS)] = _value(field, value)
    return facts, previous


def _value(field: vocabulary.Field, value: Any) -> Value:
    if isinstance(value, list) and field.type == "set" and all(isinstance(word, str) for word in value):
        return tuple(sorted(set(value)))
    if value is None or (isinstance(value, str | int | float) and field.type != "set"):
        return value
    raise _refused(f"Expected another kind of value for {field.name}, which is of type {field.type}.")


def _refused(detail: str) -> Problem:
    return Problem(422, "The request is not valid.", errors=[error("body", "#/given", detail, "given")])
