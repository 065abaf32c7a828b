"""Exports of what has changed, asked for as third-party clients ask, and pages as they were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.zendesk_account import START, Account

pytestmark = pytest.mark.anyio
EARLY = int(START.timestamp()) - 10
WORDS = ("users", "organizations")


async def organizations(account: Account, amount: int, start: int = 0) -> None:
    for n in range(start, start + amount):
        made = await account.call("POST", "organizations", {"organization": {"name": f"Org {n}"}})
        assert made.status_code == 201


async def pages(account: Account, path: str, name: str) -> list[list[int]]:
    """The ids of each page of a cursor export until it says that it ends."""
    found: list[list[int]] = []
    while True:
        answer = await account.get(path)
        found.append([one["id"] for one in answer[name]])
        if answer["end_of_stream"]:
            return found
        path = answer["after_url"].partition("/api/v2/")[2]


@pytest.mark.parametrize("start", [str(EARLY), f"{EARLY}.25", "2026-06-01T09:13:00Z", "2026-06-01T11:13:00+02:00"])
@pytest.mark.parametrize(
    "path", ["tickets", "tickets/cursor", "users", "users/cursor", "organizations", "organizations/cursor", "ticket_events"]
)
async def test_every_export_takes_its_start_as_number_fraction_or_text(path: str, start: str) -> None:
    account = Account()
    await account.ticket()
    await organizations(account, 1)
    account.later(seconds=61)
    found = await account.get(f"incremental/{path}.json", start_time=start)
    assert found[path.partition("/")[0]], found


@pytest.mark.parametrize("path", ["tickets", "users", "organizations", "organizations/cursor", "ticket_events"])
@pytest.mark.parametrize("start", ["", "soon", "nan", "inf"])
async def test_an_export_without_a_usable_start_is_refused(path: str, start: str) -> None:
    assert (await Account().call("GET", f"incremental/{path}?start_time={start}")).status_code == 400


@pytest.mark.parametrize("word", WORDS)
async def test_the_newest_minute_is_missing_from_the_exports_of_people(word: str) -> None:
    account = Account()
    await organizations(account, 1)
    assert (await account.get(f"incremental/{word}", start_time=EARLY))[word] == []
    account.later(seconds=61)
    assert (await account.get(f"incremental/{word}", start_time=EARLY))[word] != []


async def test_organizations_come_again_when_they_change_and_only_then() -> None:
    account = Account()
    await organizations(account, 3)
    account.later(seconds=61)
    first = await account.get("incremental/organizations/cursor", start_time=EARLY)
    assert [len(first["organizations"]), first["end_of_stream"]] == [3, True]
    again = first["after_url"].partition("/api/v2/")[2]
    assert (await account.get(again))["organizations"] == []
    changed = first["organizations"][1]["id"]
    await account.call("PUT", f"organizations/{changed}", {"organization": {"notes": "x"}})
    account.later(seconds=61)
    assert [o["id"] for o in (await account.get(again))["organizations"]] == [changed]


@pytest.mark.parametrize("change", ["PUT users/{}", "PUT users/{}/tags", "POST users/create_or_update", "DELETE users/{}"])
async def test_users_come_again_however_they_were_changed(change: str) -> None:
    account = Account()
    made = await account.call("POST", "users", {"user": {"name": "Ann", "email": "ann@example.com"}})
    id_ = made.json()["user"]["id"]
    account.later(seconds=61)
    cursor = (await account.get("incremental/users/cursor", start_time=EARLY))["after_cursor"]
    method, path = change.format(id_).split()
    body = {"user": {"name": "Anna", "email": "ann@example.com"}, "tags": ["vip"]}
    assert (await account.call(method, path, None if method == "DELETE" else body)).status_code == 200
    account.later(seconds=61)
    assert [u["id"] for u in (await account.get("incremental/users/cursor", cursor=cursor))["users"]] == [id_]


async def test_a_cursor_export_of_users_gives_each_once_page_after_page() -> None:
    account = Account()
    for n in range(5):
        await account.call("POST", "users", {"user": {"name": f"N{n}"}})
        account.later(milliseconds=400)
    account.later(seconds=61)
    found: list[int] = []
    path = f"incremental/users/cursor?start_time={EARLY}&per_page=2"
    for _ in range(10):
        answer = await account.get(path)
        assert len(answer["users"]) <= 2
        found += [u["id"] for u in answer["users"]]
        if answer["end_of_stream"]:
            break
        path = f"incremental/users/cursor?cursor={answer['after_cursor']}&per_page=2"
    assert sorted(found) == sorted(account.zendesk.world.store.users)


async def test_the_time_export_of_organizations_ends_with_more_than_a_page_in_one_second() -> None:
    account = Account()
    await organizations(account, 1_050)
    account.later(seconds=5)
    await organizations(account, 3, 2_000)
    account.later(seconds=61)
    seen: set[int] = set()
    start = EARLY
    for _ in range(5):
        answer = await account.get("incremental/organizations", start_time=start)
        seen |= {o["id"] for o in answer["organizations"]}
        start = answer["end_time"]
        if answer["end_of_stream"]:
            break
    assert answer["end_of_stream"]
    assert len(seen) == 1_053


@pytest.mark.parametrize("word", ["tickets", "users", "organizations", "ticket_events"])
async def test_a_sample_of_an_export_is_short(word: str) -> None:
    account = Account()
    for n in range(60):
        await account.call("POST", "users", {"user": {"name": f"N{n}"}})
        await account.ticket()
        account.later(seconds=1)
    await organizations(account, 1)
    account.later(seconds=61)
    found = (await account.get(f"incremental/{word}/sample", start_time=EARLY))[word]
    assert 1 <= len(found) <= 50


@pytest.mark.parametrize("path", ["tickets", "tickets/cursor"])
async def test_an_export_brings_along_what_is_included(path: str) -> None:
    account = Account()
    made = await account.ticket(group_id=61000000010)
    account.later(seconds=61)
    found = await account.get(f"incremental/{path}", start_time=EARLY, include="metric_sets,users,groups")
    assert found["tickets"][0]["metric_set"]["ticket_id"] == made["id"]
    assert [u["id"] for u in found["users"]] == [made["requester_id"]]
    assert [g["id"] for g in found["groups"]] == [61000000010]
    assert found["tickets"][0]["fields"] == found["tickets"][0]["custom_fields"]
    assert (await account.call("GET", f"incremental/{path}?start_time={EARLY}&include=users,last_audits")).status_code == 400


async def test_the_last_page_of_a_list_has_both_links_like_every_other() -> None:
    """As recorded from a real account: who follows links.next until it is null never ends; has_more says when to stop."""
    account = Account()
    ids = [(await account.ticket())["id"] for _ in range(3)]
    first = await account.get("tickets?page[size]=2")
    assert (first["meta"]["has_more"], bool(first["links"]["prev"])) == (True, True)
    last = await account.get(first["links"]["next"].partition("/api/v2/")[2])
    assert [t["id"] for t in last["tickets"]] == ids[2:]
    assert last["meta"]["has_more"] is False
    beyond = await account.get(last["links"]["next"].partition("/api/v2/")[2])
    assert (beyond["tickets"], beyond["meta"]["has_more"], beyond["links"]) == ([], False, {"prev": None, "next": None})


async def test_a_search_that_asks_for_more_than_a_thousand_is_refused_by_its_name() -> None:
    refused = await Account().call("GET", "search?query=type:ticket&page=11&per_page=100")
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid")


async def test_all_audits_are_read_backwards_and_asked_again_for_newer_ones() -> None:
    account = Account()
    id_ = (await account.ticket())["id"]
    for word in ("low", "high", "urgent"):
        await account.call("PUT", f"tickets/{id_}", {"ticket": {"priority": word}})
    first = await account.get("ticket_audits?limit=2")
    older = await account.get(first["before_url"].partition("/api/v2/")[2] + "&limit=2")
    ids = [a["id"] for a in (*first["audits"], *older["audits"])]
    assert (len(ids), ids, older["before_url"]) == (4, sorted(ids, reverse=True), None)
    newer: dict[str, Any] = await account.get(f"ticket_audits?cursor={first['after_cursor']}")
    assert newer["audits"] == []
    await account.call("PUT", f"tickets/{id_}", {"ticket": {"priority": "low"}})
    assert len((await account.get(f"ticket_audits?cursor={newer['after_cursor']}"))["audits"]) == 1
    assert (await account.call("GET", "ticket_audits?cursor=zz")).status_code == 400


@pytest.mark.parametrize("path", ["tickets/cursor", "tickets"])
async def test_an_export_tells_of_a_deleted_ticket_when_it_was_deleted(path: str) -> None:
    account = Account()
    made = await account.ticket()
    account.later(hours=1)
    deleted_at = int(account.now.timestamp())
    await account.call("DELETE", f"tickets/{made['id']}")
    account.later(minutes=5)
    (row,) = (await account.get(f"incremental/{path}", start_time=deleted_at))["tickets"]
    assert (row["id"], row["status"], row["generated_timestamp"]) == (made["id"], "deleted", deleted_at)
