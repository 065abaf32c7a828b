"""A drop-down's tag and its field's value are one thing at Zendesk: they are written together, and nobody fights over them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tsbridge.core.choices import outdone
from tsbridge.core.drift import drifts
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import ours_from, wish_from
from tsbridge.store import choices, views
from tsbridge.store.db import Database
from tsbridge.vendors.zendesk.client import ZendeskClient
from tsbridge.vendors.zendesk.tickets import current_of
from tsbridge.work.choices import Definitions
from tsbridge.work.reads import ReadBudget

pytestmark = pytest.mark.anyio

TIER = 360001234
OPTIONS = ("tier_1", "tier_2", "tier_3")


@pytest.fixture
async def desk(database: Database, clock: SettableClock) -> WritingDesk:
    desk = WritingDesk(database, clock)
    field = desk.zendesk.world.store.fields[TIER]
    field["custom_field_options"] = [{"id": n, "name": value, "value": value} for n, value in enumerate(OPTIONS)]
    await definitions(desk).round()
    return desk


def definitions(desk: WritingDesk) -> Definitions:
    return Definitions(desk.database, desk.clock, ZendeskClient(desk.http, desk.credentials), ReadBudget(desk.database, desk.clock, 60))


def tier(value: str | None, by: str = "1") -> tuple[tuple[str, Any], ...]:
    return ((str(TIER), asked(value, by)),)


def value(desk: WritingDesk, ticket: str) -> str | None:
    return next(one["value"] for one in desk.seen(ticket)["custom_fields"] if one["id"] == TIER)


def drift_of(desk: WritingDesk, ticket: str) -> list[str]:
    def read(conn: Any) -> list[str]:
        row = views.writeback_list(conn, 1, None, None, ticket, None)[0]
        wish, ours = wish_from(row["wish"]), ours_from(row["ours"])
        known = outdone(wish, choices.load(conn))
        return [one.what for one in drifts(current_of(desk.seen(ticket)), wish, ours, (), None, outdone=known)]

    return desk.database.read_now(read)


async def settles(desk: WritingDesk, ticket: str, wish: Wish) -> None:
    """The wish is written, nothing drifts, and another tag that comes and goes is all that is written afterwards."""
    desk.wish(ticket, wish)
    await desk.until_quiet()
    assert desk.status(ticket)[0] in ("confirmed", "unneeded")
    before = desk.puts(ticket)
    assert drift_of(desk, ticket) == []
    desk.wish(ticket, replace(wish, tags=tuple(sorted((*wish.tags, ("ts_more", "1"))))))
    await desk.until_quiet()
    assert desk.puts(ticket) == before + 1
    desk.wish(ticket, wish)
    await desk.until_quiet()
    assert desk.puts(ticket) == before + 2
    assert drift_of(desk, ticket) == []


async def test_setting_the_field_puts_its_tag_on_and_takes_the_former_one_off(desk: WritingDesk) -> None:
    ticket = desk.ticket(custom_fields=[{"id": TIER, "value": "tier_1"}])
    assert desk.tags(ticket) == {"tier_1"}
    await settles(desk, ticket, tags("ts_a", custom_fields=tier("tier_3")))
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_3", {"ts_a", "tier_3"})
    sent = desk.zendesk.writes[0]["content"]["ticket"]
    assert sent["tags"] == ["tier_3", "ts_a"]


async def test_the_tag_of_an_option_means_the_field(desk: WritingDesk) -> None:
    ticket = desk.ticket(custom_fields=[{"id": TIER, "value": "tier_1"}])
    await settles(desk, ticket, tags("tier_2"))
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_2", {"tier_2"})
    assert desk.zendesk.writes[0]["content"]["ticket"]["custom_fields"] == [{"id": TIER, "value": "tier_2"}]


async def test_an_options_tag_that_no_longer_follows_clears_the_field(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("tier_2"))
    await desk.until_quiet()
    await settles(desk, ticket, Wish())
    assert (value(desk, ticket), desk.tags(ticket)) == (None, set())


async def test_an_option_that_a_rule_takes_off_clears_the_field_and_another_choice_stays(desk: WritingDesk) -> None:
    one, other = (desk.ticket(custom_fields=[{"id": TIER, "value": choice}]) for choice in ("tier_1", "tier_2"))
    for ticket in (one, other):
        await settles(desk, ticket, Wish(absent=(("tier_1", "1"),)))
    assert (value(desk, one), desk.tags(one)) == (None, set())
    assert (value(desk, other), desk.tags(other)) == ("tier_2", {"tier_2"})


@pytest.mark.parametrize(
    ("tag_by", "field_by", "wins"), [("1", "2", "tier_3"), ("2", "1", "tier_1"), ("1", "1", "tier_3")], ids=["field", "tag", "even"]
)
async def test_of_a_tag_and_a_field_that_ask_otherwise_the_newest_wins_without_a_fight(
    desk: WritingDesk, tag_by: str, field_by: str, wins: str
) -> None:
    ticket = desk.ticket()
    await settles(desk, ticket, tags("tier_1", by=tag_by, custom_fields=tier("tier_3", field_by)))
    assert (value(desk, ticket), desk.tags(ticket)) == (wins, {wins})


async def test_two_tags_of_one_field_do_not_fight(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    await settles(desk, ticket, Wish(tags=(("tier_1", "2"), ("tier_3", "1"))))
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_1", {"tier_1"})


async def test_what_a_person_chose_afterwards_stays(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", custom_fields=tier("tier_3")))
    await desk.until_quiet()
    desk.edit(ticket, custom_fields=[{"id": TIER, "value": "tier_1"}])
    desk.wish(ticket, tags("ts_a", "ts_b", custom_fields=tier("tier_3")))
    await desk.until_quiet()
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_1", {"ts_a", "ts_b", "tier_1"})


@pytest.mark.parametrize("theirs", ["tier_1", None])
@pytest.mark.parametrize("by_tag", [False, True], ids=["field", "tag"])
async def test_what_a_person_chose_in_the_same_second_is_given_back(desk: WritingDesk, theirs: str | None, by_tag: bool) -> None:
    ticket = desk.ticket()
    wish = tags("tier_3") if by_tag else Wish(custom_fields=tier("tier_3"))
    desk.wish(ticket, wish)
    await desk.until_quiet()
    desk.wish(ticket, replace(wish, tags=(*wish.tags, ("ts_a", "1"))))
    desk.meanwhile(ticket, custom_fields=[{"id": TIER, "value": theirs}])
    await desk.until_quiet()
    assert (value(desk, ticket), desk.tags(ticket)) == (theirs, {"ts_a", *([theirs] if theirs else [])})
    assert desk.alarmed()["foreign_edit_restored"] == 1


@pytest.mark.parametrize("seconds", [0, 1], ids=["given back", "conflict"])
@pytest.mark.parametrize("by_tag", [False, True], ids=["field", "tag"])
async def test_what_a_person_chose_while_we_were_about_to_is_not_chosen_anew(desk: WritingDesk, seconds: int, by_tag: bool) -> None:
    ticket = desk.ticket()
    desk.clock.advance(seconds)
    desk.wish(ticket, tags("tier_3") if by_tag else Wish(custom_fields=tier("tier_3")))
    desk.meanwhile(ticket, custom_fields=[{"id": TIER, "value": "tier_1"}])
    await desk.until_quiet()
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_1", {"tier_1"})


async def test_many_tickets_that_need_an_options_tag_get_the_field_as_well(desk: WritingDesk) -> None:
    found = [desk.ticket() for _ in range(105)]
    for ticket in found:
        desk.wish(ticket, tags("ts_a", "tier_2"))
    await desk.until_quiet(timedelta(hours=2))
    assert {value(desk, ticket) for ticket in found} == {"tier_2"}
    assert all(desk.tags(ticket) == {"ts_a", "tier_2"} for ticket in found)


async def test_a_choice_that_is_not_accepted_costs_neither_the_rest_nor_the_former_choice(desk: WritingDesk) -> None:
    ticket = desk.ticket(custom_fields=[{"id": TIER, "value": "tier_1"}])
    desk.zendesk.world.store.fields[TIER]["custom_field_options"].pop()
    desk.wish(ticket, tags("ts_a", custom_fields=tier("tier_3")))
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert (value(desk, ticket), desk.tags(ticket)) == ("tier_1", {"ts_a", "tier_1"})


async def test_the_definitions_are_read_once_an_hour_and_go_on_counting_while_zendesk_is_away(desk: WritingDesk) -> None:
    again = definitions(desk)
    before = desk.wire.count("GET", "/ticket_fields")
    await again.round()
    assert desk.wire.count("GET", "/ticket_fields") == before
    desk.clock.advance(timedelta(minutes=61))
    desk.zendesk.faults.down = True
    due = await again.round()
    assert due > desk.clock.now()
    assert desk.database.read_now(choices.load) == {str(TIER): frozenset(OPTIONS)}
    desk.zendesk.faults.down = False
    desk.zendesk.world.store.fields[TIER]["custom_field_options"].pop()
    desk.clock.set(due)
    await again.round()
    assert desk.database.read_now(choices.load) == {str(TIER): frozenset(OPTIONS[:2])}


def test_a_tag_that_a_field_asked_for_later_outdoes_is_no_drift() -> None:
    wish = tags("tier_1", by="1", custom_fields=tier("tier_3", "2"))
    assert outdone(wish, {str(TIER): frozenset(OPTIONS)}) == {"tag:tier_1"}
    assert outdone(wish, {}) == frozenset()


async def test_a_choice_that_cannot_be_given_back_costs_the_rest_nothing(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", custom_fields=tier("tier_3")))
    puts = iter(("chosen", "gone"))

    def person(request: httpx.Request) -> None:
        now = next(puts, None) if request.method == "PUT" else None
        if now == "chosen":
            desk.edit(ticket, custom_fields=[{"id": TIER, "value": "tier_2"}])  # in the second in which we write
        elif now == "gone":  # the option is taken away before it is given back
            del desk.zendesk.world.store.fields[TIER]["custom_field_options"][1]

    desk.wire.before = person
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)
    assert "ts_a" in desk.tags(ticket)
    assert desk.puts(ticket) == 3  # ours, what was owed with its value, and without
