"""The check: everything that can be said about a rulebook without judging a single real event.

What the reader refuses is an error and keeps the book from going live. The rest is advice: a warning where the book does not
do what somebody must have meant, info where it may. Nothing is claimed without a proof, and no witness is shown that the
judge has not confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError, in_order
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.language import Rulebook
from tsbridge.rulebook.calendar_checks import calendars
from tsbridge.rulebook.clock_checks import ages_unheard
from tsbridge.rulebook.duplicate_checks import duplicates
from tsbridge.rulebook.examiner import Examiner
from tsbridge.rulebook.list_checks import lists
from tsbridge.rulebook.overlap_checks import overlaps
from tsbridge.rulebook.policy_checks import policies
from tsbridge.rulebook.rule_checks import dead_and_idle, unreachable
from tsbridge.rulebook.stop_checks import behind_stop
from tsbridge.rulebook.tag_cycles import as_judge, tag_cycles
from tsbridge.rulebook.value_checks import hopeless_tests, strange_values
from tsbridge.rulebook.word_checks import anybodys_words

CODES: Final = {
    "never_matches": "A rule that no event can match: its conditions exclude each other.",
    "never_true": "A part of a condition that can never be true.",
    "always_true": "A condition, or a part of one, that is true whatever happens.",
    "unknown_value": "A value that a field with a known set of words never has.",
    "anybodys_words": "A rule about tickets that raises an alarm over words that may be an agent's or a macro's.",
    "age_unheard": "A rule that waits for an age and is not asked when time alone goes on, for its `on` does not name `clock`.",
    "no_holidays": "A calendar's country whose holidays of this year or the next are not known: it is open on all of them.",
    "unknown_holiday": "A holiday that a calendar takes away (`without`) and that its country does not have.",
    "duplicate_rule": "A rule that says the same as one above it, however it is written.",
    "unreachable": "A rule that no event reaches: routing rules above it take them all, or a stop above it keeps it from being asked.",
    "overruled": "Two rules set the same single value to different things for the same event; the upper one wins. "
    "A warning where the value that loses is the more pressing one.",
    "tag_conflict": "One rule adds a tag and another removes it for the same event; the upper one wins.",
    "tag_cycle": "Rules, or rules and Zendesk triggers, that put a tag on and take it off again for ever.",
    "policy_never_runs": "A policy that no living rule escalates to, or that is stopped as soon as it is armed.",
    "policy_never_stops": "A policy with later steps that nothing stops.",
    "stops_for_good": "A policy that stops, never to go on, in a state of the ticket that comes and goes: pending or on hold.",
    "never_rests": "A policy that an acknowledgement stops, so that it never rests for its `acknowledged_for`.",
    "step_never_due": "A step that waits inside a calendar which never has room for it, or that the steps above it stop by having run.",
    "shadowed_entry": "An entry of a list that another entry makes needless.",
    "test_fails": "A test that cannot pass, whatever the rules do: what it expects is nowhere, or its time is none.",
}
"""What the check says beyond the reader's errors."""


def check(document: Any, zone: tzinfo, *, triggers: Any = None, about: str | None = None) -> tuple[Finding, ...]:
    """Everything there is to say about a document, errors alone when there are any.

    `triggers`: Zendesk's, as `GET /api/v2/triggers` gives them; raises `ValueError` when they are not. `about`: the key of a
    rule; then only what concerns it is looked at, which is much quicker.
    """
    try:
        book = read(document)
    except RulebookError as refused:
        return refused.findings
    return in_order(_advice(book, zone, as_judge(triggers, document, zone), about))


def _advice(book: Rulebook, zone: tzinfo, triggers: Judge | None, about: str | None) -> Iterator[Finding]:
    examiner = Examiner(book, zone)
    rules = [rule for rule in book.rules if about in (None, rule.key)]
    twins = tuple(duplicates(examiner, about))
    yield from twins
    once = {finding.rule for finding in twins}
    yield from strange_values(book, rules, book.policies.values() if about is None else ())
    yield from anybodys_words(rules)
    yield from ages_unheard(rules)
    yield from dead_and_idle(examiner, rules)
    yield from unreachable(examiner, once, about)
    unasked = tuple(behind_stop(examiner, once, about))
    yield from unasked
    yield from overlaps(examiner, None if about is None else frozenset({about}))
    if about is None:
        yield from calendars(book.calendars.values())
        yield from policies(examiner, {finding.rule for finding in unasked})
        yield from tag_cycles(examiner, triggers)
        yield from lists(examiner)
        yield from hopeless_tests(book)
