"""What a message holds, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.notify.desk import ACKNOWLEDGE, ANA, AT, CASE, item, message
from tsbridge.notify.messages import SHOWN, Item, Recipient, a_test, about_cases, inert


def test_one_case_is_told_with_what_the_contract_says_and_nothing_else() -> None:
    told = message()
    assert told.data == {
        "case_id": CASE,
        "severity": 1,
        "category": "safety_incident",
        "queue": "safety",
        "policy": "sev1",
        "step": 2,
        "to": "ana",
        "next_step_at": "2026-11-29T02:27:00.000000Z",
        "link": f"https://desk.example/console/cases/{CASE}",
        "acknowledge_link": ACKNOWLEDGE,
        "dedup_key": CASE,
    }
    assert "ana" not in told.subject + told.text


def test_the_next_step_is_told_on_the_readers_own_wall_clock() -> None:
    to = Recipient("ben", "ben@example.com", None, ZoneInfo("America/Los_Angeles"))
    assert "The next step comes at 18:27 on Saturday 28 November (America/Los_Angeles)." in message(to=to).text


def test_several_cases_are_one_message_the_worst_first_with_one_link() -> None:
    told = message(item("case_b", 3, None, None), item("case_a", 1), item("case_c", None))
    assert told.subject == "3 cases, the worst: Severity 1, safety_incident, queue safety."
    order = [told.text.index(case_id) for case_id in ("case_a", "case_b", "case_c")]
    assert order == sorted(order)
    assert [case["case_id"] for case in told.data["cases"]] == ["case_a", "case_b", "case_c"]
    assert told.data["dedup_key"] == "case_a"


def test_a_storm_is_told_in_few_lines() -> None:
    told = message(*(item(f"case_{number:04d}", 2) for number in range(1_000)))
    assert f"and {1_000 - SHOWN} more." in told.text
    assert len(told.text) < 3_000


def test_what_a_rule_asked_and_what_is_late_says_so() -> None:
    told = about_cases("ntf_1", AT, [Item(CASE, 2, None, None, late=True)], ANA, link=None, acknowledge_link=None)
    assert told.subject == f"Late: Severity 2, no category, no queue. ({CASE})"
    assert "A rule asks for you." in told.text
    assert told.data["next_step_at"] is None


def test_without_a_link_no_link_is_spoken_of() -> None:
    items = [Item(CASE, 2, None, None), Item("case_2", 3, None, None)]
    for some in (items, items[:1]):
        told = about_cases("ntf_1", AT, some, ANA, link=None, acknowledge_link=None)
        assert "link" not in told.text
        assert "take its ticket in Zendesk" in told.text


def test_no_case_is_no_message() -> None:
    with pytest.raises(ValueError, match="at least one case"):
        about_cases("ntf_1", AT, [], ANA, link=None, acknowledge_link=None)


def test_a_test_message_says_that_nothing_happened() -> None:
    told = a_test("ntf_1", datetime(2026, 11, 29, tzinfo=UTC), "mail", ANA, acknowledge_link=ACKNOWLEDGE)
    assert (told.button, told.acknowledge_link) == ("It arrived", ACKNOWLEDGE)
    assert "Nothing happened" in told.text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\r\nb", "a b"),
        ("a\x00b\x1b[31m", "a b [31m"),
        ("\u202eevil\u2069", "evil"),
        (None, ""),
        ("a\u2028b", "a b"),
        ("see https://evil.example", "see https:\u200b//evil.example"),
        ("www.evil.example", "www\u200b.evil.example"),
        ("x" * 200, "x" * 119 + "…"),
    ],
)
def test_words_are_inert(text: str | None, plain: str) -> None:
    assert inert(text) == plain
