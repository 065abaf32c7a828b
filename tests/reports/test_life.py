"""What reports read of a story is what the walk reads of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.reports import slow_life
from tests.reports.weeks import AGENTS, Weeks
from tsbridge.core.moments import Actor, Change, Moment, Text, to_json
from tsbridge.reports.life import lived, place_of

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
TICKETS, CALL = ("4711", "4712", "4713"), "c1"


def some_story(rng: random.Random) -> list[Moment]:
    """Whatever people, the desk and the vendors may tell of three tickets and a call."""
    weeks = Weeks.__new__(Weeks)
    weeks.orders = {}
    at, told = START, list[Moment]()
    status = dict.fromkeys(TICKETS, "new")
    for ticket in TICKETS:
        if rng.random() < 0.8:
            told.append(weeks.created(ticket, at, "300", "hello", by=rng.choice((None, None, "7001")), public=rng.random() < 0.7))
    for _ in range(rng.randrange(14)):
        at += timedelta(seconds=rng.choice((0, 0, 1, 90, 90_000)))
        ticket = rng.choice(TICKETS)
        actor = rng.choice((Actor("requester", "300"), Actor("agent", rng.choice([*AGENTS.values()])), Actor("us", "99"), Actor("system")))
        what = rng.randrange(11)
        if what < 3:
            now = rng.choice(("open", "pending", "solved", "solved", "closed"))
            change = None if rng.random() < 0.5 else (status[ticket], now)
            status[ticket] = now if change else status[ticket]
            told.append(weeks.comment(ticket, at, "well", actor, public=rng.random() < 0.6, status=change))
        elif what == 3:
            told.append(weeks.update(ticket, at, actor, Change("ticket.assignee_id", None, rng.choice(("7001", None)))))
        elif what == 4:
            told.append(
                weeks.update(ticket, at, actor, Change("tags", ("a", "b"), rng.choice((("a",), ("a", "b", "closed_by_merge"), ()))))
            )
        elif what == 5:
            told.append(weeks.update(ticket, at, actor, Change("ticket.group_id", rng.choice(("501", None)), rng.choice(("501", "777")))))
        elif what == 6:
            told.append(weeks.at_desk(ticket, rng.choice(("case.acknowledged", "case.resolved", "case.noted")), at, "mara"))
        elif what == 7:
            event = rng.choice(("call.started", "call.answered", "call.missed", "call.ended"))
            outcome = rng.choice(("answered", "missed")) if event == "call.ended" else event.removeprefix("call.")
            told.append(weeks.call(CALL, event, at, "p1", direction="inbound", outcome=outcome))
        elif what == 8:
            facts = (
                ("tags", rng.choice(((), ("a",)))),
                ("ticket.assignee_id", rng.choice(("7001", None))),
                ("ticket.status", status[ticket]),
            )
            told.append(Moment("zendesk", ticket, rng.choice(("facts", "written", "ticket.updated")), at, facts=facts, actor=actor))
        elif what == 9:
            words = (Text("comment", "for her", "agent", True, "7002"),)
            told.append(Moment("zendesk", ticket, "ticket.commented", at, texts=words, actor=actor, impression=rng.random() < 0.5))
        else:
            given = (("case.agent", "ana"), ("case.assignee", "7001"), ("case.because", "."), ("case.from_queue", "safety"))
            told.append(Moment("desk", f"zendesk:{ticket}", "case.given", at, facts=given, actor=Actor("us")))
    return sorted(told, key=lambda moment: moment.order)


@pytest.mark.parametrize("seed", range(12))
def test_every_event_is_seen_as_the_walk_sees_it(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # the same stories in every run
    for _ in range(80):
        story = some_story(rng)
        keys = [f"zendesk:{ticket}" for ticket in TICKETS] + [f"talkdesk:{CALL}"]
        joined = {key: keys[0] for key in keys if rng.random() < 0.4}
        rests = [START + timedelta(hours=rng.randrange(200)) for _ in range(rng.randrange(2))]
        events, state = slow_life.lived(story, rests, joined)
        fast = lived([to_json(moment) for moment in story], rests, joined)
        assert list(fast.events) == events
        assert (fast.resolved_at is not None) == (state.resolved and bool(state.threads))
        assert {key: track.status for key, track in fast.tracks.items()} == {key: track.status for key, track in state.tracks.items()}
        assert {key: track.opened_at for key, track in fast.tracks.items()} == {k: track.opened_at for k, track in state.tracks.items()}


def test_the_stories_tell_something_of_everything() -> None:
    rng = random.Random(1)  # noqa: S311  # the same stories in every run
    told = {event.what for _ in range(200) for event in lived([to_json(moment) for moment in some_story(rng)]).events}
    assert told >= {"created", "replied", "answered", "solved", "unsolved", "acknowledged", "resolved", "reopened", "untagged", "moved"}


def test_the_place_of_a_moment_is_that_of_the_walk() -> None:
    rng = random.Random(2)  # noqa: S311  # the same stories in every run
    for _ in range(50):
        for moment in some_story(rng):
            assert place_of(to_json(moment), moment.digest) == moment.place
