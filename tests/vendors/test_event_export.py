"""Rows of the ticket-event export tell the very moments that the audits tell, or nothing at all."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seeds import examples
from tests.vendors.test_total import ODD, places, put
from tsbridge.simulator.zendesk.event_rows import row
from tsbridge.simulator.zendesk.world import World
from tsbridge.vendors.zendesk.event_export import audits_of, says_anything
from tsbridge.vendors.zendesk.read_audits import moments_of

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
PLAN: Mapping[str, Any] = {"add": ["ts_injury"], "remove": [], "values": {"group_id": "61000000010"}, "notes": []}


class Lived:
    """An account in which people, rules and we did things for a while."""

    def __init__(self, seed: int) -> None:
        self.now = START
        self.rng = random.Random(seed)  # noqa: S311  # a seeded world
        self.world = World(lambda: self.now, self.rng)
        self.own = str(self.world.bridge["id"])
        self.world.store.triggers[9] = {
            "id": 9,
            "title": "Urgent is for safety",
            "active": True,
            "position": 1,
            "conditions": {"all": [{"field": "priority", "operator": "is", "value": "urgent"}], "any": []},
            "actions": [{"field": "group_id", "value": "61000000010"}, {"field": "current_tags", "value": "hot"}],
        }
        people = [self.world.add_user(f"P{n}", f"p{n}@example.com") for n in range(3)]
        for _ in range(6):
            person = self.rng.choice(people)
            self.world.create({"subject": "Help", "comment": {"body": "bitten"}, "requester_id": person["id"]}, person, via="mail")
        for _ in range(60):
            self.now += timedelta(seconds=self.rng.choice((0, 0, 1, 30)))
            self._something(people)

    def _something(self, people: list[dict[str, Any]]) -> None:
        world, rng = self.world, self.rng
        ticket = rng.choice(sorted(world.store.tickets))
        seen = world.ticket(ticket)
        if seen["status"] == "closed":
            world.create(
                {"comment": {"body": "again"}, "requester_id": seen["requester_id"], "via_followup_source_id": ticket},
                world.user(seen["requester_id"]),
                via="web",
            )
            return
        change: dict[str, Any] = rng.choice(
            (
                {"status": rng.choice(("open", "pending", "hold", "solved", "closed"))},
                {"priority": rng.choice(("urgent", "low", ""))},
                {"tags": rng.sample(["vip", "bite", "hot", "refund"], 2), "type": "incident"},
                {"requester_id": rng.choice(people)["id"]},
                {"assignee_id": rng.choice((world.admin["id"], ""))},
                {
                    "custom_fields": [{"id": 360001235, "value": rng.choice(("B-1", None, True, False, 7, ["late", "wet"]))}],
                    "subject": rng.choice(("A", "B")),
                },
                {"comment": {"body": "a note", "public": False}},
                {"comment": {"body": "a reply", "public": True}, "status": "pending"},
            )
        )
        kind = rng.randrange(10)
        if kind == 0:
            others = [t for t in world.store.tickets if t != ticket and world.ticket(t)["status"] != "closed"]
            if others:
                world.merge(ticket, [rng.choice(others)], world.admin, None, None)
        elif kind == 1:
            world.change(
                ticket, {"tags": [*seen["tags"], "ts_injury"], "group_id": 61000000010, "metadata": {"tsbridge": "int_1"}}, world.bridge
            )
        elif kind < 5:
            world.change(ticket, change, world.user(seen["requester_id"]), via="mail")
        else:
            world.change(ticket, change, world.admin, via="web")

    def rows(self, *, marked: bool = True) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for ticket, audits in self.world.store.audits.items():
            for audit in audits:
                at = int(datetime.fromisoformat(audit["created_at"]).timestamp())
                found[str(ticket)].append(row(audit, at, spoken=True, marked=marked))
        return found


def planned(marker: str) -> Mapping[str, Any] | None:
    return PLAN if marker == "int_1" else None


@pytest.mark.parametrize("seed", range(12))
def test_the_moments_of_rows_are_those_of_the_audits(seed: int) -> None:
    lived = Lived(seed)
    read = 0
    for ticket, rows in lived.rows().items():
        found = audits_of(rows, lived.own, None)
        audits = lived.world.store.audits[int(ticket)]
        if found is None:
            assert "erged" in str(audits)  # nothing but merges is left to be read on its own
            continue
        read += 1
        told = moments_of(ticket, found, planned)
        assert told == moments_of(ticket, audits, planned)
        assert [(one.digest, one.via) for one in told] == [(one.digest, one.via) for one in moments_of(ticket, audits, planned)]
    assert read


@pytest.mark.parametrize("seed", range(4))
def test_read_in_parts_they_are_the_same(seed: int) -> None:
    lived = Lived(seed)
    for ticket, rows in lived.rows().items():
        whole = moments_of(ticket, lived.world.store.audits[int(ticket)], planned)
        for cut in range(1, len(rows)):
            if (first := audits_of(rows[:cut], lived.own, None)) is None:
                continue
            told = moments_of(ticket, first, planned)
            requester = next(str(facts["requester.id"]) for m in reversed(told) if "requester.id" in (facts := dict(m.facts)))
            if (rest := audits_of(rows[cut:], lived.own, requester)) is not None:
                assert [*told, *moments_of(ticket, rest, planned, requester)] == list(whole)


def test_an_update_of_ours_without_its_marker_is_read_on_its_own() -> None:
    lived = Lived(1)
    rows = [one for rows in lived.rows(marked=False).values() for one in rows]
    ours = [one for one in rows if str(one["updater_id"]) == lived.own]
    assert ours
    assert all(audits_of([one], lived.own, "7") is None for one in ours)
    assert all(
        audits_of([one], lived.own, "7") is not None
        for rows in lived.rows().values()
        for one in rows
        if str(one["updater_id"]) == lived.own
    )


ROWS = [one for rows in Lived(0).rows().values() for one in rows][:20]
BASE: dict[str, Any] = {"id": 5, "ticket_id": 4711, "created_at": "2026-11-22T09:00:00Z", "updater_id": 7, "via": "Web form"}


@pytest.mark.parametrize(
    "more",
    [
        {"via": "Closed Ticket", "child_events": [{"event_type": "Change", "status": "closed", "previous_value": "open"}]},
        {"via": "Formulaire Web", "child_events": [{"event_type": "Change", "status": "open", "previous_value": "new"}]},
        {"child_events": [{"event_type": "Create", "status": "new"}]},
        {"child_events": [{"event_type": "Comment", "body": "said", "public": True, "via": "Mail", "author_id": 7}]},
        {"child_events": [{"event_type": "Change", "comment_present": True, "comment_public": True, "status": "open", "priority": "low"}]},
        {"child_events": [{"event_type": "Change", "custom_ticket_fields": {"360": True}, "previous_value": None}]},
        {"child_events": [{"event_type": "Change", "mood": "bad", "previous_value": None}]},
        {"updater_id": 8, "child_events": [{"event_type": "Change", "tags": ["closed_by_merge"], "previous_value": []}]},
        {"updater_id": 8, "child_events": [{"event_type": "Comment", "body": "Merged #5", "public": True, "via": {"channel": "web"}}]},
        {"child_events": [{"event_type": "Change", "tags": ["closed_by_merge"], "previous_value": []}]},
        {"child_events": [{"event_type": "Comment", "body": "Merged #5", "public": False, "via": {"channel": "web"}}]},
        {"child_events": [{"event_type": "CommentRedactionEvent", "comment_id": 3}]},
        {"child_events": [{"event_type": "VoiceComment", "data": {}}]},
    ],
)
def test_what_a_row_does_not_surely_tell_is_read_on_its_own(more: dict[str, Any]) -> None:
    assert audits_of([{**BASE, **more}], "99", "7") is None


def test_what_a_requester_says_with_digits_in_it_is_read_from_the_row() -> None:
    said = {"event_type": "Comment", "body": "house 5", "public": True, "via": {"channel": "web"}}
    assert audits_of([{**BASE, "child_events": [said]}], "99", "7") is not None


def test_an_agent_who_merges_tickets_of_their_own_is_read_from_the_audits() -> None:
    lived = Lived(0)
    ada = lived.world.admin
    one, other = (lived.world.create({"subject": "Mine", "comment": {"body": "broken"}}, ada, via="web")["id"] for _ in range(2))
    lived.world.merge(one, [other], ada, None, None)
    rows = lived.rows()
    assert [audits_of(rows[str(ticket)], lived.own, None) for ticket in (one, other)] == [None, None]


def test_a_row_of_a_ticket_that_nobody_knows_is_read_on_its_own() -> None:
    row = {**BASE, "child_events": [{"event_type": "Change", "status": "open", "previous_value": "new"}]}
    assert audits_of([row], "99", None) is None
    assert audits_of([row], "99", "7") is not None


def test_a_row_that_only_notified_somebody_says_nothing() -> None:
    told = {**BASE, "child_events": [{"event_type": "Notification", "subject": "x"}, {"event_type": "Cc"}]}
    assert not says_anything(told)
    assert says_anything({**BASE, "child_events": [{"event_type": "Change", "status": "open"}]})


@given(st.data())
@examples(50, 200)
def test_whatever_stands_in_a_row_it_is_read_or_left(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(ROWS))
    broken: Any = one
    for _ in range(data.draw(st.integers(1, 3))):
        if isinstance(broken, dict) and (found := places(broken)):
            broken = put(broken, data.draw(st.sampled_from(found)), data.draw(ODD))
    if data.draw(st.booleans()) and one["child_events"]:
        child = one["child_events"][0]
        broken = {**one, "child_events": [put(child, data.draw(st.sampled_from(places(child))), data.draw(ODD))]}
    if isinstance(broken, dict):
        says_anything(broken)
        if (audits := audits_of([broken], "99", "41")) is not None:
            moments_of("1", audits, planned)
