"""What the simulated account remembers of its tickets: audits, merges, redactions, and exports that end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulator.zendesk_account import Account

pytestmark = pytest.mark.anyio


async def audits(account: Account, id_: int, **query: Any) -> Any:
    return await account.get(f"tickets/{id_}/audits", **{"page[size]": "1", **query})


async def test_the_last_cursor_of_the_audits_finds_those_that_come_later() -> None:
    account = Account()
    made = (await account.ticket())["id"]
    last = (await audits(account, made))["meta"]["after_cursor"]
    nothing = await audits(account, made, **{"page[after]": last})
    assert (nothing["audits"], nothing["meta"]["after_cursor"]) == ([], last)
    await account.call("PUT", f"tickets/{made}", {"ticket": {"priority": "high"}})
    assert (await audits(account, made, **{"page[after]": last}))["audits"][0]["events"][0]["value"] == "high"


async def test_pages_by_cursor_skip_nothing_when_a_ticket_before_them_is_deleted() -> None:
    account = Account()
    one, two, three = [(await account.ticket())["id"] for _ in range(3)]
    after = (await account.get("tickets", **{"page[size]": "2"}))["meta"]["after_cursor"]
    for gone in (one, two):
        await account.call("DELETE", f"tickets/{gone}")
    assert [t["id"] for t in (await account.get("tickets", **{"page[size]": "2", "page[after]": after}))["tickets"]] == [three]


async def test_a_new_ticket_lists_its_custom_fields_in_its_audit_and_under_both_names() -> None:
    account = Account()
    made = await account.ticket(custom_fields=[{"id": 360001234, "value": "tier_3"}])
    created = {e["field_name"]: e["value"] for e in (await audits(account, made["id"]))["audits"][0]["events"] if e["type"] == "Create"}
    assert (created["360001234"], created["requester_id"]) == ("tier_3", str(made["requester_id"]))
    assert made["fields"] == made["custom_fields"]


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (None, "tier_3", ("", "tier_3")),
        ("tier_3", None, ("tier_3", "")),
        (None, True, ("0", "1")),
        (True, False, ("1", "0")),
        (3, 7.5, ("3", "7.5")),
        ([], ["late", "wet"], ("", "late wet")),
        (["late", "wet"], ["wet"], ("late wet", "wet")),
    ],
)
async def test_audits_tell_custom_fields_and_ids_as_texts_and_the_ticket_what_they_are(was: Any, now: Any, told: tuple[str, str]) -> None:
    account = Account()
    made = await account.ticket(custom_fields=[{"id": 360001235, "value": was}])
    changes = {"custom_fields": [{"id": 360001235, "value": now}], "group_id": 61000000010}
    changed = (await account.call("PUT", f"tickets/{made['id']}", {"ticket": changes})).json()
    heard = {e["field_name"]: (e["previous_value"], e["value"]) for e in changed["audit"]["events"] if e["type"] == "Change"}
    assert heard == {"360001235": told, "group_id": (None, "61000000010")}
    assert changed["ticket"]["group_id"] == 61000000010
    assert {"id": 360001235, "value": now} in changed["ticket"]["custom_fields"]


async def test_a_merge_says_in_the_targets_audit_what_came_in() -> None:
    account = Account()
    target, source = (await account.ticket())["id"], (await account.ticket(subject="Again"))["id"]
    await account.call("POST", f"tickets/{target}/merge", {"ids": [source]})
    via = (await audits(account, target, **{"page[size]": "9"}))["audits"][-1]["via"]
    assert via["source"] == {"rel": "merge", "from": {"ticket_id": source, "ticket_ids": [source], "subject": "Again"}, "to": {}}
    closed = (await account.get(f"tickets/{source}"))["ticket"]
    assert (closed["status"], closed["tags"]) == ("closed", ["closed_by_merge"])
    followed = await account.ticket(via_followup_source_id=source)
    assert followed["via"]["source"] == {"from": {"ticket_id": source, "subject": "Again"}, "to": {}, "rel": "follow_up"}


@pytest.mark.parametrize("whole", [False, True])
async def test_redacted_words_are_nowhere_and_the_audits_say_so(whole: bool) -> None:
    account = Account()
    made = (await account.ticket(comment={"body": "card 4111 please"}))["id"]
    comment = (await account.get(f"tickets/{made}/comments"))["comments"][0]["id"]
    if whole:
        done = await account.call("PUT", f"comment_redactions/{comment}", {"ticket_id": made})
    else:
        done = await account.call("PUT", f"tickets/{made}/comments/{comment}/redact", {"text": "4111"})
    assert done.status_code == 200
    read = [(await account.call("GET", f"tickets/{made}{end}")).text for end in ("", "/comments", "/audits")]
    assert not any("4111" in text for text in read)
    event = (await audits(account, made, **{"page[size]": "9"}))["audits"][-1]["events"][0]
    assert (event["type"], event["comment_id"]) == ("CommentRedactionEvent", comment)


@pytest.mark.parametrize("start", ["1780000000", "1780000000.25", "2026-05-28T20:26:40Z"])
async def test_an_export_takes_its_start_as_number_fraction_or_text(start: str) -> None:
    account = Account()
    made = await account.ticket()
    account.later(minutes=2)
    for path in ("incremental/tickets/cursor", "incremental/tickets"):
        assert [t["id"] for t in (await account.get(path, start_time=start))["tickets"]] == [made["id"]]


@pytest.mark.parametrize("path", ["tickets", "ticket_events"])
async def test_an_export_by_time_ends_though_more_than_a_page_happened_in_one_second(path: str) -> None:
    account = Account(subscribed=False)
    for _ in range(1_005):
        account.zendesk.world.create({"comment": {"body": "x"}}, account.zendesk.world.admin)
    account.later(seconds=5)
    await account.ticket()
    account.later(minutes=2)
    seen, start = set(), str(int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()))
    for _ in range(4):
        found = await account.get(f"incremental/{path}", start_time=start)
        seen |= {row["id"] for row in found[path]}
        start = str(found["end_time"])
        if found["end_of_stream"]:
            break
    assert (len(seen), found["end_of_stream"]) == (1_006, True)


@pytest.mark.parametrize(("include", "says"), [({}, False), ({"include": "comment_events"}, True)])
async def test_ticket_events_carry_what_was_said_only_when_asked(include: dict[str, str], says: bool) -> None:
    account = Account()
    await account.ticket()
    account.later(minutes=2)
    found = await account.get("incremental/ticket_events", start_time="0", **include)
    comment = next(c for c in found["ticket_events"][0]["child_events"] if c["event_type"] == "Comment")
    assert ("body" in comment) is says
