"""What goes with what on a simulated ticket: drop-downs with tags, custom statuses with statuses, comments with who said them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.zendesk_account import Account, do, when

pytestmark = pytest.mark.anyio
TIERS = [{"name": "Gold", "value": "tier_gold"}, {"name": "Tin", "value": "tier_tin"}]


async def field(account: Account, kind: str, **more: Any) -> int:
    made = await account.call("POST", "ticket_fields", {"ticket_field": {"title": "Tier", "type": kind, **more}})
    return int(made.json()["ticket_field"]["id"])


async def change(account: Account, id_: int, **props: Any) -> dict[str, Any]:
    done = await account.call("PUT", f"tickets/{id_}", {"ticket": props})
    assert done.status_code == 200, done.text
    found: dict[str, Any] = done.json()["ticket"]
    return found


def both(ticket: dict[str, Any], field_id: int) -> tuple[list[str], Any]:
    return ticket["tags"], next(f["value"] for f in ticket["custom_fields"] if f["id"] == field_id)


# -- drop-downs and tags --------------------------------------------------------------------------------------------------


async def test_the_value_of_a_drop_down_is_one_of_the_tags() -> None:
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    made = await account.ticket(tags=["mine"], custom_fields=[{"id": tier, "value": "tier_tin"}])
    assert both(made, tier) == (["mine", "tier_tin"], "tier_tin")
    assert both(await change(account, made["id"], custom_fields=[{"id": tier, "value": "tier_gold"}]), tier) == (
        ["mine", "tier_gold"],
        "tier_gold",
    )
    assert both(await change(account, made["id"], custom_fields=[{"id": tier, "value": None}]), tier) == (["mine"], None)


async def test_a_tag_that_a_drop_down_offers_chooses_it_and_without_the_tag_the_field_is_empty() -> None:
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    made = await account.ticket(tags=["tier_tin", "mine"])
    assert both(made, tier) == (["mine", "tier_tin"], "tier_tin")
    await account.call("PUT", f"tickets/{made['id']}/tags", {"tags": ["tier_gold"]})
    assert both((await account.get(f"tickets/{made['id']}"))["ticket"], tier) == (["mine", "tier_gold"], "tier_gold")
    await account.call("DELETE", f"tickets/{made['id']}/tags", {"tags": ["tier_gold"]})
    assert both((await account.get(f"tickets/{made['id']}"))["ticket"], tier) == (["mine"], None)


async def test_a_list_of_tags_without_the_one_of_the_drop_down_empties_it() -> None:
    """What a client does that sends back an old list: the tag and the field are gone together."""
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    made = await account.ticket(custom_fields=[{"id": tier, "value": "tier_tin"}])
    assert both(await change(account, made["id"], tags=["other"]), tier) == (["other"], None)


async def test_a_field_that_is_set_with_a_list_of_tags_keeps_its_tag() -> None:
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    made = await account.ticket(tags=["mine"])
    changed = await change(account, made["id"], tags=["other"], custom_fields=[{"id": tier, "value": "tier_gold"}])
    assert both(changed, tier) == (["other", "tier_gold"], "tier_gold")


async def test_a_drop_down_that_lists_its_values_takes_no_other() -> None:
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    made = await account.ticket(tags=["mine"])
    refused = await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"custom_fields": [{"id": tier, "value": "lead"}]}})
    assert (refused.status_code, refused.json()["details"]) == (
        422,
        {"base": [{"description": "Tier: is invalid", "error": "InvalidValue"}]},
    )
    assert both((await account.get(f"tickets/{made['id']}"))["ticket"], tier) == (["mine"], None)


async def test_several_choices_are_several_tags() -> None:
    account = Account()
    tier = await field(account, "multiselect", custom_field_options=TIERS)
    made = await account.ticket(custom_fields=[{"id": tier, "value": ["tier_gold", "tier_tin"]}])
    assert both(made, tier) == (["tier_gold", "tier_tin"], ["tier_gold", "tier_tin"])
    assert both(await change(account, made["id"], tags=["tier_tin"]), tier) == (["tier_tin"], ["tier_tin"])


async def test_a_checkbox_has_its_tag_while_it_is_on() -> None:
    account = Account()
    box = await field(account, "checkbox", tag="is_vip")
    made = await account.ticket(custom_fields=[{"id": box, "value": True}])
    assert both(made, box) == (["is_vip"], True)
    assert both(await change(account, made["id"], tags=[]), box) == ([], False)
    assert both(await change(account, made["id"], tags=["is_vip"]), box) == (["is_vip"], True)
    assert both(await change(account, made["id"], custom_fields=[{"id": box, "value": False}]), box) == ([], False)


async def test_a_text_field_has_nothing_to_do_with_tags() -> None:
    made = await Account().ticket(custom_fields=[{"id": 360001235, "value": "B-17"}])
    assert made["tags"] == []


async def test_triggers_mirror_too_and_the_audit_tells_both_sides() -> None:
    account = Account()
    tier = await field(account, "tagger", custom_field_options=TIERS)
    await account.trigger([when("priority", "is", "urgent")], [do(f"custom_fields_{tier}", "tier_gold")])
    await account.trigger([when("priority", "is", "low")], [do("remove_tags", "tier_gold")])
    made = await account.ticket()
    assert both(await change(account, made["id"], priority="urgent"), tier) == (["tier_gold"], "tier_gold")
    events = (await account.get(f"tickets/{made['id']}/audits"))["audits"][-1]["events"]
    assert {(e["field_name"], str(e["value"]), e.get("via", {}).get("channel")) for e in events} == {
        ("priority", "urgent", None),
        ("tags", "['tier_gold']", "rule"),
        (str(tier), "tier_gold", "rule"),
    }
    assert both(await change(account, made["id"], priority="low"), tier) == ([], None)


# -- custom statuses ------------------------------------------------------------------------------------------------------


async def status(account: Account, category: str, label: str) -> int:
    made = await account.call("POST", "custom_statuses", {"custom_status": {"status_category": category, "agent_label": label}})
    assert made.status_code == 201, made.text
    return int(made.json()["custom_status"]["id"])


async def test_a_custom_status_brings_its_category_and_a_status_its_default() -> None:
    account = Account()
    waiting = await status(account, "pending", "Waiting for the host")
    made = await account.ticket()
    assert (made["status"], made["custom_status_id"]) == ("new", 81000020)
    changed = await change(account, made["id"], custom_status_id=waiting)
    assert (changed["status"], changed["custom_status_id"]) == ("pending", waiting)
    changed = await change(account, made["id"], status="pending", priority="low")
    assert changed["custom_status_id"] == waiting
    changed = await change(account, made["id"], status="open")
    assert (changed["status"], changed["custom_status_id"]) == ("open", 81000021)


async def test_a_closed_ticket_keeps_the_custom_status_it_had() -> None:
    account = Account()
    made = await account.ticket(status="solved")
    assert (await change(account, made["id"], status="closed"))["custom_status_id"] == made["custom_status_id"] == 81000024


async def test_who_answers_opens_the_custom_status_too() -> None:
    account = Account()
    made = await account.ticket(status="pending")
    act = {"act": "change", "args": {"id": made["id"], "ticket": {"comment": {"body": "still broken"}}, "as": "ann@example.com"}}
    account.zendesk.world.add_user("Ann", "ann@example.com")
    await account.http.post("/_sim/act", json=act)
    found = (await account.get(f"tickets/{made['id']}"))["ticket"]
    assert (found["status"], found["custom_status_id"]) == ("open", 81000021)


async def test_an_unknown_custom_status_is_refused() -> None:
    account = Account()
    made = await account.ticket()
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"custom_status_id": 5}})).status_code == 422


async def test_triggers_read_and_set_custom_statuses() -> None:
    account = Account()
    waiting, again = await status(account, "pending", "Waiting"), await status(account, "open", "Again")
    await account.trigger([when("custom_status_id", "includes", [str(waiting)])], [do("custom_status_id", str(again))])
    made = await account.ticket()
    changed = await change(account, made["id"], custom_status_id=waiting)
    assert (changed["status"], changed["custom_status_id"]) == ("open", again)
    unknown = {"title": "T", "conditions": {"all": []}, "actions": [do("custom_status_id", "5")]}
    assert (await account.call("POST", "triggers", {"trigger": unknown})).status_code == 422


async def test_audits_and_subscriptions_tell_of_custom_statuses() -> None:
    account = Account(subscribed=False)
    account.zendesk.connect("https://bridge.test/", "secret", ["zen:event-type:ticket.custom_status_changed"])
    waiting = await status(account, "pending", "Waiting")
    made = await account.ticket()
    await change(account, made["id"], custom_status_id=waiting)
    (heard,) = await account.heard()
    assert (heard["event"]["current"], heard["event"]["previous"]) == (str(waiting), "81000020")
    assert heard["detail"]["custom_status"] == str(waiting)
    events = (await account.get(f"tickets/{made['id']}/audits"))["audits"][-1]["events"]
    assert [(e["field_name"], e["value"]) for e in events] == [("status", "pending"), ("custom_status_id", str(waiting))]


async def test_custom_statuses_are_listed_renamed_retired_and_made_the_default() -> None:
    account = Account()
    mine = await status(account, "open", "Mine")
    opened = (await account.get("custom_statuses", status_categories="open"))["custom_statuses"]
    assert [(s["id"], s["agent_label"], s["default"]) for s in opened] == [(81000021, "Open", True), (mine, "Mine", False)]
    renamed = await account.call("PUT", f"custom_statuses/{mine}", {"custom_status": {"agent_label": "Ours", "active": False}})
    assert (renamed.json()["custom_status"]["agent_label"], renamed.json()["custom_status"]["active"]) == ("Ours", False)
    assert len((await account.get("custom_statuses", active="true"))["custom_statuses"]) == 5
    await account.call("PUT", "custom_status/default", {"ids": str(mine)})
    assert (await account.ticket(status="open"))["custom_status_id"] == mine
    assert (await account.call("PUT", f"custom_statuses/{mine}", {"custom_status": {"active": False}})).status_code == 422
    assert (await account.call("POST", "custom_statuses", {"custom_status": {"status_category": "x"}})).status_code == 422


# -- who said the first thing, and who can read it ------------------------------------------------------------------------


async def first(account: Account, ticket: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await account.get(f"tickets/{ticket['id']}/comments"))["comments"][0]
    return found


async def test_the_first_comment_is_the_submitters_who_is_the_requester_unless_named() -> None:
    account = Account()
    ann = account.zendesk.world.add_user("Ann", "ann@example.com")["id"]
    agent = account.zendesk.world.admin["id"]
    plain = await account.ticket(requester_id=ann)
    assert (plain["submitter_id"], (await first(account, plain))["author_id"]) == (ann, ann)
    on_behalf = await account.ticket(requester_id=ann, submitter_id=agent)
    assert (on_behalf["submitter_id"], (await first(account, on_behalf))["author_id"]) == (agent, agent)
    named = await account.ticket(requester_id=ann, comment={"body": "said", "author_id": agent})
    assert (named["submitter_id"], (await first(account, named))["author_id"]) == (ann, agent)


@pytest.mark.parametrize(
    "wrong", [{"requester_id": 5}, {"submitter_id": 5}, {"comment": {"body": "x", "author_id": 5}}, {"group_id": 5}, {"assignee_id": 5}]
)
async def test_people_and_groups_that_the_account_does_not_have_are_refused_and_nothing_is_made(wrong: dict[str, Any]) -> None:
    account = Account()
    good = {"subject": "s", "comment": {"body": "b"}}
    assert (await account.call("POST", "tickets", {"ticket": {**good, **wrong}})).status_code == 422
    assert (await account.get("tickets"))["tickets"] == []
    made = await account.ticket()
    assert (await account.call("PUT", f"tickets/{made['id']}", {"ticket": {"priority": "low", **wrong}})).status_code in (200, 422)
    if "submitter_id" not in wrong:
        assert (await account.get(f"tickets/{made['id']}"))["ticket"]["priority"] is None


async def test_a_ticket_is_public_as_soon_as_one_of_its_comments_is_and_private_when_none_is_left() -> None:
    account = Account()
    made = await account.ticket(comment={"body": "b", "public": False})
    assert made["is_public"] is False
    assert (await change(account, made["id"], comment={"body": "note"}))["is_public"] is False
    assert (await change(account, made["id"], comment={"body": "answer", "public": True}))["is_public"] is True
    comments = (await account.get(f"tickets/{made['id']}/comments"))["comments"]
    assert [c["public"] for c in comments] == [False, False, True]
    await change(account, made["id"], comment={"body": "another note"})
    comments = (await account.get(f"tickets/{made['id']}/comments"))["comments"]
    assert comments[-1]["public"] is False, "one that does not say is as public as the first"
    await account.call("PUT", f"tickets/{made['id']}/comments/{comments[2]['id']}/make_private")
    assert (await account.get(f"tickets/{made['id']}"))["ticket"]["is_public"] is False


@pytest.mark.parametrize(("said", "public"), [("false", False), ("true", True), (0, False), (1, True), (None, True)])
async def test_whether_a_comment_is_public_may_be_written_in_several_ways(said: Any, public: bool) -> None:
    account = Account()
    made = await account.ticket()
    await change(account, made["id"], comment={"body": "x", "public": said})
    assert (await account.get(f"tickets/{made['id']}/comments"))["comments"][-1]["public"] is public


async def test_a_restored_ticket_is_open_in_its_custom_status_too() -> None:
    account = Account()
    opened = await account.ticket(status="open")
    id_ = (await account.ticket(status="solved"))["id"]
    await account.call("DELETE", f"tickets/{id_}")
    await account.call("PUT", f"deleted_tickets/{id_}/restore")
    found = (await account.get(f"tickets/{id_}"))["ticket"]
    assert (found["status"], found["custom_status_id"]) == ("open", opened["custom_status_id"])
