"""Who gets the next case, and why each other one does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsbridge.core.assign import MODES, Colleague, Ranked, Terms, Work, chosen, load_of, rank, share
from tsbridge.core.burden import Burden, jain, merged, of_time
from tsbridge.core.roster import Limit

T0 = datetime(2026, 11, 23, 9, tzinfo=UTC)
LIMIT = Limit("distressing", ("safety_incident",), 3)
LEAST = Terms("safety", "least_loaded")


def at_work(agent: str, **how: object) -> Colleague:
    return replace(Colleague(agent, here=True, zendesk_user_id="41"), **how)  # type: ignore[arg-type]


def first(terms: Terms, work: Work, *people: Colleague) -> str | None:
    one = chosen(rank(terms, work, people))
    return None if one is None else one.agent


def why(ranked: tuple[Ranked, ...], agent: str) -> str:
    return "; ".join(f"{reason.step}: {reason.says}" for one in ranked if one.agent == agent for reason in one.because)


def full(*channels: str) -> tuple[tuple[str, int], ...]:
    return load_of((("email", 8), ("chat", 3)), [(channel, None) for channel in channels])


def test_whoever_has_the_most_room_gets_it() -> None:
    capacity = (("email", 4),)
    ana, ben = at_work("ana", capacity=capacity, load=full("email", "email")), at_work("ben", capacity=capacity, load=full("email"))
    assert first(LEAST, Work(), ana, ben) == "ben"


def test_load_is_measured_by_what_somebody_can_carry() -> None:
    ana = at_work("ana", capacity=(("email", 8),), load=full("email", "email"))
    ben = at_work("ben", capacity=(("email", 2),), load=full("email"))
    assert first(LEAST, Work(), ana, ben) == "ana"
    assert "less room than ana" in why(rank(LEAST, Work(), [ana, ben]), "ben")


@pytest.mark.parametrize(
    ("how", "step"),
    [
        ({"here": False}, "shift"),
        ({"shadow": True}, "shadow"),
        ({"zendesk_user_id": None}, "user"),
        ({"capacity": (("email", 1),), "load": (("email", 2),)}, "capacity"),
        ({"capacity": (("email", 0),)}, "capacity"),
        ({"got": (("distressing", 3),)}, "limit"),
        ({"skills": (("safety", 1),)}, "skills"),
    ],
)
def test_who_cannot_get_it_says_why(how: dict[str, object], step: str) -> None:
    terms = Terms("safety", "least_loaded", (("safety", 2),), (LIMIT,))
    fits = {"skills": (("safety", 3),)}
    ranked = rank(terms, Work(category="safety_incident"), [at_work("ana", **{**fits, **how}), at_work("ben", **fits, burden=999)])
    assert [(one.agent, one.chosen) for one in ranked] == [("ben", True), ("ana", False)]
    assert why(ranked, "ana").startswith(f"{step}: ")
    assert ranked[1].score == 0


def test_a_severe_case_takes_two_places_and_a_free_agent_takes_whatever_comes() -> None:
    busy = at_work("ana", capacity=(("email", 2),), load=load_of((("email", 2),), [("email", 3)]))
    assert first(LEAST, Work(severity=3), busy) == "ana"
    assert first(LEAST, Work(severity=1), busy) is None
    assert first(LEAST, Work(severity=1), at_work("ana", capacity=(("email", 1),))) == "ana"


def test_a_channel_without_a_capacity_counts_as_its_like_and_else_has_no_end() -> None:
    ana = at_work("ana", capacity=(("chat", 1),), load=load_of((("chat", 1),), [("messaging", None)]))
    assert ana.load == (("chat", 2),)
    assert first(LEAST, Work(channel="sms"), ana) is None
    assert first(LEAST, Work(channel="voice"), ana) == "ana"


def test_ties_go_to_whoever_carries_less_then_to_the_longest_waiting_then_by_key() -> None:
    ana, ben = at_work("ana", burden=10), at_work("ben", burden=9)
    assert first(LEAST, Work(), ana, ben) == "ben"
    ana, ben = at_work("ana", last_given=T0), at_work("ben", last_given=T0 - timedelta(hours=1))
    assert first(LEAST, Work(), ana, ben) == "ben"
    assert first(LEAST, Work(), at_work("ben"), at_work("ana")) == "ana"


def test_distressing_work_goes_by_burden_before_load() -> None:
    ana, ben = at_work("ana", burden=10), at_work("ben", burden=9, load=full("email"))
    assert first(LEAST, Work(category="safety_incident"), ana, ben) == "ana"
    assert first(replace(LEAST, limits=(LIMIT,)), Work(category="safety_incident"), ana, ben) == "ben"


def test_round_robin_goes_by_turns_whatever_anybody_has() -> None:
    people = [at_work("ana", last_given=T0), at_work("ben", last_given=T0 - timedelta(hours=1), load=full("email")), at_work("cem")]
    ranked = rank(Terms("safety", "round_robin"), Work(), people)
    assert [one.agent for one in ranked] == ["cem", "ben", "ana"]
    assert "nothing from this queue yet" in why(ranked, "cem")


def test_sticky_work_goes_to_who_knows_the_person_if_they_can_and_else_to_the_least_loaded() -> None:
    sticky, ana, ben = Terms("safety", "sticky"), at_work("ana"), at_work("ben", load=full("email"))
    assert first(sticky, Work(knows=("ben",)), ana, ben) == "ben"
    assert first(sticky, Work(knows=("ben",)), ana, replace(ben, here=False)) == "ana"
    assert first(sticky, Work(knows=("zoe", "ben")), ana, ben) == "ben"
    assert first(LEAST, Work(knows=("ben",)), ana, ben) == "ana"


def test_what_is_handed_over_goes_to_somebody_else() -> None:
    assert first(LEAST, Work(held_by="ana"), at_work("ana"), at_work("ben", load=full("email"))) == "ben"


def test_a_queue_that_gives_nothing_out_chooses_nobody_and_says_so() -> None:
    ranked = rank(Terms("claims", "none"), Work(), [at_work("ana"), at_work("ben")])
    assert chosen(ranked) is None
    assert why(ranked, "ana") == "mode: the queue gives nothing out by itself"


COLLEAGUES = st.lists(
    st.builds(
        Colleague,
        agent=st.sampled_from(["ana", "ben", "cem", "dia", "eve"]),
        here=st.booleans(),
        shadow=st.booleans(),
        zendesk_user_id=st.sampled_from([None, "41"]),
        skills=st.sampled_from([(), (("safety", 1),), (("safety", 3),)]),
        capacity=st.sampled_from([(), (("email", 1),), (("chat", 2), ("email", 4))]),
        load=st.sampled_from([(), (("email", 2),), (("chat", 4), ("email", 6))]),
        got=st.sampled_from([(), (("distressing", 2),), (("distressing", 3),)]),
        burden=st.integers(0, 3),
        last_given=st.sampled_from([None, T0, T0 + timedelta(minutes=1)]),
    ),
    unique_by=lambda one: one.agent,
)
WORK = st.builds(
    Work,
    severity=st.sampled_from([None, 1, 2, 3]),
    category=st.sampled_from([None, "safety_incident"]),
    channel=st.sampled_from(["email", "web", "chat", "voice"]),
    knows=st.sampled_from([(), ("ana",), ("eve", "ben")]),
)
TERMS = st.builds(
    Terms, queue=st.just("safety"), mode=st.sampled_from(MODES), skills=st.sampled_from([(), (("safety", 2),)]), limits=st.just((LIMIT,))
)


@given(TERMS, WORK, COLLEAGUES)
def test_whatever_the_team_the_answer_is_whole_the_same_in_any_order_and_breaks_no_cap(
    terms: Terms, work: Work, people: list[Colleague]
) -> None:
    ranked = rank(terms, work, people)
    assert ranked == rank(terms, work, people[::-1])
    assert sorted(one.agent for one in ranked) == sorted(one.agent for one in people)
    assert all(one.because for one in ranked)
    assert sum(one.chosen for one in ranked) == (terms.mode != "none" and any(one.fits for one in ranked))
    assert [one.fits for one in ranked] == sorted((one.fits for one in ranked), reverse=True)
    for one in people:
        if any(other.agent == one.agent and other.chosen for other in ranked):
            assert one.here
            assert not one.shadow
            assert one.zendesk_user_id is not None
            assert work.category is None or dict(one.got).get("distressing", 0) < 3
            assert all(dict(one.skills).get(skill, 0) >= level for skill, level in terms.skills)
            assert share(one) <= max(share(other) for other in people)


def test_a_night_on_a_weekend_and_a_holiday_weigh_more_than_a_day() -> None:
    def points(start: datetime, hours: int, holiday: bool = False) -> int:
        return of_time([(start, start + timedelta(hours=hours))], UTC, lambda day: holiday).points

    day = points(T0, 8)
    assert day == 32
    assert points(T0 + timedelta(hours=13), 8) == day + 16
    assert points(T0 + timedelta(days=5), 8) == day + 16
    assert points(T0, 8, holiday=True) == 2 * day


def test_time_at_work_is_counted_to_the_second() -> None:
    start = T0.replace(hour=21, minute=50)
    found = of_time([(start, start + timedelta(minutes=25, seconds=7))], UTC, lambda day: False)
    assert (found.worked, found.nights) == (timedelta(minutes=25, seconds=7), timedelta(minutes=15, seconds=7))
    kolkata = of_time([(start, start + timedelta(minutes=25))], ZoneInfo("Asia/Kolkata"), lambda day: False)
    assert kolkata.nights == timedelta(minutes=25)


def test_spans_that_overlap_count_once() -> None:
    later = T0 + timedelta(hours=1)
    assert merged([(later, later + timedelta(hours=1)), (T0, later), (T0, T0)]) == [(T0, later + timedelta(hours=1))]


def test_pages_and_distressing_cases_are_part_of_what_somebody_carries() -> None:
    assert (Burden(worked=timedelta(hours=1)) + Burden(pages=1, distressing=2)).points == 4 + 8 + 16


def test_jains_index() -> None:
    assert jain([5, 5, 5]) == 1
    assert jain([9, 0, 0]) == pytest.approx(1 / 3)
    assert jain([0, 0]) == 1
