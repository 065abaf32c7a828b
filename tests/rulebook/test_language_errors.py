"""Every way in which a document is no rulebook: one row each, with the code and the place it is told at. All come at once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rulebook.books import ZONE, book, leaf, routing, rule
from tsbridge.rulebook.check import check

IS_OPEN = leaf("ticket.status", "is", "open")


def sound() -> dict[str, Any]:
    return book(
        rule("a", {"all": [IS_OPEN]}, {"add_tags": ["x"]}, {"escalate": "p"}),
        routing("r", IS_OPEN),
        lists={"words": ["bite"]},
        calendars={"office": {"timezone": "UTC", "hours": {"mon-fri": "09:00-17:00"}}},
        policies={"p": {"stops_when": leaf("case.acknowledged", "is", True), "steps": [{"after": "5m", "actions": [{"notify": "x"}]}]}},
        tests=[{"name": "t", "given": {"text": "x"}, "expect": {"queue": "two"}}],
    )


MISSING = object()
WHEN, THEN, POLICY = "rules/0/when", "rules/0/then", "policies/p"

ROWS = [
    # where it is put, what is put there, the code, the place that is told
    ("", [], "type", ""),
    ("schema", 2, "schema", "/schema"),
    ("schema", True, "schema", "/schema"),
    ("ruels", [], "unknown_key", "/ruels"),
    ("a/b", 1, "unknown_key", "/a~1b"),
    ("lists/words", "bite", "type", "/lists/words"),
    ("lists/words", [], "type", "/lists/words"),
    ("lists/words", [["a"]], "type", "/lists/words/0"),
    ("lists/words", ["a", None], "type", "/lists/words/1"),
    ("lists/words", ["a", float("inf")], "type", "/lists/words/1"),
    ("lists/words", ["half a \ud800 character"], "text", "/lists/words/0"),
    ("title", {}, "type", "/title"),
    ("description", ["x"], "type", "/description"),
    ("lists/words", ["a"] * 10_001, "too_large", "/lists/words"),
    ("lists/two words", ["a"], "key", "/lists/two words"),
    ("calendars/always", {}, "reserved", "/calendars/always"),
    ("calendars/office/timezone", "Mars/Olympus", "timezone", "/calendars/office/timezone"),
    ("calendars/office/hours", {}, "type", "/calendars/office/hours"),
    ("calendars/office/hours/mon-fri", "9-5", "hours", "/calendars/office/hours/mon-fri"),
    ("calendars/office/hours/monday", "09:00-17:00", "hours", "/calendars/office/hours/monday"),
    ("calendars/office/holidays", {"country": "Atlantis"}, "holidays", "/calendars/office/holidays"),
    ("calendars/office/holidays", ["yesterday"], "date", "/calendars/office/holidays/0"),
    ("calendars/office/holidays", {"dates": ["2026-01-01", "soon"]}, "date", "/calendars/office/holidays/dates/1"),
    ("calendars/office/holidays", {"dates": "soon"}, "date", "/calendars/office/holidays/dates"),
    ("calendars/office/holidays", {"dates": {"soon": "closed"}}, "date", "/calendars/office/holidays/dates/soon"),
    ("calendars/office/holidays", {"dates": {"02-30": "closed"}}, "date", "/calendars/office/holidays/dates/02-30"),
    ("calendars/office/holidays", {"dates": {"12-24": "half"}}, "hours", "/calendars/office/holidays/dates/12-24"),
    ("calendars/office/holidays", {"dates": {"12-24": None}}, "hours", "/calendars/office/holidays/dates/12-24"),
    ("calendars/office/holidays", {"dates": {"2026-12-24..12-26": "closed"}}, "date", "/calendars/office/holidays/dates/2026-12-24..12-26"),
    ("calendars/office/holidays", {"dates": ["2026-12-24..2026-12-01"]}, "date", "/calendars/office/holidays/dates/0"),
    ("calendars/office/holidays", {"dates": ["2026-01-01..2027-01-02"]}, "date", "/calendars/office/holidays/dates/0"),
    ("calendars/office/holidays", {"dates": ["2026-01-01"] * 1_001}, "too_large", "/calendars/office/holidays/dates"),
    (
        "calendars/office/holidays",
        {"dates": {"2026-12-24..2026-12-25": "closed", "2026-12-25..2026-12-26": "mon"}},
        "date",
        "/calendars/office/holidays/dates/2026-12-25..2026-12-26",
    ),
    ("calendars/office/holidays", {"country": "US", "without": "Columbus Day"}, "type", "/calendars/office/holidays/without"),
    ("calendars/office/holidays", {"country": "US", "without": [7]}, "type", "/calendars/office/holidays/without/0"),
    ("calendars/office/holidays", {"country": "US", "without": ["2026-02-30"]}, "date", "/calendars/office/holidays/without/0"),
    ("calendars/office/hours", {"mon,tue": "09:00-17:00", "tue,wed": "08:00-09:00"}, "hours", "/calendars/office/hours/tue,wed"),
    ("queues/one", [], "type", "/queues/one"),
    ("queues/one/zendesk_group_id", "six", "type", "/queues/one/zendesk_group_id"),
    ("queues/one/zendesk_group_id", "\u00b2", "type", "/queues/one/zendesk_group_id"),
    ("queues/one/title", 5, "type", "/queues/one/title"),
    ("queues/one/calendar", "ofice", "unknown_calendar", "/queues/one/calendar"),
    ("queues/one/assign", "randomly", "value", "/queues/one/assign"),
    ("queues/one/skills", "safety", "type", "/queues/one/skills"),
    ("queues/one/skills", {"safety": 0}, "range", "/queues/one/skills/safety"),
    ("queues/one/skills", {"safety": "well"}, "range", "/queues/one/skills/safety"),
    ("queues/one/handover", "drop", "value", "/queues/one/handover"),
    ("queues/one/targets", "15m", "type", "/queues/one/targets"),
    ("queues/one/targets", {"acknowledge": 15}, "duration", "/queues/one/targets/acknowledge"),
    ("queues/one/targets", {"acknowledge": "0m"}, "duration", "/queues/one/targets/acknowledge"),
    ("queues/one/targets", {"resolve": "31d"}, "duration", "/queues/one/targets/resolve"),
    ("queues/one/targets", {"reply": "1h"}, "unknown_key", "/queues/one/targets/reply"),
    ("queues/one/color", "red", "unknown_key", "/queues/one/color"),
    ("linking", {"window": "31d"}, "duration", "/linking/window"),
    ("linking", {"calls_rest_after": "59m"}, "duration", "/linking/calls_rest_after"),
    ("linking", {"calls_rest_after": "31d"}, "duration", "/linking/calls_rest_after"),
    ("linking", {"calls_rest_after": 72}, "duration", "/linking/calls_rest_after"),
    ("linking", {"calls_rest": "72h"}, "unknown_key", "/linking/calls_rest"),
    (POLICY, [], "type", "/policies/p"),
    (f"{POLICY}/steps", [], "type", "/policies/p/steps"),
    (f"{POLICY}/steps/0/after", "soon", "duration", "/policies/p/steps/0/after"),
    (f"{POLICY}/steps/0/in", "ofice", "unknown_calendar", "/policies/p/steps/0/in"),
    (f"{POLICY}/steps/0/actions", [{"route": "one"}], "action_place", "/policies/p/steps/0/actions/0"),
    (f"{POLICY}/pauses_when", leaf("time.now", "outside_hours", "always"), "time", "/policies/p/pauses_when/field"),
    (f"{POLICY}/pauses_when", leaf("no.such", "present"), "unknown_field", "/policies/p/pauses_when/field"),
    (f"{POLICY}/acknowledged_for", "0m", "duration", "/policies/p/acknowledged_for"),
    (f"{POLICY}/acknowledged_for", 30, "duration", "/policies/p/acknowledged_for"),
    (f"{POLICY}/repeat", {"every": "soon", "times": 3}, "duration", "/policies/p/repeat/every"),
    (f"{POLICY}/repeat", {"every": "15m", "times": 101}, "range", "/policies/p/repeat/times"),
    (f"{POLICY}/repeat", {"every": "15m"}, "range", "/policies/p/repeat/times"),
    (f"{POLICY}/repeat", 3, "type", "/policies/p/repeat"),
    (f"{POLICY}/stops_when", leaf("no.such", "present"), "unknown_field", "/policies/p/stops_when/field"),
    (
        f"{POLICY}/steps",
        [{"after": "9m", "actions": [{"notify": "x"}]}, {"after": "5m", "actions": [{"notify": "x"}]}],
        "order",
        "/policies/p/steps",
    ),
    ("rules", [], "type", "/rules"),
    ("rules", [{}] * 10_001, "too_many", "/rules"),
    ("rules/0/key", "no spaces", "key", "/rules/0/key"),
    ("rules/0/key", "r", "duplicate_key", "/rules/1/key"),
    ("rules/0/kind", "routing!", "kind", "/rules/0/kind"),
    ("rules/0/title", 5, "type", "/rules/0/title"),
    ("rules/0/color", 5, "unknown_key", "/rules/0/color"),
    ("rules/0/on", ["ticket.opened"], "unknown_event", "/rules/0/on/0"),
    ("rules/0/on", "tickets", "unknown_event", "/rules/0/on"),
    ("rules/0/on", [], "type", "/rules/0/on"),
    ("rules/0/description", 5, "type", "/rules/0/description"),
    ("rules/2/when", IS_OPEN, "no_catch_all", "/rules/2"),
    ("rules/2/on", ["ticket"], "no_catch_all", "/rules/2"),
    (WHEN, MISSING, "missing", "/rules/0/when"),
    (WHEN, [], "type", "/rules/0/when"),
    (WHEN, {"some": []}, "unknown_key", "/rules/0/when/some"),
    (WHEN, {"any": []}, "type", "/rules/0/when/any"),
    (WHEN, {"any": [IS_OPEN] * 200}, "too_large", "/rules/0/when/any/199"),
    (WHEN, leaf("ticket.statu", "is", "open"), "unknown_field", "/rules/0/when/field"),
    (WHEN, leaf("ticket.custom.x", "is", "open"), "unknown_field", "/rules/0/when/field"),
    (WHEN, leaf("ticket.custom.\u00b2", "is", "open"), "unknown_field", "/rules/0/when/field"),
    (WHEN, leaf("ticket.status", "equals", "open"), "unknown_operator", "/rules/0/when/operator"),
    (WHEN, leaf("ticket.status", "less_than", 3), "operator_type", "/rules/0/when/operator"),
    (WHEN, leaf("ticket.status", "is"), "missing", "/rules/0/when/value"),
    (WHEN, leaf("ticket.status", "is", ["open"]), "type", "/rules/0/when/value"),
    (WHEN, leaf("ticket.status", "present", True), "value", "/rules/0/when/value"),
    (WHEN, {**IS_OPEN, "note": "x"}, "unknown_key", "/rules/0/when/note"),
    (WHEN, leaf("ticket.status", "in", "open"), "type", "/rules/0/when/value"),
    (WHEN, leaf("text", "contains_any", {"list": "wrods"}), "unknown_list", "/rules/0/when/value"),
    (WHEN, leaf("text", "contains_any", {"words": "words"}), "type", "/rules/0/when/value"),
    (WHEN, leaf("text", "contains", "  "), "value", "/rules/0/when/value"),
    (WHEN, leaf("text", "contains_any", ["a", "\u0301"]), "value", "/rules/0/when/value/1"),
    (WHEN, leaf("ticket.status", "in", ["open", {}]), "type", "/rules/0/when/value/1"),
    (WHEN, leaf("ticket.status", "in", ["open"] * 10_001), "too_large", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "in", [1, "two"]), "type", "/rules/0/when/value/1"),
    (WHEN, leaf("case.severity", "in", {"list": "words"}), "type", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", "(a"), "pattern", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", "(?=a)"), "pattern", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", r"(a)\1"), "pattern", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", "a" * 513), "pattern", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", "(a{1,999}){1,99}"), "pattern", "/rules/0/when/value"),
    (WHEN, leaf("text", "matches", 5), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "at_most", "two"), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "at_most", float("inf")), "type", "/rules/0/when/value"),
    (WHEN, leaf("ticket.custom.5", "at_most", 10**400), "type", "/rules/0/when/value"),
    (WHEN, leaf("call.wait_seconds", "between", [float("-inf"), 5]), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "is", float("nan")), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "is", "two"), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "between", [3, 2]), "range", "/rules/0/when/value"),
    (WHEN, leaf("case.severity", "between", [3]), "type", "/rules/0/when/value"),
    (WHEN, leaf("case.reopened", "is", "yes"), "type", "/rules/0/when/value"),
    (WHEN, leaf("time.now", "within_hours", "ofice"), "unknown_calendar", "/rules/0/when/value"),
    (THEN, [], "type", "/rules/0/then"),
    (THEN, [{"notify": "x"}] * 51, "too_many", "/rules/0/then"),
    (THEN, ["explode"], "unknown_action", "/rules/0/then/0"),
    (THEN, [{"notify": "x", "stop": True}], "type", "/rules/0/then/0"),
    (THEN, [{"route": "one"}], "action_place", "/rules/0/then/0"),
    (THEN, [{"add_tags": ["Two Words"]}], "tag", "/rules/0/then/0/add_tags/0"),
    (THEN, [{"add_tags": "Two Words"}], "tag", "/rules/0/then/0/add_tags"),
    (THEN, ["add_tags"], "type", "/rules/0/then/0"),
    (THEN, [{"add_tags": 5}], "type", "/rules/0/then/0/add_tags"),
    (THEN, [{"set_priority": "highest"}], "value", "/rules/0/then/0/set_priority"),
    (THEN, [{"set_severity": 5}], "value", "/rules/0/then/0/set_severity"),
    (THEN, [{"set_category": ""}], "type", "/rules/0/then/0/set_category"),
    (THEN, [{"set_custom_field": {"id": "x", "value": 1}}], "type", "/rules/0/then/0/set_custom_field"),
    (THEN, [{"set_custom_field": {"id": 5, "value": float("inf")}}], "type", "/rules/0/then/0/set_custom_field"),
    (THEN, [{"set_custom_field": {"id": "\u00b2", "value": 1}}], "type", "/rules/0/then/0/set_custom_field"),
    (THEN, [{"assign": "Ana"}], "type", "/rules/0/then/0/assign"),
    (THEN, [{"assign": "\u00b2"}], "type", "/rules/0/then/0/assign"),
    (THEN, [{"escalate": "sev9"}], "unknown_policy", "/rules/0/then/0/escalate"),
    (THEN, [{"note": "{case.idd}"}], "unknown_field", "/rules/0/then/0/note"),
    (THEN, [{"note": "x" * 4_001}], "type", "/rules/0/then/0/note"),
    (THEN, [{"stop": "now"}], "value", "/rules/0/then/0/stop"),
    ("rules/1/then", [{"route": "three"}], "unknown_queue", "/rules/1/then/0/route"),
    ("rules/1/then", [{"route": "one"}, {"route": "two"}], "route", "/rules/1/then"),
    ("rules/1/then", [{"route": "one"}, {"escalate": "p"}], "action_place", "/rules/1/then/1"),
    ("tests", {}, "type", "/tests"),
    ("tests/0/given", [], "type", "/tests/0"),
    ("tests/0/given/txt", "x", "unknown_field", "/tests/0/given/txt"),
    ("tests/0/given/text", {"a": 1}, "type", "/tests/0/given/text"),
    ("tests/0/given/tags", ["a", []], "type", "/tests/0/given/tags"),
    ("tests/0/name", [], "type", "/tests/0/name"),
    ("tests/0/at", 5, "type", "/tests/0/at"),
    ("tests/0/expect/colour", "red", "unknown_key", "/tests/0/expect/colour"),
]


def put(document: Any, where: str, value: Any) -> Any:
    """The document with one part replaced, added or (MISSING) taken out. `a/b` as a whole is a name of its own."""
    if not where:
        return value
    steps = [where] if where == "a/b" else where.split("/")
    whole = here = copy.deepcopy(document)
    for step in steps[:-1]:
        here = here[int(step)] if isinstance(here, list) else here[step]
    last: Any = int(steps[-1]) if isinstance(here, list) else steps[-1]
    if value is MISSING:
        del here[last]
    else:
        here[last] = value
    return whole


def test_the_book_that_the_rows_spoil_is_sound() -> None:
    assert check(sound(), ZONE) == ()


@pytest.mark.parametrize(("where", "value", "code", "path"), ROWS, ids=[f"{row[0]} {row[2]}" for row in ROWS])
def test_each_fault_is_told_by_its_code_at_its_place(where: str, value: Any, code: str, path: str) -> None:
    found = check(put(sound(), where, value), ZONE)
    assert (code, path) in {(finding.code, finding.path) for finding in found}, found
    assert {finding.severity for finding in found} == {"error"}
    assert all(finding.message for finding in found)


def test_a_document_nested_deeper_than_anybody_reads_is_told_once() -> None:
    when: Any = IS_OPEN
    for _ in range(40):
        when = {"all": [when]}
    found = check(put(sound(), WHEN, when), ZONE)
    assert [finding.code for finding in found] == ["too_large"]


def test_all_faults_come_in_one_answer() -> None:
    document = sound()
    apart = [row for row in ROWS if row[0].startswith(("lists/words", "queues/one/", POLICY + "/steps/0/after", THEN, "tests/0/expect"))]
    chosen = {row[0]: row for row in apart}
    for where, value, _, _ in chosen.values():
        document = put(document, where, value)
    found = {(finding.code, finding.path) for finding in check(document, ZONE)}
    assert {(code, path) for _, _, code, path in chosen.values()} <= found
    assert len(chosen) >= 7


def test_an_empty_list_of_events_is_told_beside_other_faults() -> None:
    document = put(put(sound(), "rules/0/on", []), "queues/one/color", "red")
    assert {finding.path for finding in check(document, ZONE)} == {"/rules/0/on", "/queues/one/color"}


def test_each_policy_has_conditions_of_its_own_to_spend() -> None:
    stops = {"any": [leaf("case.acknowledged", "is", True), leaf("ticket.status", "is", "solved")]}
    steps = [{"after": "5m", "actions": [{"notify": "x"}]}]
    document = put(
        sound(),
        "policies",
        {"p": {"stops_when": stops, "steps": steps}} | {f"p{n}": {"stops_when": stops, "steps": steps} for n in range(80)},
    )
    assert not [finding for finding in check(document, ZONE) if finding.severity == "error"]


def test_a_body_made_of_faults_is_answered_soon_and_briefly() -> None:
    rules = [rule(f"r{n}", {"any": [{"field": "txet"}] * 150}) for n in range(2_000)]
    found = check(put(sound(), "rules", rules), ZONE)
    assert len(found) == 1_001
    assert (found[-1].code, found[-1].path) == ("too_many", "")


def test_no_message_repeats_what_may_name_a_person() -> None:
    secret = "ana.lopez@example.com"
    places = [
        (WHEN, leaf("text", "matches", f"({secret}")),
        (WHEN, leaf("text", "matches", f"[{secret}-a]")),
        (WHEN, leaf(secret, "is", 1)),
        (WHEN, leaf("text", secret, 1)),
        (WHEN, leaf("case.severity", "is", secret)),
        (WHEN, leaf("text", "contains_any", {"list": secret})),
        (THEN, [{"add_tags": [secret]}]),
        (THEN, [{"escalate": secret}]),
        (THEN, [{"note": f"{{{secret}}}"}]),
        ("rules/0/on", [secret]),
        ("rules/0/key", secret),
        (secret, 1),
    ]
    for where, value in places:
        document = {**sound(), secret: 1} if where == secret else put(sound(), where, value)
        found = check(document, ZONE)
        assert found
        assert not [finding.message for finding in found if secret in finding.message]


@pytest.mark.parametrize(
    "odd", [None, 10**400, float("nan"), "\ud800", "\x00", [[]], {"list": []}, {1: {None: 2}}, {"a": [{"b": "\udfff"}]}]
)
def test_whatever_stands_anywhere_the_check_answers_and_points_into_the_document(odd: Any) -> None:
    for place in _places(sound()):
        document = put(sound(), "/".join(place), odd)
        for finding in check(document, ZONE):
            above = finding.path.rpartition("/")[0]
            assert not above or _at(document, above) is not MISSING, finding


def _places(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield above
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*above, str(name)))


def _at(document: Any, path: str) -> Any:
    for step in path.split("/")[1:]:
        if isinstance(document, list):
            document = document[int(step)] if step.isdigit() and int(step) < len(document) else MISSING
        else:
            named = {str(name): part for name, part in document.items()} if isinstance(document, dict) else {}
            document = named.get(step, MISSING)
    return document


def test_a_member_that_no_rule_has_is_told_with_the_rule() -> None:
    found = check(book({**rule("a", {}), "wenn": {}}), ZONE)
    assert [(one.rule, one.path) for one in found] == [("a", "/rules/0/wenn")]


@pytest.mark.parametrize(
    ("where", "value"), [("lists/words", []), (WHEN, leaf("ticket.status", "in", [])), (THEN, []), (POLICY, []), ("rules", [])]
)
def test_what_came_is_told_apart_from_what_was_expected(where: str, value: Any) -> None:
    messages = [finding.message for finding in check(put(sound(), where, value), ZONE)]
    assert not [said for said in messages if said.endswith(", got a list")]
    assert "empty" in messages[0]


def test_an_on_that_yaml_1_1_read_as_true_is_said_to_be_one() -> None:
    (found,) = check(book({**rule("r", {}), "true": ["call"]}), ZONE)
    assert (found.code, found.path) == ("unknown_key", "/rules/0/true")
    assert "makes it of `on`" in found.message
