"""Lists of the simulated account: pages of both kinds, exports, search, bulk jobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.zendesk_account import Account, do, when

pytestmark = pytest.mark.anyio


async def many(account: Account, amount: int, **props: Any) -> list[int]:
    ids = []
    for start in range(0, amount, 100):
        batch = [{"subject": f"n{n}", "comment": {"body": "text"}, **props} for n in range(start, min(start + 100, amount))]
        job = (await account.call("POST", "tickets/create_many", {"tickets": batch})).json()["job_status"]
        done = (await account.get(f"job_statuses/{job['id']}"))["job_status"]
        ids += [r["id"] for r in done["results"]]
    return ids


async def follow(account: Account, path: str, name: str) -> list[Any]:
    """All items over the `next_page` or `links.next` of each answer."""
    found: list[Any] = []
    url: str | None = f"/api/v2/{path}"
    while url is not None:
        answer = (await account.http.get(url)).json()
        found += answer[name]
        url = (answer["links"]["next"] if answer["meta"]["has_more"] else None) if "meta" in answer else answer["next_page"]
        url = url and "/api/v2/" + url.partition("/api/v2/")[2]
    return found


# -- pages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["tickets?per_page=7", "tickets.json?page[size]=7", "tickets.json?page%5Bsize%5D=7", "tickets"])
async def test_following_the_links_gives_every_ticket_once_in_order(path: str) -> None:
    account = Account()
    ids = await many(account, 25)
    assert [t["id"] for t in await follow(account, path, "tickets")] == ids


async def test_a_list_without_a_size_has_a_hundred_a_page_and_the_true_count() -> None:
    account = Account()
    await many(account, 130)
    first = await account.get("tickets")
    assert (len(first["tickets"]), first["count"], first["previous_page"]) == (100, 130, None)
    assert "page=2" in first["next_page"]


async def test_the_next_page_asks_the_same_question() -> None:
    account = Account()
    await many(account, 6, external_id="same")
    await many(account, 6)
    assert len(await follow(account, "tickets?external_id=same&per_page=2", "tickets")) == 6
    assert len(await follow(account, "search?query=type:ticket external_id:same&per_page=2", "results")) == 6


async def test_offset_pages_end_at_ten_thousand_records_and_cursor_pages_do_not() -> None:
    account = Account()
    await account.ticket()
    refused = await account.call("GET", "tickets?page=101&per_page=100")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "InvalidPaginationDepth")
    assert (await account.call("GET", "tickets?page=100&per_page=100")).status_code == 200


async def test_a_cursor_page_says_whether_there_is_more_and_can_go_back() -> None:
    account = Account()
    ids = await many(account, 5)
    first = await account.get("tickets?page[size]=3")
    assert first["meta"]["has_more"] is True
    second = await account.get(f"tickets?page[size]=3&page[after]={first['meta']['after_cursor']}")
    assert (second["meta"]["has_more"], [t["id"] for t in second["tickets"]]) == (False, ids[3:])
    back = await account.get(f"tickets?page[size]=3&page[before]={second['meta']['before_cursor']}")
    assert [t["id"] for t in back["tickets"]] == ids[:3]


async def test_a_cursor_from_nowhere_is_refused() -> None:
    assert (await Account().call("GET", "tickets?page[size]=3&page[after]=%21%21")).status_code == 400


async def test_tickets_sort_by_their_last_change() -> None:
    account = Account()
    ids = await many(account, 3)
    account.later(minutes=1)
    await account.call("PUT", f"tickets/{ids[0]}", {"ticket": {"status": "open"}})
    assert [t["id"] for t in (await account.get("tickets?sort=-updated_at"))["tickets"]] == [ids[0], ids[2], ids[1]]
    asked = "sort_by=updated_at&sort_order=desc"
    assert [t["id"] for t in (await account.get(f"tickets?{asked}"))["tickets"]] == [ids[0], ids[2], ids[1]]
    assert [t["id"] for t in (await account.get(f"tickets?page[size]=9&{asked}"))["tickets"]] == ids


async def test_slashes_that_a_client_doubles_are_one() -> None:
    account = Account()
    assert [t["id"] for t in (await account.http.get("/api/v2//tickets.json")).json()["tickets"]] == []


async def test_show_many_leaves_out_what_is_not_there_and_takes_a_hundred() -> None:
    account = Account()
    ids = await many(account, 3)
    shown = await account.get(f"tickets/show_many?ids={ids[2]},{ids[0]},4711")
    assert [t["id"] for t in shown["tickets"]] == [ids[2], ids[0]]
    assert (await account.call("GET", "tickets/show_many?ids=" + ",".join(map(str, range(1, 102))))).status_code == 400


# -- exports ------------------------------------------------------------------------------------------------------------


async def export(account: Account, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = await account.get("incremental/tickets/cursor.json", **query)
    return found


async def test_the_export_never_gives_the_newest_minute() -> None:
    account = Account()
    made = await account.ticket()
    assert (await export(account, start_time=0))["tickets"] == []
    account.later(seconds=61)
    assert [t["id"] for t in (await export(account, start_time=0))["tickets"]] == [made["id"]]


async def test_a_start_in_the_newest_minute_is_refused() -> None:
    account = Account()
    refused = await account.call("GET", f"incremental/tickets/cursor?start_time={int(account.now.timestamp()) - 30}")
    assert (refused.status_code, refused.json()["error"]) == (422, "StartTimeTooRecent")


async def test_the_export_ends_with_a_cursor_from_which_only_changes_come() -> None:
    account = Account()
    ids = await many(account, 5)
    account.later(minutes=2)
    first = await export(account, start_time=0, per_page=3)
    assert (len(first["tickets"]), first["end_of_stream"]) == (3, False)
    second = await export(account, cursor=first["after_cursor"], per_page=3)
    assert ([t["id"] for t in second["tickets"]], second["end_of_stream"]) == (ids[3:], True)
    assert (await export(account, cursor=second["after_cursor"]))["tickets"] == []
    await account.call("PUT", f"tickets/{ids[1]}", {"ticket": {"status": "open"}})
    account.later(minutes=2)
    assert [t["id"] for t in (await export(account, cursor=second["after_cursor"]))["tickets"]] == [ids[1]]


async def test_the_export_has_the_deleted_and_leaves_them_out_when_asked() -> None:
    account = Account()
    ids = await many(account, 2)
    await account.call("DELETE", f"tickets/{ids[0]}")
    account.later(minutes=2)
    assert [(t["id"], t["status"]) for t in (await export(account, start_time=0))["tickets"]] == [(ids[1], "new"), (ids[0], "deleted")]
    assert [t["id"] for t in (await export(account, start_time=0, exclude_deleted="true"))["tickets"]] == [ids[1]]


async def test_an_update_without_a_difference_moves_the_generated_timestamp_only() -> None:
    account = Account()
    made = await account.ticket(status="open")
    account.later(minutes=5)
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "open"}})
    account.later(minutes=5)
    (seen,) = (await export(account, start_time=int(account.now.timestamp()) - 420))["tickets"]
    assert (seen["updated_at"], seen["generated_timestamp"] - int(account.now.timestamp())) == (made["updated_at"], -300)


async def test_the_event_export_gives_one_item_for_each_update_with_what_it_did() -> None:
    account = Account()
    made = await account.ticket()
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "open", "comment": {"body": "note", "public": False}}})
    account.later(minutes=2)
    events = (await account.get("incremental/ticket_events", start_time=0))["ticket_events"]
    assert [e["ticket_id"] for e in events] == [made["id"], made["id"]]
    assert {c["event_type"] for c in events[1]["child_events"]} == {"Change", "Comment"}


# -- search -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("type:ticket external_id:talkdesk-1", 1),
        ("type:ticket tags:vip", 1),
        ("type:ticket -tags:vip", 1),
        ("type:ticket status:open", 1),
        ("type:ticket status<open", 1),
        ("type:ticket requester:caller@example.com", 1),
        ("type:ticket phone:+493012345678", 1),
        ("type:ticket email:caller@example.com", 1),
        ('type:ticket phone:"+49 30 12345678"', 1),
        ("type:ticket status:open status:new", 2),
        ("type:ticket status:solved", 0),
        ("type:ticket drop", 2),
        ("type:user email:caller@example.com", 1),
    ],
)
async def test_search_finds_by_what_integrators_search_by(query: str, hits: int) -> None:
    account = Account()
    person = {"name": "Caller", "email": "caller@example.com", "phone": "+493012345678"}
    await account.ticket(external_id="talkdesk-1", tags=["vip"], status="open", requester=person)
    await account.ticket()
    assert (await account.get("search.json", query=query))["count"] == hits


async def test_search_ends_at_a_thousand_results() -> None:
    assert (await Account().call("GET", "search?query=type:ticket&page=11")).status_code == 422


@pytest.mark.parametrize("query", ["email:caller@example.com", "phone:+493012345678", 'phone:"+493012345678"', "Caller"])
async def test_people_are_found_by_address_number_and_name(query: str) -> None:
    account = Account()
    person = {"name": "Caller", "email": "Caller@example.com", "phone": "+493012345678"}
    made = (await account.call("POST", "users", {"user": person})).json()["user"]
    assert [u["id"] for u in (await account.get("users/search", query=query))["users"]] == [made["id"]]


# -- jobs ---------------------------------------------------------------------------------------------------------------


async def test_the_bulk_form_adds_and_removes_tags_without_replacing_the_others() -> None:
    account = Account()
    ids = await many(account, 2, tags=["old", "kept"])
    change = {"ticket": {"additional_tags": ["New One"], "remove_tags": ["old"]}}
    asked = await account.call("PUT", f"tickets/update_many?ids={ids[0]},{ids[1]},4711", change)
    job = (await account.get(f"job_statuses/{asked.json()['job_status']['id']}"))["job_status"]
    assert (job["status"], [r["success"] for r in job["results"]]) == ("completed", [True, True, False])
    for id_ in ids:
        assert (await account.get(f"tickets/{id_}/tags"))["tags"] == ["kept", "new", "one"]


async def test_the_bulk_tag_words_do_nothing_in_the_update_of_one_ticket() -> None:
    account = Account()
    made = await account.ticket(tags=["kept"])
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"additional_tags": ["new"], "remove_tags": ["kept"]}})
    assert (await account.get(f"tickets/{made['id']}/tags"))["tags"] == ["kept"]


async def test_the_batch_form_gives_each_ticket_its_own_change_and_each_failure_its_own_line() -> None:
    account = Account()
    ids = await many(account, 3)
    await account.call("PUT", f"tickets/{ids[1]}", {"ticket": {"status": "closed"}})
    stale = {"id": ids[2], "priority": "low", "safe_update": True, "updated_stamp": "2020-01-01T00:00:00Z"}
    batch = [{"id": ids[0], "priority": "high"}, {"id": ids[1], "priority": "low"}, stale]
    asked = await account.call("PUT", "tickets/update_many.json", {"tickets": batch})
    results = (await account.get(f"job_statuses/{asked.json()['job_status']['id']}.json"))["job_status"]["results"]
    assert [r["success"] for r in results] == [True, False, False]
    assert (results[1]["error"], results[2]["error"]) == ("RecordInvalid", "UpdateConflict")
    assert (await account.get(f"tickets/{ids[0]}"))["ticket"]["priority"] == "high"


async def test_bulk_changes_fire_triggers_like_any_other() -> None:
    account = Account()
    await account.trigger([when("priority", "value", "urgent")], [do("current_tags", "severe")])
    ids = await many(account, 2)
    await account.call("PUT", f"tickets/update_many?ids={ids[0]}", {"ticket": {"priority": "urgent"}})
    assert [(await account.get(f"tickets/{i}/tags"))["tags"] for i in ids] == [["severe"], []]


async def test_more_than_a_hundred_at_once_is_refused() -> None:
    batch = [{"comment": {"body": "x"}}] * 101
    assert (await Account().call("POST", "tickets/create_many", {"tickets": batch})).status_code == 400


async def test_the_search_export_gives_every_kind_it_names() -> None:
    account = Account()
    made = await account.ticket(subject="Safe hands")
    organization = (await account.call("POST", "organizations", {"organization": {"name": "Safe Sitters"}})).json()["organization"]
    wanted = {"ticket": made["id"], "organization": organization["id"], "group": 61000000010}
    for kind, id_ in wanted.items():
        found = (await account.get(f"search/export?query=safe&filter[type]={kind}"))["results"]
        assert [(one["id"], one["result_type"]) for one in found] == [(id_, kind)]
        assert (await account.get(f"search?query=type:{kind} safe"))["results"] == found
    assert (await account.call("GET", "search/export?query=safe&filter[type]=article")).status_code == 400


async def test_the_times_of_a_ticket_are_there_by_their_own_id() -> None:
    account = Account()
    ticket = await account.ticket()
    times = (await account.get(f"tickets/{ticket['id']}/metrics"))["ticket_metric"]
    assert (await account.get(f"ticket_metrics/{times['id']}"))["ticket_metric"] == times
