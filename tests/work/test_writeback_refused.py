"""Parts of a write that Zendesk refuses: each is found and parked by name, everything else is written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import WritingDesk, asked, tags
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import ours_from
from tsbridge.store import desired, views
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio

SAFETY, CLAIMS, TIER, BOOKING = 61000000010, 61000000011, 360001234, 360001235
ADMIN = 41000000007
OPTIONS = [{"id": n, "name": value, "value": value} for n, value in enumerate(("tier_1", "tier_3"), 1)]


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> WritingDesk:
    return strict_desk(database, clock)


def strict_desk(database: Database, clock: SettableClock, per_minute: float = 60) -> WritingDesk:
    """A desk where a group was deleted, the drop-down has its options, and Claims has members of its own."""
    desk = WritingDesk(database, clock, per_minute=per_minute)
    store = desk.zendesk.world.store
    store.groups[61000000013]["deleted"] = True
    store.fields[TIER]["custom_field_options"] = OPTIONS
    store.memberships[1] = {"id": 1, "user_id": 5, "group_id": CLAIMS}
    desk.zendesk.world.add_user("An end user", id_=77)
    return desk


def refused(desk: WritingDesk, ticket: str) -> dict[str, str]:
    """Refused parts with the reason."""
    row = desk.database.read_now(lambda conn: views.writeback(conn, desk.row(ticket)["id"]))
    assert row is not None
    return {part: one.reason for part, one in ours_from(row["ours"]).refused.items()}


# What is invalid about a wish, and the part it is called by; Zendesk names the first three, and not the field's value.
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "a deleted group": ({"group_id": asked("61000000013")}, "group_id"),
    "an end user as assignee": ({"assignee_id": asked("77")}, "assignee_id"),
    "an assignee nobody knows": ({"assignee_id": asked("nobody at all")}, "assignee_id"),
    "an assignee who is not in the group": ({"group_id": asked(str(CLAIMS)), "assignee_id": asked(str(ADMIN))}, "assignee_id"),
    "a priority there is not": ({"priority": asked("highest")}, "priority"),
    "a choice that is none": ({"custom_fields": ((str(TIER), asked("tier_9")),)}, f"custom:{TIER}"),
}
GOOD: dict[str, Any] = {
    "priority": asked("urgent"),
    "group_id": asked(str(SAFETY)),
    "assignee_id": asked(str(ADMIN)),
    "custom_fields": ((str(BOOKING), asked("B-17")),),
    "notes": (("rule:injury#1", "Somebody is hurt."),),
}


def invalid(kind: str) -> tuple[Wish, str]:
    """A wish with one invalid part, and that part."""
    wrong, part = KINDS[kind]
    customs = tuple(sorted((*GOOD["custom_fields"], *wrong.get("custom_fields", ()))))
    return tags("ts_a", "ts_b", **{**GOOD, **wrong, "custom_fields": customs}), part


async def lost_beside(desk: WritingDesk, kinds: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Wishes with one invalid part each, one a ticket: the tickets with their parts, and those where something else was lost, or the part
    is not named."""
    wished: dict[str, tuple[Wish, str]] = {}
    for n, kind in enumerate(kinds):
        ticket = desk.ticket(tags=[f"of_{n}"])
        wished[ticket] = invalid(kind)
        desk.wish(ticket, wished[ticket][0])
    await desk.until_quiet()
    wrong = []
    for n, (ticket, (wish, part)) in enumerate(wished.items()):
        seen = desk.seen(ticket)
        wanted = {name: one for name, one in wish.singles().items() if name in ("priority", "group_id", "assignee_id") and name != part}
        whole = (
            desk.status(ticket) == ("parked", "part_refused")
            and refused(desk, ticket) == {part: "not_accepted"}
            and desk.tags(ticket) == {f"of_{n}", "ts_a", "ts_b"}
            and desk.notes(ticket) == ["Somebody is hurt."]
            and {"id": BOOKING, "value": "B-17"} in seen["custom_fields"]
            and {name: str(seen[name]) for name in wanted} == {name: one.value for name, one in wanted.items()}
            and desk.alarms.count(("part_refused", {"ticket": ticket, "writeback_id": desk.row(ticket)["id"], "parts": [part]})) == 1
        )
        if not whole:
            wrong.append(ticket)
    return {ticket: part for ticket, (_, part) in wished.items()}, wrong


@pytest.mark.parametrize("kind", KINDS)
async def test_one_invalid_part_never_costs_the_rest(desk: WritingDesk, kind: str) -> None:
    _, wrong = await lost_beside(desk, [kind] * 5)
    assert wrong == []


async def test_what_zendesk_names_costs_one_call_more(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, invalid("a deleted group")[0])
    await desk.until_quiet()
    assert desk.puts(ticket) == 2


async def test_a_refused_part_is_not_tried_again_until_it_is_asked_for_anew(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", group_id=asked("61000000013")))
    await desk.until_quiet()
    before = desk.puts(ticket)
    desk.wish(ticket, tags("ts_a", "ts_b", group_id=asked("61000000013")))
    await desk.until_quiet()
    assert desk.puts(ticket) == before + 1
    assert desk.tags(ticket) == {"ts_a", "ts_b"}
    assert desk.status(ticket) == ("parked", "part_refused")
    desk.zendesk.world.store.groups[61000000013]["deleted"] = False
    desk.wish(ticket, tags("ts_a", "ts_b", group_id=asked("61000000013", by="2")))
    await desk.until_quiet()
    assert desk.seen(ticket)["group_id"] == 61000000013
    assert desk.status(ticket) == ("confirmed", None)


async def test_another_value_for_the_same_asking_is_tried(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", group_id=asked("61000000013")))
    await desk.until_quiet()
    desk.wish(ticket, tags("ts_a", group_id=asked(str(SAFETY))))
    await desk.until_quiet()
    assert desk.seen(ticket)["group_id"] == SAFETY
    assert desk.status(ticket) == ("confirmed", None)


async def test_retry_tries_what_was_refused(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", group_id=asked("61000000013"), notes=(("n1", "hurt"),)))
    await desk.until_quiet()
    desk.zendesk.world.store.groups[61000000013]["deleted"] = False
    now, id_ = desk.clock.now(), desk.row(ticket)["id"]
    assert desk.database.write_now(lambda conn: desired.retry(conn, id_, now))
    await desk.until_quiet()
    assert desk.seen(ticket)["group_id"] == 61000000013
    assert desk.notes(ticket) == ["hurt"]
    assert desk.status(ticket) == ("confirmed", None)


async def test_where_nothing_is_named_the_search_is_bounded_and_what_was_not_tried_says_so(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    for n in range(400, 420):
        desk.zendesk.world.store.fields[n] = {**desk.zendesk.world.store.fields[TIER], "id": n}
    customs = tuple((str(n), asked("no such choice")) for n in range(400, 420))
    desk.wish(ticket, tags("ts_a", "ts_b", priority=asked("urgent"), custom_fields=customs, notes=(("n1", "hurt"),)))
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert desk.puts(ticket) <= 20
    assert set(refused(desk, ticket).values()) == {"not_accepted", "not_tried"}
    assert set(refused(desk, ticket)) == {f"custom:{n}" for n in range(400, 420)}
    assert desk.notes(ticket) == ["hurt"]
    assert desk.tags(ticket) == {"ts_a", "ts_b"}
    assert desk.seen(ticket)["priority"] == "urgent"


async def test_a_wish_of_which_nothing_is_accepted_is_parked_by_name(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, Wish(assignee_id=asked("77")))
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert refused(desk, ticket) == {"assignee_id": "not_accepted"}
    assert desk.puts(ticket) == 1


async def test_a_choice_with_the_word_closed_in_it_is_no_closed_ticket(desk: WritingDesk) -> None:
    desk.zendesk.world.store.fields[TIER]["title"] = "Closed because"
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", custom_fields=((str(TIER), asked("tier_9")),)))
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert desk.tags(ticket) == {"ts_a"}


async def test_a_search_goes_on_after_a_pause_without_writing_anything_twice(database: Database, clock: SettableClock) -> None:
    desk = WritingDesk(database, clock, per_minute=2)
    desk.zendesk.world.store.fields[TIER]["custom_field_options"] = OPTIONS
    ticket = desk.ticket()
    wish, part = invalid("a choice that is none")
    desk.wish(ticket, wish)
    await desk.until_quiet()
    assert refused(desk, ticket) == {part: "not_accepted"}
    assert desk.notes(ticket) == ["Somebody is hurt."]
    assert desk.tags(ticket) == {"ts_a", "ts_b"}
    assert desk.seen(ticket)["group_id"] == SAFETY


async def test_any_mixture_of_invalid_parts_leaves_the_others_written(desk: WritingDesk) -> None:
    rng = random.Random(13)  # noqa: S311  # seeded choices
    wished: dict[str, tuple[Wish, set[str]]] = {}
    for _ in range(12):
        values, bad = dict(GOOD), set()
        for kind in rng.sample(sorted(KINDS), rng.randrange(1, 4)):
            wrong, part = KINDS[kind]
            if not bad & {*wrong, part}:
                values |= wrong
                bad |= {*wrong, part}
        ticket = desk.ticket()
        wish = tags("ts_a", **values)
        wished[ticket] = wish, bad
        desk.wish(ticket, wish)
    await desk.until_quiet()
    for ticket, (wish, bad) in wished.items():
        assert desk.status(ticket) == ("parked", "part_refused")
        assert set(refused(desk, ticket)) <= bad
        assert desk.tags(ticket) == {"ts_a"}
        assert desk.notes(ticket) == ["Somebody is hurt."]
        seen = desk.seen(ticket)
        for name in ("priority", "group_id", "assignee_id"):
            if name not in refused(desk, ticket):
                assert str(seen[name]) == wish.singles()[name].value


GONE = "360007777"


async def test_what_zendesk_takes_and_does_not_keep_is_parked_by_name(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", **{**GOOD, "custom_fields": ((GONE, asked("B-17")),)}))
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert refused(desk, ticket) == {f"custom:{GONE}": "not_kept"}
    assert desk.alarms == [("part_refused", {"ticket": ticket, "writeback_id": desk.row(ticket)["id"], "parts": [f"custom:{GONE}"]})]
    assert (desk.tags(ticket), desk.seen(ticket)["priority"], desk.notes(ticket)) == ({"ts_a"}, "urgent", ["Somebody is hurt."])
    assert desk.puts(ticket) == 1


async def test_what_was_not_kept_is_written_by_a_retry_once_zendesk_has_the_field(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", custom_fields=((GONE, asked("B-17")),)))
    await desk.until_quiet()
    desk.zendesk.world.store.fields[int(GONE)] = {**desk.zendesk.world.store.fields[BOOKING], "id": int(GONE)}
    now, id_ = desk.clock.now(), desk.row(ticket)["id"]
    assert desk.database.write_now(lambda conn: desired.retry(conn, id_, now))
    await desk.until_quiet()
    assert desk.status(ticket) == ("confirmed", None)
    assert {"id": int(GONE), "value": "B-17"} in desk.seen(ticket)["custom_fields"]


async def test_what_was_not_kept_is_found_out_behind_a_lost_answer(desk: WritingDesk) -> None:
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", custom_fields=((GONE, asked("B-17")),)))
    desk.zendesk.faults.cut = 1
    await desk.until_quiet()
    assert desk.status(ticket) == ("parked", "part_refused")
    assert refused(desk, ticket) == {f"custom:{GONE}": "not_kept"}


async def test_what_a_trigger_changes_inside_our_update_was_kept(desk: WritingDesk) -> None:
    desk.zendesk.world.store.triggers[1] = {
        "id": 1,
        "title": "nothing is urgent",
        "active": True,
        "position": 1,
        "conditions": {"all": [{"field": "priority", "operator": "is", "value": "urgent"}], "any": []},
        "actions": [{"field": "priority", "value": "low"}, {"field": "remove_tags", "value": "ts_a"}],
    }
    ticket = desk.ticket()
    desk.wish(ticket, tags("ts_a", "ts_b", priority=asked("urgent")))
    await desk.until_quiet()
    assert desk.seen(ticket)["priority"] == "low"
    assert (desk.status(ticket), refused(desk, ticket)) == (("confirmed", None), {})


@pytest.mark.parametrize(
    ("kind", "owed"),
    [
        ("a deleted group", {"priority": "low", "tags": ["pet"]}),
        ("an end user as assignee", {"priority": "low", "tags": ["pet"]}),
        ("a priority there is not", {"group_id": SAFETY, "tags": ["pet"]}),
        ("a choice that is none", {"priority": "low", "tags": ["pet"]}),  # Zendesk does not name it
    ],
)
async def test_what_is_owed_is_given_back_where_zendesk_refuses_something_else(desk: WritingDesk, kind: str, owed: dict[str, Any]) -> None:
    ticket = desk.ticket()
    first = {name: {"priority": asked("high"), "group_id": asked(str(CLAIMS))}[name] for name in owed if name != "tags"}
    desk.wish(ticket, tags("ts_a", **first))
    edits = iter([owed])

    def person(request: httpx.Request) -> None:
        if request.method == "PUT" and (now := next(edits, None)) is not None:
            desk.edit(ticket, **now)  # in the second in which we write
        elif request.method == "PUT":
            desk.wire.unreachable = True

    desk.wire.before = person
    await desk.round()
    desk.wire.before, desk.wire.unreachable = lambda request: None, False
    wrong, part = KINDS[kind]
    desk.wish(ticket, tags("ts_a", "ts_b", **{**first, **wrong}))
    await desk.until_quiet()
    assert refused(desk, ticket) == {part: "not_accepted"}
    seen = desk.seen(ticket)
    assert {name: set(seen[name]) if name == "tags" else seen[name] for name in owed} == {
        name: {"ts_a", "ts_b", "pet"} if name == "tags" else value for name, value in owed.items()
    }
