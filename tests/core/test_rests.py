"""The clock of an escalation rests while a pause holds and for a while after an acknowledgement, and goes on where it stood."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.core.test_story import AGENT, BITE, DOCUMENT, FAR, GROUPS, T0, US, call, desk, judged, tags, ticket
from tsbridge.core.casestate import CaseState
from tsbridge.core.casestate_json import from_json, to_json
from tsbridge.core.due import due_at
from tsbridge.core.escalation import Books
from tsbridge.core.moments import WRITTEN, Moment
from tsbridge.core.rules.document import read
from tsbridge.core.rules.judge import Judge
from tsbridge.core.steps import escalation_rows

PENDING = {"all": [{"field": "ticket.status", "operator": "is", "value": "pending"}]}
TAKEN = {"any": [{"field": "ticket.assignee_id", "operator": "present"}]}
OFFICE = {"office": {"timezone": "UTC", "hours": {"mon-fri": "08:00-10:00"}}}


def by(**parts: Any) -> Judge:
    """A judge whose policy has these parts; after a quarter of an hour, after two hours."""
    policy = {name: part for name, part in DOCUMENT["policies"]["sev1"].items() if name != "stops_when"}  # type: ignore[index]
    return Judge(read({**DOCUMENT, "calendars": OFFICE, "policies": {"sev1": {**policy, **parts}}}), ZoneInfo("UTC"))


def fired(judge: Judge, *story: Moment, until: float = 60 * 24) -> list[tuple[int, float]]:
    """The steps that fired, each with the minute it did."""
    state, _ = judged(*story, until=T0 + timedelta(minutes=until), judge=judge)
    return [(one.step, (one.at - T0) / timedelta(minutes=1)) for one in state.ended if one.status == "fired"]


def status(minute: float, word: str) -> Moment:
    return ticket("updated", minute, by=AGENT, ticket__status=word)


def test_while_the_pause_holds_the_clock_rests_and_then_goes_on() -> None:
    judge = by(pauses_when=PENDING)
    assert fired(judge, BITE) == [(1, 0), (2, 15), (3, 120)]
    assert fired(judge, BITE, status(10, "pending")) == [(1, 0)]
    assert fired(judge, BITE, status(10, "pending"), status(40, "open")) == [(1, 0), (2, 45), (3, 150)]
    pauses = status(10, "pending"), status(40, "open"), status(50, "pending"), status(100, "open")
    assert fired(judge, BITE, *pauses) == [(1, 0), (2, 45), (3, 200)]


def test_a_step_inside_a_calendar_counts_its_open_hours_without_the_pauses() -> None:
    steps = [{"after": "90m", "in": "office", "actions": [{"add_tags": ["ts_l2"]}]}]  # T0 is a Monday, 9:00; 60 of them are left today
    judge = by(pauses_when=PENDING, steps=steps)
    assert fired(judge, BITE, until=3000) == [(1, 23 * 60 + 30)]
    assert fired(judge, BITE, status(20, "pending"), status(180, "open"), until=3000) == [(1, 23 * 60 + 70)]
    assert fired(judge, BITE, status(70, "pending"), status(180, "open"), until=3000) == [(1, 23 * 60 + 30)]


def test_a_due_time_that_comes_as_the_pause_begins_has_come() -> None:
    assert fired(by(pauses_when=PENDING), BITE, status(15, "pending")) == [(1, 0), (2, 15)]


def test_a_call_does_not_end_the_pause_of_the_ticket_it_is_named_with() -> None:
    joined = {"zendesk:4711": "zendesk:4711", "talkdesk:c1": "zendesk:4711"}
    story = BITE, status(5, "pending"), call("ended", 8)
    state, _ = judged(*story, until=FAR, judge=by(pauses_when=PENDING), joined=joined)
    assert [one.resting for one in state.armed] == [True]


def test_a_pause_of_a_guessed_ticket_pauses_nothing_else() -> None:
    other = ticket("created", 3, "an invoice", id_="4800", ticket__status="pending")
    assert fired(by(pauses_when=PENDING), BITE, other) == [(1, 0), (2, 15), (3, 120)]


def test_an_acknowledgement_rests_the_clock_until_nothing_happened_for_so_long() -> None:
    judge = by(acknowledged_for="30m")
    assert fired(judge, BITE, desk("case.acknowledged", 5)) == [(1, 0), (2, 45), (3, 150)]
    stirred = ticket("commented", 20, "looking at it", by=AGENT)
    assert fired(judge, BITE, desk("case.acknowledged", 5), stirred) == [(1, 0), (2, 60), (3, 165)]
    late = ticket("commented", 40, "and now?")  # it has gone on: only another acknowledgement lets it rest again
    assert fired(judge, BITE, desk("case.acknowledged", 5), late) == [(1, 0), (2, 45), (3, 150)]
    again = desk("case.acknowledged", 40)
    assert fired(judge, BITE, desk("case.acknowledged", 5), again) == [(1, 0), (2, 75), (3, 180)]


def test_the_last_step_comes_again_as_often_as_it_is_repeated() -> None:
    judge = by(repeat={"every": "15m", "times": 2}, stops_when=DOCUMENT["policies"]["sev1"]["stops_when"])  # type: ignore[index]
    assert fired(judge, BITE) == [(1, 0), (2, 15), (3, 120), (4, 135), (5, 150)]
    assert fired(judge, BITE, desk("case.acknowledged", 140)) == [(1, 0), (2, 15), (3, 120), (4, 135)]


@pytest.mark.parametrize("event", ["updated", WRITTEN])
def test_an_assignee_that_we_wrote_stops_nothing_and_one_that_a_person_set_does(event: str) -> None:
    judge = by(stops_when=TAKEN)
    ours = ticket(event, 5, by=US, ticket__assignee_id="7")
    if event == WRITTEN:
        ours = Moment("zendesk", "4711", WRITTEN, T0 + timedelta(minutes=5), facts=(("ticket.assignee_id", "7"),), actor=US)
    assert fired(judge, BITE, ours, status(8, "open")) == [(1, 0), (2, 15), (3, 120)]
    assert fired(judge, BITE, ours, ticket("updated", 8, by=AGENT, ticket__assignee_id="9")) == [(1, 0)]
    assert fired(judge, BITE, ticket("updated", 5, by=AGENT, ticket__assignee_id="7"), status(8, "open")) == [(1, 0)]


def test_the_rows_of_a_resting_escalation_say_so_and_when_they_would_come() -> None:
    judge = by(pauses_when=PENDING, acknowledged_for="30m")

    def rows(*story: Moment) -> list[Any]:
        state, _ = judged(*story, until=T0 + timedelta(minutes=12), judge=judge)
        return sorted((row["step"], row["status"], row["due_at"]) for row in escalation_rows("c", state, Books(judge.book)))

    paused = rows(BITE, status(10, "pending"))
    assert [(step, said) for step, said, _ in paused] == [(1, "fired"), (2, "paused"), (3, "paused")]
    assert [due for *_, due in rows(BITE, desk("case.acknowledged", 10))][1:] == [T0 + timedelta(minutes=n) for n in (45, 150)]


def random_story(rng: Random) -> list[Moment]:
    story = [BITE]
    for _ in range(rng.randint(2, 6)):
        minute = rng.choice([3, 10, 15, 20, 40, 45, 70, 118, 130, 200])
        made = rng.choice(["open", "pending", "hold", "ack", "said"])
        if made == "ack":
            story.append(desk("case.acknowledged", minute))
        elif made == "said":
            story.append(ticket("commented", minute, f"more {minute}", by=AGENT))
        else:
            story.append(status(minute + rng.random() / 10, made))
    return list({moment.digest: moment for moment in story}.values())


@pytest.mark.parametrize("seed", range(25))
def test_rests_leave_no_trace_of_the_order_they_were_heard_in(seed: int) -> None:
    rng = Random(seed)  # noqa: S311
    judge = by(pauses_when=PENDING, acknowledged_for="25m", repeat={"every": "15m", "times": 2})
    story = sorted(random_story(rng), key=lambda moment: moment.order)
    whole, decisions = judged(*story, until=FAR, judge=judge)
    for cut in range(1, len(story)):
        state: CaseState = judged(*story[:cut], until=story[cut - 1].at, judge=judge)[0]
        state = from_json(to_json(state))
        assert judged(*story, until=FAR, judge=judge, after=state)[0] == whole
    assert [one.moment for one in decisions] == [one.moment for one in judged(*reversed(story), until=FAR, judge=judge)[1]]
    assert tags(whole.wish("4711", GROUPS)) == tags(from_json(to_json(whole)).wish("4711", GROUPS))


@pytest.mark.parametrize("seed", range(25))
def test_time_alone_fires_a_step_or_ends_a_rest_at_the_due_time_and_never_before(seed: int) -> None:
    judge = by(pauses_when=PENDING, acknowledged_for="25m", repeat={"every": "15m", "times": 2})
    story = random_story(Random(seed))  # noqa: S311
    at = max(moment.at for moment in story)
    state, _ = judged(*story, until=at, judge=judge)
    while (due := due_at(state)) is not None:
        before, quiet = judged(*story, until=due - timedelta(microseconds=1), judge=judge, after=state)
        assert (quiet, before.armed) == ((), state.armed)
        state, came = judged(*story, until=due, judge=judge, after=state)
        assert came
        assert state.armed != before.armed
