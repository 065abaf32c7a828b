"""Tickets of the simulated account: tags, races, closed and merged ones, jobs, keys, search, and refusals worded as Zendesk words them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.simulator.zendesk_account import Account

pytestmark = pytest.mark.anyio

CLOSED = {"description": "Status: closed prevents ticket update", "error": "InvalidValue"}


def refused(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


# -- tags ----------------------------------------------------------------------------------------------------------------


async def test_post_sets_put_adds_and_delete_removes_tags() -> None:
    account = Account()
    path = f"tickets/{(await account.ticket(tags=['old']))['id']}/tags"
    assert (await account.call("PUT", path, {"tags": ["new"]})).json() == {"tags": ["new", "old"]}
    assert (await account.call("DELETE", path, {"tags": ["old", "never-there"]})).json() == {"tags": ["new"]}
    answer = await account.call("POST", path, {"tags": ["only"]})
    assert (answer.status_code, answer.json()) == (201, {"tags": ["only"]})


async def test_tags_in_an_update_replace_all_of_them() -> None:
    account = Account()
    made = await account.ticket(tags=["a", "b"])
    answer = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"tags": ["c"]}})
    assert answer.json()["ticket"]["tags"] == ["c"]


async def test_additional_tags_do_nothing_on_a_single_update_and_add_in_bulk() -> None:
    account = Account()
    made = await account.ticket(tags=["a"])
    single = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"additional_tags": ["b"]}})
    assert single.json()["ticket"]["tags"] == ["a"]
    await account.call("PUT", f"tickets/update_many?ids={made['id']}", {"ticket": {"additional_tags": ["b"], "remove_tags": ["a"]}})
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["tags"] == ["b"]


async def test_tags_are_lower_cased_and_a_space_makes_two() -> None:
    assert (await Account().ticket(tags=["VIP customer", "vip"]))["tags"] == ["customer", "vip"]


# -- races -----------------------------------------------------------------------------------------------------------------


async def test_a_safe_update_with_an_old_stamp_is_refused_and_changes_nothing() -> None:
    account = Account()
    made = await account.ticket()
    account.later(seconds=2)
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "high"}})
    stale = {"priority": "low", "safe_update": True, "updated_stamp": made["updated_at"]}
    assert refused(await account.call("PUT", f"tickets/{made['id']}", {"ticket": stale}), 409)["error"] == "UpdateConflict"
    now = (await account.get(f"tickets/{made['id']}"))["ticket"]
    assert now["priority"] == "high"
    fresh = {**stale, "updated_stamp": now["updated_at"]}
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": fresh})).json()["ticket"]["priority"] == "low"


async def test_safe_tags_take_the_text_true() -> None:
    account = Account()
    made = await account.ticket()
    account.later(seconds=2)
    body = {"tags": ["a"], "safe_update": "true", "updated_stamp": "2020-01-01T00:00:00Z"}
    refused(await account.call("PUT", f"tickets/{made['id']}/tags", body), 409)
    assert (await account.call("PUT", f"tickets/{made['id']}/tags", {**body, "updated_stamp": made["updated_at"]})).status_code == 200


async def test_two_changes_within_one_second_share_a_stamp_so_the_second_one_is_not_seen() -> None:
    account = Account()
    made = await account.ticket()
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "high"}})
    late = {"tags": ["lost-race"], "safe_update": True, "updated_stamp": made["updated_at"]}
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": late})).status_code == 200


# -- states ----------------------------------------------------------------------------------------------------------------


async def closed_ticket(account: Account) -> int:
    made = await account.ticket(tags=["kept"])
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "closed"}})
    return int(made["id"])


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("PUT", "", {"ticket": {"priority": "high"}}),
        ("PUT", "", {"ticket": {"comment": {"body": "x", "public": False}}}),
        ("PUT", "/tags", {"tags": ["new"]}),
        ("DELETE", "/tags", {"tags": ["kept"]}),
    ],
)
async def test_a_closed_ticket_takes_no_change(method: str, rest: str, body: dict[str, Any]) -> None:
    account = Account()
    id_ = await closed_ticket(account)
    answer = refused(await account.call(method, f"tickets/{id_}{rest}", body), 422)
    assert (answer["error"], answer["details"]) == ("RecordInvalid", {"status": [CLOSED]})
    assert (await account.get(f"tickets/{id_}"))["ticket"]["tags"] == ["kept"]


async def test_a_closed_ticket_can_be_followed_up_and_an_open_one_cannot() -> None:
    account = Account()
    id_ = await closed_ticket(account)
    made = await account.ticket(via_followup_source_id=id_)
    assert made["via"]["source"] == {"from": {"ticket_id": id_, "subject": "Calls drop"}, "to": {}, "rel": "follow_up"}
    assert (await account.get(f"tickets/{id_}"))["ticket"]["followup_ids"] == [made["id"]]
    body = {"ticket": {"comment": {"body": "x"}, "via_followup_source_id": made["id"]}}
    assert "via_followup_source_id" in refused(await account.call("POST", "tickets", body), 422)["details"]


async def test_merging_closes_the_source_with_private_comments_on_both_sides() -> None:
    account = Account()
    target, source = (await account.ticket())["id"], (await account.ticket())["id"]
    job = (await account.call("POST", f"tickets/{target}/merge", {"ids": [source], "target_comment": "both"})).json()["job_status"]
    assert (await account.get(f"job_statuses/{job['id']}"))["job_status"]["status"] == "completed"
    gone = (await account.get(f"tickets/{source}"))["ticket"]
    assert (gone["status"], gone["tags"]) == ("closed", ["closed_by_merge"])
    for id_ in (target, source):
        assert (await account.get(f"tickets/{id_}/comments"))["comments"][-1]["public"] is False


async def test_merging_without_ids_is_refused() -> None:
    account = Account()
    made = await account.ticket()
    refused(await account.call("POST", f"tickets/{made['id']}/merge", {"ids": [{"id": 1}]}), 400)


async def test_a_ticket_is_solved_only_with_its_required_fields() -> None:
    account = Account()
    made = await account.ticket(status="open")
    await account.call("PUT", "ticket_fields/360001234", {"ticket_field": {"required": True}})
    answer = refused(await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "solved", "priority": "high"}}), 422)
    (item,) = answer["details"]["base"]
    assert (item["ticket_field_id"], item["ticket_field_type"]) == (360001234, "tagger")
    now = (await account.get(f"tickets/{made['id']}"))["ticket"]
    assert (now["status"], now["priority"]) == ("open", None)
    full = {"status": "solved", "custom_fields": [{"id": 360001234, "value": "tier_1"}]}
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": full})).json()["ticket"]["status"] == "solved"


async def test_a_refused_change_leaves_no_half_of_it() -> None:
    account = Account()
    made = await account.ticket(subject="Old")
    refused(await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"subject": "New", "priority": "sky-high"}}), 422)
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["subject"] == "Old"


async def test_a_deleted_ticket_is_gone_until_restored_and_for_good_when_scrubbed() -> None:
    account = Account()
    id_ = (await account.ticket())["id"]
    assert (await account.call("DELETE", f"tickets/{id_}")).status_code == 204
    assert refused(await account.call("GET", f"tickets/{id_}"), 404) == {"error": "RecordNotFound", "description": "Not found"}
    assert [t["id"] for t in (await account.get("deleted_tickets"))["deleted_tickets"]] == [id_]
    await account.call("PUT", f"deleted_tickets/{id_}/restore")
    assert (await account.get(f"tickets/{id_}"))["ticket"]["status"] == "open"
    await account.call("DELETE", f"tickets/{id_}")
    await account.call("DELETE", f"deleted_tickets/{id_}")
    refused(await account.call("PUT", f"deleted_tickets/{id_}/restore"), 404)


# -- comments and audits -----------------------------------------------------------------------------------------------------


async def test_an_end_users_comment_opens_a_pending_ticket_again() -> None:
    account = Account()
    made = await account.ticket(requester={"name": "Req", "email": "req@example.com"})
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"status": "pending"}})
    account.zendesk.act("change", {"id": made["id"], "ticket": {"comment": "Still broken"}})
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["status"] == "open"


async def test_the_audit_tells_who_changed_what_and_keeps_our_metadata() -> None:
    account = Account()
    made = await account.ticket()
    change = {"priority": "high", "comment": {"body": "note", "public": False}, "metadata": {"change": "17"}}
    audit = (await account.call("PUT", f"tickets/{made['id']}", {"ticket": change})).json()["audit"]
    assert (audit["author_id"], audit["metadata"]["custom"], audit["via"]["channel"]) == (99000000001, {"change": "17"}, "api")
    first, second = audit["events"]
    assert (first["type"], first["field_name"], first["value"], first["previous_value"]) == ("Change", "priority", "high", None)
    assert (second["type"], second["body"], second["public"]) == ("Comment", "note", False)
    assert (await account.get(f"tickets/{made['id']}/audits"))["audits"][-1]["id"] == audit["id"]


async def test_the_comment_after_the_last_possible_one_is_refused() -> None:
    account = Account()
    made = await account.ticket()
    comments = account.zendesk.world.store.comments[made["id"]]
    comments.extend(comments[:1] * 4_999)
    body = {"ticket": {"comment": {"body": "x", "public": False}}}
    refused(await account.call("PUT", f"tickets/{made['id']}", body), 422)


async def test_an_uploaded_file_comes_with_the_comment_that_names_its_token() -> None:
    account = Account()
    made = await account.ticket()
    sent = await account.http.post("/api/v2/uploads?filename=log.txt", content=b"hello", headers={"Content-Type": "text/plain"})
    await account.heard()
    comment = {"body": "see file", "public": False, "uploads": [sent.json()["upload"]["token"]]}
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"comment": comment}})
    (file,) = (await account.get(f"tickets/{made['id']}/comments"))["comments"][-1]["attachments"]
    assert (file["file_name"], file["content_type"], file["size"]) == ("log.txt", "text/plain", 5)
    assert await account.kinds() == ["comment_added", "attachment_linked_to_comment"]


# -- creating once, and many at a time ----------------------------------------------------------------------------------------


async def test_the_same_key_makes_one_ticket_and_another_body_with_it_is_refused() -> None:
    account = Account()
    key = {"Idempotency-Key": "k-1"}
    body = {"ticket": {"subject": "Once", "comment": {"body": "x"}}}
    first = await account.call("POST", "tickets", body, headers=key)
    again = await account.call("POST", "tickets", body, headers=key)
    assert [a.headers["x-idempotency-lookup"] for a in (first, again)] == ["miss", "hit"]
    assert first.json()["ticket"]["id"] == again.json()["ticket"]["id"]
    other = await account.call("POST", "tickets", {"ticket": {"comment": {"body": "y"}}}, headers=key)
    assert refused(other, 400)["errors"][0]["code"] == "IdempotentRequestError"


async def test_a_completed_job_can_hold_failed_items() -> None:
    account = Account()
    good, closed = (await account.ticket())["id"], await closed_ticket(account)
    job = (await account.call("PUT", f"tickets/update_many?ids={good},{closed},999", {"ticket": {"priority": "low"}})).json()["job_status"]
    assert (job["status"], job["results"]) == ("queued", None)
    done = (await account.get(f"job_statuses/{job['id']}.json"))["job_status"]
    assert (done["status"], done["total"]) == ("completed", 3)
    assert [(r["id"], r["success"], r.get("error")) for r in done["results"]] == [
        (good, True, None),
        (closed, False, "RecordInvalid"),
        (999, False, "RecordNotFound"),
    ]
    assert len((await account.get("job_statuses/show_many", ids=job["id"]))["job_statuses"]) == 1


async def test_more_than_a_hundred_at_a_time_are_refused() -> None:
    account = Account()
    refused(await account.call("POST", "tickets/create_many", {"tickets": [{"comment": {"body": "x"}}] * 101}), 400)
    refused(await account.call("GET", "tickets/show_many", params={"ids": ",".join(map(str, range(101)))}), 400)


async def test_an_imported_ticket_meets_no_trigger() -> None:
    account = Account()
    await account.trigger([{"field": "update_type", "operator": "is", "value": "Create"}], [{"field": "current_tags", "value": "seen"}])
    sent = await account.call("POST", "imports/tickets", {"ticket": {"subject": "Old", "comments": [{"value": "from elsewhere"}]}})
    assert (sent.status_code, sent.json()["ticket"]["tags"]) == (201, [])


# -- finding -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type:ticket", ["fire", "leak", "bill"]),
        ("type:ticket priority:urgent", ["fire"]),
        ("type:ticket priority:urgent priority:low", ["fire", "bill"]),
        ("type:ticket priority>normal", ["fire", "leak"]),
        ("type:ticket -priority:low", ["fire", "leak"]),
        ("type:ticket tags:wet tags:hot", ["fire", "leak"]),
        ("type:ticket status<solved", ["fire", "leak"]),
        ("type:ticket status:solved", ["bill"]),
        ("type:ticket external_id:talkdesk:17", ["leak"]),
        ('type:ticket phone:"+49 30 1234567"', ["leak"]),
        ("type:ticket requester:wet@example.com", ["leak"]),
        ("type:ticket group:Safety", ["fire"]),
        ("type:ticket created>2026-06-02", []),
        ("type:ticket created:2026-06-01", ["fire", "leak", "bill"]),
        ("leak type:ticket", ["leak"]),
        ("custom_field_360001234:tier_3 type:ticket", ["bill"]),
    ],
)
async def test_search_understands_what_integrations_ask(query: str, found: list[str]) -> None:
    account = Account()
    await account.ticket(subject="fire", priority="urgent", tags=["hot"], group_id=61000000010)
    requester = {"name": "Wet", "email": "wet@example.com", "phone": "+49301234567"}
    await account.ticket(subject="leak", priority="high", tags=["wet"], external_id="talkdesk:17", requester=requester)
    fields = [{"id": 360001234, "value": "tier_3"}]
    await account.ticket(subject="bill", priority="low", status="solved", custom_fields=fields)
    results = (await account.get("search", query=query, sort_by="created_at", sort_order="asc"))["results"]
    assert [r["subject"] for r in results if r["result_type"] == "ticket"] == found


async def test_the_next_page_of_a_search_asks_the_same_question() -> None:
    account = Account()
    for _ in range(3):
        await account.ticket(tags=["hit"])
    await account.ticket()
    first = await account.get("search", query="type:ticket tags:hit", per_page=2)
    second = (await account.http.get(first["next_page"])).json()
    assert (first["count"], len(first["results"]), len(second["results"]), second["next_page"]) == (3, 2, 1, None)


async def test_search_ends_after_a_thousand_results_and_lists_after_ten_thousand() -> None:
    account = Account()
    refused(await account.call("GET", "search", params={"query": "type:ticket", "page": 11}), 422)
    refused(await account.call("GET", "search", params={"query": "type:ticket", "page": 3, "per_page": 100, "x": "y"}), 200)
    assert refused(await account.call("GET", "tickets", params={"page": 101}), 400)["errors"][0]["code"] == "InvalidPaginationDepth"


async def test_cursor_pages_cover_every_ticket_once() -> None:
    account = Account()
    made = [(await account.ticket())["id"] for _ in range(7)]
    url, seen = "/api/v2/tickets?page[size]=3", []
    while url:
        answer = (await account.http.get(url)).json()
        seen += [t["id"] for t in answer["tickets"]]
        url = answer["links"]["next"]
    assert seen == made


# -- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "tickets/1", None, 404, {"error": "RecordNotFound", "description": "Not found"}),
        ("GET", "no_such_thing", None, 404, {"error": "InvalidEndpoint", "description": "Not found"}),
        ("POST", "tickets", {"ticket": {"subject": "x"}}, 422, "RecordInvalid"),
        ("POST", "users", {"user": {"email": "a@b.example"}}, 422, "RecordInvalid"),
    ],
)
async def test_a_refusal_is_worded_as_zendesk_words_it(method: str, path: str, body: Any, status: int, said: Any) -> None:
    answer = refused(await Account().call(method, path, body), status)
    assert said in (answer, answer["error"])


async def test_broken_json_is_a_bad_request() -> None:
    answer = await Account().http.post("/api/v2/tickets", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


async def test_restricted_keys_are_dropped_with_a_warning() -> None:
    account = Account()
    made = await account.ticket()
    dropped = {"url": "x", "created_at": "x", "description": "x"}
    answer = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {**dropped, "priority": "low"}})
    ticket, warned = answer.json()["ticket"], answer.headers["x-zendesk-api-warn"]
    assert all(name in warned and ticket[name] == made[name] for name in dropped)
    assert ticket["priority"] == "low"


async def test_every_answer_has_a_number_that_support_asks_for() -> None:
    account = Account()
    asked = [await account.call("GET", path) for path in ("tickets", "tickets/4711", "no_such_thing")]
    assert [answer.status_code for answer in asked] == [200, 404, 404]
    assert len({answer.headers["x-zendesk-request-id"] for answer in asked}) == 3


@pytest.mark.parametrize("kind", ["zen:event-type:ticket.updated", "conditional_ticket_event", "zen:event-type/ticket.TicketCreated"])
async def test_an_invented_event_type_cannot_be_subscribed(kind: str) -> None:
    given = {"name": "n", "endpoint": "https://x.test", "http_method": "POST", "request_format": "json", "status": "active"}
    account = Account(subscribed=False)
    refused(await account.call("POST", "webhooks", {"webhook": {**given, "subscriptions": [kind]}}), 400)
    assert (await account.get("webhooks"))["webhooks"] == []


async def test_only_the_requester_rates_a_solved_ticket_and_its_audit_tells() -> None:
    account = Account()
    ana = account.zendesk.world.add_user("Ana", "ana@example.com")
    ticket = account.zendesk.world.create({"comment": {"body": "help"}, "requester_id": ana["id"], "status": "solved"}, ana)
    path, asked = f"/api/v2/tickets/{ticket['id']}", {"satisfaction_rating": {"score": "bad", "comment": "too late"}}
    assert (await account.http.post(f"{path}/satisfaction_rating.json", json=asked)).status_code == 403
    await account.http.put(f"{path}.json", json={"ticket": asked})
    assert account.zendesk.world.ticket(ticket["id"])["satisfaction_rating"] is None
    account.zendesk.world.change(ticket["id"], {}, ana, rating=asked["satisfaction_rating"])
    audits = (await account.http.get(f"{path}/audits.json")).json()["audits"]
    told = [(e["field_name"], e["previous_value"], e["value"]) for e in audits[-1]["events"]]
    assert told == [("satisfaction_score", "unoffered", "bad"), ("satisfaction_comment", None, "too late")]


# -- comments --------------------------------------------------------------------------------------------------------------


async def test_of_a_comment_in_html_the_body_is_what_it_says() -> None:
    account = Account()
    html = "<p>Sorry &amp; thanks</p><ul><li>one</li><li>1 &lt; 2</li></ul>"
    answer = await account.call("POST", "tickets", {"ticket": {"subject": "s", "comment": {"html_body": html}}})
    ticket = answer.json()["ticket"]
    assert ticket["description"] == "Sorry & thanks\none\n1 < 2"
    await account.call("PUT", f"tickets/{ticket['id']}", {"ticket": {"comment": {"html_body": "a<br/>b", "public": False}}})
    said = (await account.call("GET", f"tickets/{ticket['id']}/comments")).json()["comments"]
    assert [(one["body"], one["plain_body"], one["html_body"]) for one in said] == [
        ("Sorry & thanks\none\n1 < 2",) * 2 + (html,),
        ("a\nb", "a\nb", "a<br/>b"),
    ]
    assert refused(await account.call("POST", "tickets", {"ticket": {"comment": {"html_body": "<p></p>"}}}), 422)


async def test_html_in_the_body_of_a_comment_is_left_out() -> None:
    account = Account()
    made = await account.ticket()
    note = {"body": "Call <b>now</b> &amp; wait: 1 < 2, 3 > 2 <script>", "public": False}
    await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"comment": note}})
    said = (await account.call("GET", f"tickets/{made['id']}/comments")).json()["comments"][-1]
    plain = "Call now &amp; wait: 1 < 2, 3 > 2"
    assert (said["body"], said["plain_body"]) == (plain, plain)
    assert said["html_body"] == "<p>Call now &amp;amp; wait: 1 &lt; 2, 3 &gt; 2</p>"
