"""What was redacted at Zendesk stands in no answer."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from tests.web.conftest import Room
from tests.work.test_redaction import CARD, NAME, Redacting

pytestmark = pytest.mark.anyio

LISTS = ("cases", "audit/routing", "audit/changes", "events", "writebacks", "escalations", "drift", "rulebook/versions", "rulebook")


async def everything(room: Room) -> tuple[str, list[dict[str, Any]]]:
    """All that the API says of what there is, and the decisions with their reasons."""
    said, explained = "", []
    for path in LISTS:
        answer = await room.client.get(f"/v1/{path}")
        assert answer.status_code == 200, path
        said += answer.text
        for item in answer.json().get("items", ()):
            one = await room.client.get(f"/v1/{path}/{item['id']}")
            said += one.text
            if path == "audit/routing":
                explained.append(one.json())
            if path == "cases":
                said += (await room.client.get(f"/v1/cases/{item['id']}/timeline")).text
                said += (await room.client.get(f"/v1/cases/{item['id']}/explain")).text
    for form in ("application/x-ndjson", "text/csv"):
        said += (await room.client.get("/v1/audit/routing", headers={"Accept": form})).text
    return said + (await room.client.get("/metrics")).text, explained


async def test_no_answer_shows_redacted_words_and_the_reasons_say_since_when(room: Room) -> None:
    def reported() -> tuple[Redacting, str]:
        desk = Redacting(room.desk.database, room.desk.clock)  # type: ignore[arg-type]  # the fixture's clock can be set
        return desk, desk.report()

    desk, ticket = await anyio.to_thread.run_sync(reported)
    before, told = await everything(room)
    assert CARD in before
    assert NAME in before
    assert {one["redacted_since"] for one in told} == {None}
    await anyio.to_thread.run_sync(desk.redact, ticket, CARD, NAME)
    after, left = await everything(room)
    assert CARD not in after
    assert NAME not in after
    saw = [one for one in left if one["id"] in {was["id"] for was in told} and not one["retracted"]]
    assert saw
    for one in saw:
        assert one["redacted_since"] is not None
        was = next(other for other in told if other["id"] == one["id"])
        assert [(rule["key"], [leaf["outcome"] for leaf in rule["because"]]) for rule in one["rules"]] == [
            (rule["key"], [leaf["outcome"] for leaf in rule["because"]]) for rule in was["rules"]
        ]
        assert one["outcome"] == was["outcome"]
    (card,) = [
        leaf for one in saw if one["superseded_by"] is None for rule in one["rules"] if rule["key"] == "card" for leaf in rule["because"]
    ]
    assert (card["actual"], card["outcome"], card["redacted_since"]) == (None, True, saw[0]["redacted_since"])
    assert (await room.client.get("/v1/audit/verify")).json()["ok"] is True
