"""The seeded weekend: the same for a seed, whole for any size, and honest about what it expects."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from tsbridge.simulator import scenario_words as words
from tsbridge.simulator.scenario import LENGTH, Scenario, friday_before, quiet_days, weekend, weeks

START = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def big() -> Scenario:
    return weekend(7, START)


def test_a_seed_gives_one_weekend_act_for_act() -> None:
    assert weekend(3, START, tickets=60, calls=30) == weekend(3, START, tickets=60, calls=30)
    assert weekend(3, START, tickets=60, calls=30).acts != weekend(4, START, tickets=60, calls=30).acts


def test_it_has_the_size_asked_for(big: Scenario) -> None:
    assert 300 <= big.tickets <= 306
    assert 120 <= big.calls <= 126
    assert sum(1 for act in big.acts if act.act == "ticket") == big.tickets
    assert sum(1 for act in big.acts if act.act == "started") == big.calls


def test_every_expectation_is_about_a_ticket_that_is_made(big: Scenario) -> None:
    made = {act.ref for act in big.acts if act.act == "ticket"}
    assert {expected.ref for expected in big.expected} <= made
    assert len({expected.ref for expected in big.expected}) == len(big.expected)
    assert len(big.expected) > 0.8 * big.tickets


def test_no_expectation_contradicts_itself(big: Scenario) -> None:
    for expected in big.expected:
        assert not set(expected.must) & set(expected.must_not), expected.story


def test_acts_are_in_order_and_within_the_weekend(big: Scenario) -> None:
    assert [act.at for act in big.acts] == sorted(act.at for act in big.acts)
    assert all(START <= act.at <= START + LENGTH for act in big.acts)


def test_nobody_touches_a_ticket_or_a_call_before_it_exists(big: Scenario) -> None:
    tickets, calls = set(), set()
    for act in big.acts:
        if act.act == "ticket":
            tickets.add(act.ref)
        elif act.system == "zendesk":
            assert act.ref in tickets
            assert act.args.get("into", act.ref) in tickets
        elif act.act == "started":
            assert not act.ref or act.ref in tickets
            calls.add(act.args["id"])
        elif "call_id" in act.args:
            assert act.args["call_id"] in calls
        if act.after is not None:
            assert act.after[0] in tickets


def test_every_theme_has_stories_and_most_tickets_are_harmless_or_follow_ups(big: Scenario) -> None:
    kinds = Counter(expected.story.split("-")[1] for expected in big.expected)
    for theme in words.THEMES:
        assert kinds[theme.name] >= 5, theme.name
    assert kinds["harmless"] > 80
    assert kinds["burst"] >= 15


def test_every_kind_of_story_happens(big: Scenario) -> None:
    kinds = {act.story.split("-", 2)[-1] for act in big.acts}
    assert {"plain", "answered", "call-then-mail", "voicemail-then-mail", "mail-then-missed-call", "chat-and-mail"} <= kinds
    assert {"call-names-ticket", "merged", "ticket-of-a-call", "tag-removed", "moved", "said-later"} <= kinds
    assert {"reporter", "phone", "call"} <= kinds  # the second halves of repeat-reporter, shared-phone, harmless-call


def test_even_a_small_weekend_has_every_theme() -> None:
    small = weekend(1, START, tickets=30, calls=12)
    assert {theme.name for theme in words.THEMES} <= {expected.story.split("-")[1] for expected in small.expected}
    assert small.tickets <= 36


def test_people_of_different_stories_share_neither_address_nor_number(big: Scenario) -> None:
    stories_of: dict[str, set[str]] = defaultdict(set)
    for act in big.acts:
        requester = act.args.get("requester", {})
        for handle in (requester.get("email"), requester.get("phone"), act.args.get("phone")):
            if handle:
                stories_of[handle].add(act.story)
    assert {handle for handle, stories in stories_of.items() if len(stories) > 1} == set()


def test_harmless_words_never_need_a_severe_tag(big: Scenario) -> None:
    severe = set(words.SEVERE_TAGS)
    for expected in big.expected:
        if expected.story.endswith(("harmless", "burst")):
            assert severe <= set(expected.must_not)
            assert set(expected.must) <= {words.NIGHT}


@pytest.mark.parametrize("hours", [0, 8, 9, 40, 100, 167])
def test_the_last_weekend_is_always_over(hours: int) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hours)
    friday = friday_before(now)
    assert (friday.weekday(), friday.hour) == (4, 18)
    assert timedelta() <= now - (friday + LENGTH) < timedelta(days=7)


def test_weeks_go_on_from_each_other_with_a_weekend_each_and_people_of_its_own() -> None:
    played = weeks(7, START, tickets=100, calls=40)
    assert played == weeks(7, START, tickets=100, calls=40)
    assert [one.end for one in played[:-1]] == [one.start for one in played[1:]]
    assert (played[0].start, played[-1].start) == (START - timedelta(weeks=5), START)
    assert all(one.start <= act.at <= one.end for one in played for act in one.acts)
    weekends = [*played[:-1:2], played[-1]]
    handles = [
        {value for act in one.acts if act.act == "ticket" for value in (act.args["requester"]["email"], act.args["requester"]["phone"])}
        for one in weekends
    ]
    assert all(not mine & theirs for place, mine in enumerate(handles) for theirs in handles[:place])
    assert {act.system for one in played[:-1] for act in one.acts} == {"zendesk"}
    assert {act.system for act in played[-1].acts} == {"zendesk", "talkdesk"}
    assert all(2 * one.tickets > played[-1].tickets for one in weekends)


def test_the_days_between_weekends_are_quiet() -> None:
    quiet = quiet_days(8, START + LENGTH, START + timedelta(weeks=1))
    assert {act.act for act in quiet.acts} == {"ticket", "comment", "update"}
    assert [act.at for act in quiet.acts] == sorted(act.at for act in quiet.acts)
    asked = [act for act in quiet.acts if act.act == "ticket"]
    assert all(sum(act.at.date() == day for act in asked) <= 3 for day in {act.at.date() for act in asked})
    assert {act.args["requester"]["phone"] for act in asked} == {""}
    assert {act.ref for act in quiet.acts if act.act == "update"} == {act.ref for act in asked}
