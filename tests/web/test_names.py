"""What people name at Zendesk is looked up there before it is believed: rulebooks that are checked and published, agents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.web import rows
from tests.web.test_queues import employ
from tsbridge.core.rules.findings import Finding
from tsbridge.rulebook.zendesk_names import Named
from tsbridge.store import rulebooks

pytestmark = pytest.mark.anyio

LACKS = Finding("warning", "zendesk_group", "Zendesk has no group with this id", "/queues/safety/zendesk_group_id")


@dataclass
class Account:
    """Who is an agent at Zendesk; whether it can be asked; the versions that were live when it was asked about a rulebook."""

    room: Any
    agents: frozenset[str] = frozenset({"7"})
    up: bool = True
    asked: tuple[int, ...] = ()

    async def findings(self, document: Any) -> Sequence[Finding]:
        self.asked += (await self.room.desk.database.read(rulebooks.live_version),)
        return (LACKS,) if self.up else (Finding("info", "zendesk_not_asked", "Zendesk could not be asked"),)

    async def strangers(self, named: Named | None) -> Sequence[Finding]:
        return () if named is None else await self.findings(named)

    async def is_agent(self, user: str) -> bool | None:
        return user in self.agents if self.up else None


@pytest.fixture
def account(room: Any) -> Account:
    account = Account(room)
    room.app.state.services = replace(room.desk, names=account)
    return account


@pytest.fixture
async def cases(room: Any, clock: Any) -> None:
    await room.desk.database.write(lambda conn: rows.case(conn, "case_1", clock.now(), "4711"))


async def test_the_check_tells_what_zendesk_does_not_have_and_it_refuses_nothing(room: Any, account: Account) -> None:
    told = (await room.client.post("/v1/rulebook/check", json={})).json()
    assert told["ok"] is True
    assert LACKS.to_json() in told["findings"]
    account.up = False
    told = (await room.client.post("/v1/rulebook/check", json={})).json()
    assert "zendesk_not_asked" in {one["code"] for one in told["findings"]}
    assert told["findings"] == sorted(told["findings"], key=lambda one: ("error", "warning", "info").index(one["severity"]))


async def test_a_publish_and_a_restore_wait_for_no_zendesk_and_tell_it_with_what_is_live(room: Any, account: Account) -> None:
    lost = {
        "key": "lost",
        "kind": "escalation",
        "when": {"field": "text", "operator": "contains", "value": "lost"},
        "then": [{"set_severity": 3}],
    }
    assert (await room.client.post("/v1/rulebook/draft/rules", json={"rule": lost, "before": "to-safety"})).status_code == 201
    seen = (await room.client.get("/v1/rulebook/draft")).headers["ETag"]
    made = await room.client.post("/v1/rulebook/publish", json={"note": "lost"}, headers={"If-Match": seen})
    assert (made.status_code, made.json()["version"], made.json()["findings"]) == (201, 2, [LACKS.to_json()])
    restored = await room.client.post("/v1/rulebook/versions/1/restore", json={"note": "back"})
    assert (restored.json()["version"], restored.json()["findings"]) == (3, [LACKS.to_json()])
    assert account.asked == (2, 3), "each was live already"


async def test_a_case_is_given_to_agents_of_zendesks_alone(room: Any, account: Account, cases: None) -> None:
    refused = await room.client.post("/v1/cases/case_1/assign", json={"agent": "999"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/agent"
    assert "999" not in refused.text
    assert room.judged.told == []
    given = await room.client.post("/v1/cases/case_1/assign", json={"agent": "7"})
    assert (given.status_code, given.json()["zendesk_asked"]) == (200, True)


async def test_while_zendesk_cannot_be_asked_a_case_is_given_all_the_same_and_the_answer_says_so(
    room: Any, account: Account, cases: None
) -> None:
    account.up = False
    given = await room.client.post("/v1/cases/case_1/assign", json={"agent": "999"})
    assert (given.status_code, given.json()["zendesk_asked"]) == (200, False)
    assert dict(room.judged.told[-1].facts) == {"case.assignee": "999"}
    assert (await room.client.post("/v1/cases/case_1/assign", json={"agent": "ana"})).status_code == 409, "there is no roster"
    await room.desk.database.write(lambda conn: employ(conn, room))
    named = await room.client.post("/v1/cases/case_1/assign", json={"agent": "ana"})
    assert (named.status_code, "zendesk_asked" in named.json()) == (200, False), "a name is none of Zendesk's ids"
