"""Patterns from decisions to sentences: what is counted once, what stands out, and what it opens to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Row, func, insert, select, update

from tests.clocks import CountingIds, SettableClock
from tests.web import rows
from tsbridge.acts import patterns as acts
from tsbridge.acts.patterns import Pattern
from tsbridge.core.moments import Moment, Text, to_json
from tsbridge.store import chain, decision_tables, link_tables, moment_tables, pattern_tables
from tsbridge.store import patterns as store
from tsbridge.store.db import Database
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.patterns import PACE, Patterns

pytestmark = pytest.mark.anyio

ZONE = ZoneInfo("America/Los_Angeles")
DAY = timedelta(days=1)


class FirstFails(CountingIds):
    """The first id cannot be had."""

    def new(self, prefix: str) -> str:
        if super().new(prefix).endswith("_000001"):
            raise RuntimeError
        return super().new(prefix)


class World:
    """A database that is filled as the walk fills it, and a task that looks at it."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database, self.clock, self.numbers = database, clock, iter(range(1, 10_000))
        self.ids = CountingIds()
        self.task = self.another()

    def another(self) -> Patterns:
        return Patterns(self.database, self.clock, self.ids, LiveRulebook(ZONE), ZONE, lambda n: b"\x07" * n, "one")

    def decide(self, conn: Connection, at: datetime, category: str = "billing", rules: tuple[str, ...] = ("all",), **more: Any) -> str:
        """A ticket's first decision."""
        number = next(self.numbers)
        id_, case_id = f"dec_{number:06d}", more.pop("case_id", f"case_{number:06d}")
        outcome = {**rows.OUTCOME, "category": category}
        about = {
            "at": at,
            "recorded_at": at,
            "moment": f"moment {number}",
            "event": "ticket.created",
            "case_id": case_id,
            "source": "zendesk",
        }
        values = {"id": id_, "interaction": str(number), "channel": "email", "rulebook_version": 1, "mode": "live", "salt": "salt"}
        conn.execute(
            insert(decision_tables.decisions).values(
                **{**values, **about, "outcome": outcome, "matched": [[key, "escalation"] for key in rules], **more}
            )
        )
        chain.append(conn, "decision", id_, {"id": id_})
        return str(number)

    async def look(self) -> list[Pattern]:
        self.clock.advance(PACE)
        while await self.task.round() is True:
            pass
        return self.listed()

    def listed(self) -> list[Pattern]:
        return self.database.read_now(lambda conn: acts.listed(conn, self.clock.now(), 50))

    def weeks(self, conn: Connection) -> None:
        """Six weeks of four cases a day."""
        for back in range(42, 0, -1):
            for hour in (2, 8, 14, 20):
                self.decide(conn, self.clock.now() - back * DAY + timedelta(hours=hour))


@pytest.fixture
def world(database: Database, clock: SettableClock) -> World:
    return World(database, clock)


async def test_a_burst_is_found_told_once_and_opens_to_its_cases(world: World, clock: SettableClock) -> None:
    world.database.write_now(world.weeks)
    assert await world.look() == []
    now = clock.now()
    world.database.write_now(lambda conn: [world.decide(conn, now - timedelta(minutes=40 * n), "safety", ("injury",)) for n in range(16)])
    found = {(one.kind, one.figures["of"]): one for one in await world.look()}
    safety = found["burst", "safety"]
    assert safety.sentence.startswith("16 cases of category safety within a day, where 0")
    assert (len(safety.cases), safety.figures["cases"], safety.figures["days"]) == (16, 16, 1)
    assert ("rule_drift", "injury") not in found
    assert [(one["series"], one["of"], one["cases"]) for one in safety.figures["also"]] == [
        ("channel", "email", 20),
        ("rule", "injury", 16),
    ]
    assert safety.sentence.endswith(", largely the same of channel email, rule injury.")
    assert safety.draft_rule is not None
    assert safety.draft_rule["when"] == {"all": [{"field": "case.category", "operator": "is", "value": "safety"}]}
    world.task = world.another()  # counts are read again
    world.database.write_now(lambda conn: [world.decide(conn, clock.now(), "safety", ("injury",)) for _ in range(3)])
    later = {(one.kind, one.figures["of"]): one for one in await world.look()}
    assert later["burst", "safety"].id == safety.id
    assert (later["burst", "safety"].figures["cases"], later["burst", "safety"].since) == (19, safety.since)
    clock.advance(9 * DAY)
    assert ("burst", "safety") not in {(one.kind, one.figures["of"]) for one in await world.look()}


async def test_what_bursts_by_other_cases_is_a_finding_of_its_own(world: World, clock: SettableClock) -> None:
    world.database.write_now(world.weeks)
    now = clock.now()

    def decide(conn: Connection) -> None:
        for n in range(16):
            world.decide(conn, now - timedelta(minutes=40 * n), "safety", ("injury",), channel="voice")
            world.decide(conn, now - timedelta(minutes=40 * n), "noise", ("loud", "at-night"), channel="voice")
            world.decide(conn, now - timedelta(minutes=40 * n), "claim", (), channel="voice")

    world.database.write_now(decide)
    found = {one.figures["of"]: [other["of"] for other in one.figures["also"]] for one in await world.look() if one.kind == "burst"}
    assert found == {"safety": ["injury"], "noise": ["at-night", "loud"], "claim": [], "voice": []}


async def test_a_finding_that_is_told_with_another_stands_no_more_by_itself(world: World, clock: SettableClock) -> None:
    world.database.write_now(world.weeks)
    now = clock.now()
    world.database.write_now(lambda conn: [world.decide(conn, now - timedelta(hours=20, minutes=n), f"c{n}", ("new",)) for n in range(16)])
    assert [(one.kind, one.about) for one in await standing(world)] == [("burst", "channel:email")]
    world.database.write_now(lambda conn: [world.decide(conn, clock.now(), "one", ("new",)) for _ in range(40)])
    assert [(one.kind, one.about) for one in await standing(world)] == [("burst", "category:one")]


async def standing(world: World) -> list[Row[Any]]:
    """What stands after a look."""
    await world.look()
    table = pattern_tables.pattern_findings
    return list(world.database.read_now(lambda conn: conn.execute(select(table.c.kind, table.c.about)).all()))


async def test_a_case_counts_once_however_much_is_decided_about_it(world: World, clock: SettableClock) -> None:
    def decide(conn: Connection) -> None:
        for minute in range(3):
            world.decide(conn, clock.now() + timedelta(minutes=minute), case_id="case_a")
        world.decide(conn, clock.now(), case_id="case_b", mode="shadow")

    world.database.write_now(decide)
    await world.look()
    world.database.write_now(lambda conn: world.decide(conn, clock.now(), case_id="case_a"))
    await world.look()
    counts = world.database.read_now(lambda conn: store.counts(conn, 0))
    assert {series: sum(map(sum, days.values())) for series, days in counts.items()} == {
        "category:billing": 1,
        "channel:email": 1,
        "rule:all": 1,
    }


async def test_five_linked_claims_over_three_identities_within_a_day_are_found(world: World, clock: SettableClock) -> None:
    known = [(("email", "a@x.example"), ("phone", "+1415")), (("email", "b@x.example"), ("phone", "+1415")), (("email", "c@x.example"),)]
    known[2] = (*known[2], ("talkdesk_contact", "t1"))
    known[1] = (*known[1], ("talkdesk_contact", "t1"))

    def claim(conn: Connection, who: Any, hour: int) -> None:
        at = clock.now() - timedelta(hours=hour)
        ticket = world.decide(conn, at, "damage_claim")
        rows.case(conn, f"case_{int(ticket):06d}", at, ticket, category="damage_claim")
        for kind, value in who:
            rows.handle(conn, kind, value, "zendesk", ticket, "person")

    def ring(conn: Connection) -> None:
        for number in range(5):
            claim(conn, known[number % 3], 20 - 4 * number)
        claim(conn, (("email", "stranger@x.example"),), 3)

    world.database.write_now(ring)
    (found,) = await world.look()
    assert (found.kind, found.figures["claims"], found.figures["identities"], len(found.cases)) == ("linked_claims", 5, 3, 5)
    assert found.sentence == (
        "5 claims within 16 hours belong together by what those who made them share: 3 identities, 4 addresses, users or numbers in common."
    )
    assert found.draft_rule is not None
    assert not any(
        "x.example" in str(one) for one in world.database.read_now(lambda c: c.execute(select(pattern_tables.pattern_findings)).all())
    )


async def test_somebody_who_is_in_touch_again_and_again_is_found_by_ticket_and_call(world: World, clock: SettableClock) -> None:
    def talk(conn: Connection, times: range, who: str) -> None:
        for number in times:
            at = clock.now() - timedelta(hours=5 * number)
            ticket = world.decide(conn, at)
            source, id_ = ("talkdesk", f"call {who} {number}") if number % 3 == 0 else ("zendesk", ticket)
            rows.case(conn, f"case_{int(ticket):06d}", at)
            rows.interaction(conn, f"case_{int(ticket):06d}", source, id_, at)
            conn.execute(
                insert(link_tables.handles).values(kind="phone", value=who, source=source, interaction=id_, role="person", opened_at=at)
            )

    world.database.write_now(lambda conn: talk(conn, range(1, 9), "+14155550123"))
    world.database.write_now(lambda conn: talk(conn, range(1, 5), "+14155550199"))
    (found,) = await world.look()
    assert found.sentence == "Somebody was in touch 8 times within 7 days: 6 tickets, 2 calls, 8 cases."
    assert found.draft_rule is not None


async def test_what_is_asked_for_is_looked_at_at_once_and_idle_costs_no_write(world: World, clock: SettableClock) -> None:
    await world.look()
    first = world.database.read_now(acts.looked).computed_at
    clock.advance(timedelta(seconds=21))
    await world.task.round()
    assert world.database.read_now(acts.looked).computed_at == first
    asked = world.database.write_now(lambda conn: acts.refresh(conn, clock.now()))
    assert asked.computed_at == first
    await world.task.round()
    assert world.database.read_now(acts.looked).computed_at == clock.now()


async def test_what_is_too_old_to_be_looked_at_goes(world: World, clock: SettableClock) -> None:
    world.database.write_now(lambda conn: world.decide(conn, clock.now()))
    await world.look()
    clock.advance(90 * DAY)
    await world.look()
    for table in (pattern_tables.pattern_counts, pattern_tables.pattern_sightings):
        assert world.database.read_now(lambda conn, table=table: conn.execute(select(func.count()).select_from(table)).scalar_one()) == 0


def opened(conn: Connection, number: int, at: datetime, text: str) -> None:
    """A ticket that was opened with these words."""
    ticket, case_id = f"9{number:04d}", f"case_9{number:04d}"
    rows.interaction(conn, case_id, "zendesk", ticket, at)
    told = Moment("zendesk", ticket, "ticket.created", at, texts=(Text("subject", "Help"), Text("description", text)))
    values = {"event_id": "evt_1", "source": "zendesk", "interaction": ticket, "event": "ticket.created", "rulebook_version": 1}
    conn.execute(insert(moment_tables.moments).values(digest=told.digest, at=at, body=to_json(told), **values))


async def test_a_word_that_rises_is_shown_as_long_as_its_texts_are_kept_and_stands_nowhere_else(world: World, clock: SettableClock) -> None:
    now = clock.now()

    def fill(conn: Connection) -> None:
        for number in range(240):
            opened(conn, number, now - timedelta(days=8, hours=4 * number), "my parcel is late again please look")
        for number in range(240, 252):
            opened(conn, number, now - timedelta(minutes=20 * (number - 239)), f"the chew toy broke {'ab'[number % 2] * 3}")
        world.decide(conn, now - 40 * DAY)

    world.database.write_now(fill)
    (found,) = await world.look()
    assert (found.kind, found.figures["word"], found.figures["cases"], len(found.cases)) == ("rising_word", "chew toy broke"[5:], 12, 12)
    assert found.draft_rule is not None
    for table in (pattern_tables.pattern_findings, pattern_tables.pattern_sightings, pattern_tables.pattern_counts):
        assert "toy" not in str(world.database.read_now(lambda conn, table=table: conn.execute(select(table)).all()))
    world.database.write_now(lambda conn: conn.execute(update(moment_tables.moments).values(withdrawn_at=now)))
    (gone,) = world.listed()
    assert gone.sentence.startswith("A word whose texts are not kept any more stands in 12 of ")
    assert gone.draft_rule is None


async def test_words_are_looked_for_again_at_once_when_somebody_asks(world: World, clock: SettableClock) -> None:
    now = clock.now()

    def fill(conn: Connection) -> None:
        for number in range(240):
            opened(conn, number, now - timedelta(days=8, hours=4 * number), "my parcel is late again please look")
        for number in range(240, 252):
            opened(conn, number, now, "the chew toy broke")
        world.decide(conn, clock.now())

    world.database.write_now(lambda conn: world.decide(conn, now - 40 * DAY))
    assert await world.look() == []
    world.database.write_now(fill)
    assert await world.look() == []  # half a minute later
    world.database.write_now(lambda conn: acts.refresh(conn, clock.now() + PACE))
    assert [one.kind for one in await world.look()] == ["rising_word"]


async def test_history_that_is_counted_late_says_what_is_usual_and_is_not_told_as_news(world: World, clock: SettableClock) -> None:
    def fill(conn: Connection) -> None:
        for back in (200, 40, 39, 38):
            for number in range(8):
                at = clock.now() - back * DAY + timedelta(minutes=number)
                ticket = world.decide(conn, at)
                rows.interaction(conn, f"case_{int(ticket):06d}", "zendesk", ticket, at)
                rows.handle(conn, "email", "often@x.example", "zendesk", ticket, "person")

    world.database.write_now(fill)
    assert await world.look() == []
    counts = world.database.read_now(lambda conn: store.counts(conn, 0))
    assert {day: sum(hours) for day, hours in counts["channel:email"].items()}.keys() == {
        *range(min(counts["channel:email"]), max(counts["channel:email"]) + 1)
    }
    assert sum(map(sum, counts["channel:email"].values())) == 24
    assert world.database.read_now(lambda conn: store.seen(conn, "channel:email", clock.now() - 365 * DAY)) == []


async def test_who_was_in_touch_before_a_look_that_failed_is_looked_at_by_the_next(world: World, clock: SettableClock) -> None:
    def talk(conn: Connection) -> None:
        for number in range(8):
            at = clock.now() - timedelta(hours=5 * number)
            ticket = world.decide(conn, at)
            rows.case(conn, f"case_{int(ticket):06d}", at)
            rows.interaction(conn, f"case_{int(ticket):06d}", "zendesk", ticket, at)
            told = {"kind": "phone", "value": "+14155550123", "source": "zendesk", "interaction": ticket, "role": "person"}
            conn.execute(insert(link_tables.handles).values(**told, opened_at=at))

    world.database.write_now(talk)
    world.ids = FirstFails()
    world.task = world.another()
    with pytest.raises(RuntimeError):
        await world.look()
    assert world.listed() == []
    assert [one.kind for one in await world.look()] == ["repeat_party"]
