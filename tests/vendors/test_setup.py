"""The set-up in Zendesk: planned, done, found done; mended when somebody changed it; gone without a trace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.clocks import SettableClock
from tests.work.desk import WEBHOOKS_GO_NOWHERE, Wire
from tsbridge.core.errors import Malformed
from tsbridge.core.limits import LIST_PAGES
from tsbridge.http import Http
from tsbridge.simulator.zendesk import Limits, Zendesk
from tsbridge.vendors.zendesk import install, setup
from tsbridge.vendors.zendesk.client import AccessToken, ZendeskClient
from tsbridge.vendors.zendesk.setup import Kind

pytestmark = pytest.mark.anyio
ENDPOINT = "https://bridge.test/webhooks/zendesk"


@pytest.fixture
def account(clock: SettableClock) -> Zendesk:
    return Zendesk(WEBHOOKS_GO_NOWHERE, clock.now, limits=Limits.off())


@pytest.fixture
async def zendesk(account: Zendesk, clock: SettableClock) -> AsyncIterator[ZendeskClient]:
    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    client = ZendeskClient(Http("http://zendesk.test", sleep=sleep, transport=Wire(account, clock)), AccessToken("token"))
    yield client
    await client.close()


def acts(steps: Any) -> list[tuple[str, str]]:
    return [(step.act, step.what) for step in steps]


@pytest.mark.parametrize("kind", ["trigger", "events"])
async def test_what_is_planned_is_done_and_then_nothing_is_left_to_do(zendesk: ZendeskClient, kind: Kind) -> None:
    steps = await install.planned(zendesk, ENDPOINT, kind)
    assert {act for act, _ in acts(steps)} == {"create"}
    await install.carry_out(zendesk, steps)
    again = await install.planned(zendesk, ENDPOINT, kind)
    assert {act for act, _ in acts(again)} == {"keep"}
    assert len(set(await install.signing_secrets(zendesk))) == (2 if kind == "trigger" else 1)
    await install.carry_out(zendesk, await install.removal(zendesk))
    assert await install.removal(zendesk) == ()
    assert await install.signing_secrets(zendesk) == ()


async def test_a_trigger_made_by_us_really_delivers_our_body(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    account.act("create", {"ticket": {"subject": "Sitter's dog", "comment": {"body": "bitten"}}})
    ((_, body),) = account.world.asked
    assert '"tsbridge": "2"' in body
    assert '"type": "ticket.created"' in body
    assert "{{" not in body


async def test_the_single_trigger_of_earlier_versions_is_shown_and_renewed(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    new, changed = sorted(account.world.store.triggers)
    del account.world.store.triggers[new]
    account.world.store.triggers[changed]["title"] = setup.FORMER
    steps = await install.planned(zendesk, ENDPOINT, "trigger")
    assert acts(steps) == [
        *[("keep", "webhook")] * 2,
        *[("create", "trigger")] * 2,
        ("remove", "trigger"),
    ]
    assert steps[-1].name == setup.FORMER
    await install.carry_out(zendesk, steps)
    assert sorted(one["title"] for one in account.world.store.triggers.values()) == sorted(setup.TITLES.values())
    assert {act for act, _ in acts(await install.planned(zendesk, ENDPOINT, "trigger"))} == {"keep"}


async def test_an_earlier_installation_is_taken_away_whole(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    next(iter(account.world.store.triggers.values()))["title"] = setup.FORMER
    await install.carry_out(zendesk, await install.removal(zendesk))
    assert account.world.store.triggers == account.world.store.webhooks == {}


async def test_a_body_in_another_order_is_mended(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    trigger = next(iter(account.world.store.triggers.values()))
    id_, body = trigger["actions"][0]["value"]
    trigger["actions"][0]["value"] = [id_, json.dumps(json.loads(body), sort_keys=True)]
    assert [step.differences for step in await install.planned(zendesk, ENDPOINT, "trigger")] == [(), (), ("actions",), ()]


async def test_what_somebody_changed_is_shown_and_mended(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    trigger, _ = account.world.store.triggers.values()
    trigger["active"] = False
    trigger["conditions"]["any"] = [{"field": "status", "operator": "is", "value": "open"}]
    webhook, _ = account.world.store.webhooks.values()
    webhook["endpoint"] = "https://elsewhere.test/"
    steps = await install.planned(zendesk, ENDPOINT, "trigger")
    assert [(step.act, step.differences) for step in steps] == [
        ("change", ("endpoint",)),
        ("keep", ()),
        ("change", ("active", "conditions")),
        ("keep", ()),
    ]
    await install.carry_out(zendesk, steps)
    assert {act for act, _ in acts(await install.planned(zendesk, ENDPOINT, "trigger"))} == {"keep"}


async def test_from_trigger_to_events_and_back(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    steps = await install.planned(zendesk, ENDPOINT, "events")
    assert acts(steps) == [("remove", "trigger"), ("remove", "trigger"), ("remove", "webhook"), ("replace", "webhook")]
    await install.carry_out(zendesk, steps)
    assert account.world.store.triggers == {}
    back = await install.planned(zendesk, ENDPOINT, "trigger")
    assert acts(back) == [("replace", "webhook"), ("create", "webhook"), ("create", "trigger"), ("create", "trigger")]
    await install.carry_out(zendesk, back)
    assert {act for act, _ in acts(await install.planned(zendesk, ENDPOINT, "trigger"))} == {"keep"}


async def test_what_others_made_is_never_touched(account: Zendesk, zendesk: ZendeskClient) -> None:
    other = await zendesk.ask("POST", "webhooks", {"webhook": {**setup.webhook("https://other.test/", "trigger"), "name": "tsbridge 2"}})
    await zendesk.ask("POST", "triggers", {"trigger": {**setup.trigger(str(other["webhook"]["id"]), "updated"), "title": "Tell others"}})
    for steps in (await install.planned(zendesk, ENDPOINT, "trigger"), await install.removal(zendesk)):
        await install.carry_out(zendesk, steps)
    await install.carry_out(zendesk, await install.removal(zendesk))
    assert [one["name"] for one in account.world.store.webhooks.values()] == ["tsbridge 2"]
    assert [one["title"] for one in account.world.store.triggers.values()] == ["Tell others"]


@pytest.mark.parametrize(
    ("granted", "lacks"),
    [
        ((), ()),
        (("read", "write"), ()),
        (("read",), ("tickets:write", "webhooks:write", "triggers:write")),
        (setup.GRANULAR, ()),
        (("tickets:read",), tuple(scope for scope in setup.GRANULAR if scope != "tickets:read")),
    ],
)
def test_scopes_that_a_token_lacks_are_named(granted: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    assert setup.lacking(granted) == lacks


async def test_subscriptions_of_events_hear_of_merged_users_too(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "events"))
    (made,) = account.world.store.webhooks.values()
    assert "zen:event-type:user.merged" in made["subscriptions"]


async def test_beside_the_triggers_merged_users_are_told_by_a_webhook_of_their_own(account: Zendesk, zendesk: ZendeskClient) -> None:
    await install.carry_out(zendesk, await install.planned(zendesk, ENDPOINT, "trigger"))
    called = {one["name"]: one["subscriptions"] for one in account.world.store.webhooks.values()}
    assert called == {
        setup.NAME: ["conditional_ticket_events"],
        setup.PEOPLE: [*setup.BESIDE],
    }
    triggers = account.world.store.triggers.values()
    (first, _) = account.world.store.webhooks.values()
    assert {str(trigger["actions"][0]["value"][0]) for trigger in triggers} == {str(first["id"])}


async def test_a_list_that_does_not_end_is_given_up() -> None:
    """Cursors that lead in a circle."""
    asked = 0

    def page(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(200, json={"triggers": [{"id": asked}], "meta": {"has_more": True, "after_cursor": "again"}})

    async def sleep(_: float) -> None:
        return

    client = ZendeskClient(Http("http://zendesk.test", sleep=sleep, transport=httpx.MockTransport(page)), AccessToken("token"))
    with pytest.raises(Malformed, match=r"^endless_list$"):
        await client.every("triggers.json", "triggers")
    assert asked == LIST_PAGES
    await client.close()
