"""The vocabulary of rules and what to paste into the vendors' consoles."""

from __future__ import annotations

from typing import Any

import pytest

from tsbridge.core.rules import vocabulary

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("fresh_url", ["sqlite"], indirect=True)]


@pytest.mark.parametrize(
    ("path", "words"), [("fields", vocabulary.FIELDS), ("operators", vocabulary.OPERATORS), ("actions", vocabulary.ACTIONS)]
)
async def test_every_word_of_the_language_is_listed_with_a_description(room: Any, path: str, words: Any) -> None:
    items = (await room.client.get(f"/v1/{path}")).json()["items"]
    assert [item["name"] for item in items] == [word.name for word in words]
    assert all(item["description"] and item["id"] for item in items)


@pytest.mark.parametrize("words", ["fields", "operators", "actions"])
async def test_the_words_of_rules_come_all_at_once_or_in_pages_that_are_asked_for(room: Any, words: str) -> None:
    whole = (await room.client.get(f"/v1/{words}")).json()
    assert whole["next_cursor"] is None
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await room.client.get(f"/v1/{words}", params={"limit": 7, **({"cursor": cursor} if cursor else {})})).json()
        assert 0 < len(page["items"]) <= 7
        found += page["items"]
        cursor = page["next_cursor"]
    assert found == whole["items"]


async def test_the_trigger_body_is_handed_out_with_zendesks_placeholders(room: Any) -> None:
    for query, kind in (("", "ticket.updated"), ("?event=updated", "ticket.updated"), ("?event=created", "ticket.created")):
        body = (await room.client.get(f"/v1/sources/zendesk/trigger-body{query}")).json()
        assert (body["tsbridge"], body["type"], body["ticket_id"]) == ("2", kind, "{{ticket.id}}")
        assert list(body) == ["tsbridge", "type", "ticket_id", "account", "delivery", "ticket", "actor", "texts"]
    assert (await room.client.get("/v1/sources/zendesk/trigger-body?event=merged")).status_code == 422


async def test_the_talkdesk_body_of_each_trigger_is_described(room: Any) -> None:
    answer = await room.client.get("/v1/sources/talkdesk/schema/call.ended")
    assert answer.status_code == 200
    assert "call.ended" in answer.text
    assert (await room.client.get("/v1/sources/talkdesk/schema/call.imagined")).status_code == 404
