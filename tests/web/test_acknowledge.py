"""The page behind a link: looking changes nothing, its button acknowledges as one person, and it says in plain words how things stand."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from prometheus_client import generate_latest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.web.conftest import Room
from tests.work.walk import Walk, ticket
from tsbridge.core.acklink import AckLink, sign
from tsbridge.core.moments import Interaction
from tsbridge.store import link_keys, links, proved_ways, rosters
from tsbridge.store.case_acceptance import Asked
from tsbridge.store.moment_tables import moments

pytestmark = pytest.mark.anyio

BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"safety": {}, "intake": {}},
    "policies": {
        "sev1": {
            "stops_when": {
                "any": [
                    {"field": "case.acknowledged", "operator": "is", "value": True},
                    {"field": "tags", "operator": "includes", "value": "false_alarm"},
                ]
            },
            "steps": [
                {"after": "0m", "actions": [{"add_tags": ["ts_sev1"]}, {"notify": "oncall"}]},
                {"after": "15m", "actions": [{"notify": "oncall"}]},
            ],
        }
    },
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "when": {"field": "text", "operator": "contains", "value": "bitten"},
            "then": [{"set_severity": 1}, {"set_category": "safety_incident"}, {"escalate": "sev1"}],
        },
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "safety"}]},
    ],
}
UNSTOPPED = {
    **BOOK,
    "policies": {"sev1": {"stops_when": BOOK["policies"]["sev1"]["stops_when"]["any"][1], "steps": BOOK["policies"]["sev1"]["steps"]}},
}
ROSTER = {
    "schema": 1,
    "timezone": "America/Los_Angeles",
    "agents": {
        "ana": {"name": "Ana <Silva>", "timezone": "Europe/Berlin", "queues": ["safety"]},
        "ben": {"name": "Ben Okoye", "queues": ["safety"]},
    },
    "ways": {"mail": {"kind": "smtp"}, "page": {"kind": "webhook"}},
}


@dataclass
class Linked:
    """Tickets that were judged, links to them, and a client without any key."""

    room: Room
    walk: Walk
    clock: SettableClock
    client: httpx.AsyncClient
    carried: dict[str, list[Asked]]

    async def hear(self, *ids: str) -> list[str]:
        """Cases of fresh severe tickets."""
        self.walk.tell(ticket("created", 0, id_, text="my dog was bitten", person=id_) for id_ in ids)
        await asyncio.to_thread(self.walk.work)
        return [self.case(id_) for id_ in ids]

    def case(self, id_: str) -> str:
        return str(self.walk.database.read_now(lambda conn: links.case_of(conn, Interaction("zendesk", id_))))

    def link(self, agent: str, about: str, kind: Any = "case", policy: str | None = "sev1") -> str:
        now = self.clock.now()

        def made(conn: Any) -> str:
            period, key = link_keys.signing(conn, now, self.room.desk.entropy)
            return sign(AckLink(kind, agent, "mail", about, policy, now), period, key)

        return "/a/" + self.walk.database.write_now(made)

    def acknowledgements(self) -> list[Any]:
        said = select(moments.c.body).where(moments.c.event == "case.acknowledged").order_by(moments.c.at)
        return self.walk.database.read_now(lambda conn: list(conn.execute(said).scalars()))


@pytest.fixture
async def linked(room: Room, clock: SettableClock) -> AsyncIterator[Linked]:
    walk = Walk(room.desk.database, clock, BOOK)
    walk.ids._first = "w"  # beside the room's own ids
    now = clock.now()
    walk.database.write_now(lambda conn: rosters.publish(conn, ROSTER, "sha256:x", "first", now, "test"))
    carried: dict[str, list[Asked]] = {}
    async with room.other(
        judging=walk.conclusions, carried=lambda conn, message: carried.get(message, []), zendesk_url="https://acme.zendesk.com"
    ) as client:
        client.headers.pop("authorization")
        yield Linked(room, walk, clock, client, carried)


async def test_looking_shows_the_case_and_changes_nothing_pressing_acknowledges_as_that_person(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    before = linked.walk.outcome()
    shown = await linked.client.get(link)
    assert shown.status_code == 200
    for words in (
        "Severity 1: safety_incident",
        case_id,
        "safety",
        "4711",
        "10:15 on Sunday 22 November (Europe/Berlin)",
        "Ana &lt;Silva&gt;",
    ):
        assert words in shown.text
    assert '<a href="https://acme.zendesk.com/agent/tickets/4711"' in shown.text
    head = await linked.client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    assert linked.walk.outcome() == before
    pressed = await linked.client.post(link)
    assert pressed.status_code == 200
    assert "You have it" in pressed.text
    assert "<button" not in pressed.text
    [said] = linked.acknowledgements()
    assert said["actor"][:2] == ["agent", "ana"]
    assert dict(said["facts"])["desk.way"] == "link"
    steps = linked.walk.outcome()["steps"]
    assert [status for _, status, _ in steps].count("armed") == 0


async def test_pressing_again_is_fine_and_looking_afterwards_says_who_has_it(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    first = await linked.client.post(link)
    linked.clock.advance(60)
    second = await linked.client.post(link)
    assert (first.status_code, second.status_code, second.text) == (200, 410, first.text)
    assert "You took it at 10:00 on Sunday 22 November (Europe/Berlin)" in second.text
    assert len(linked.acknowledgements()) == 1
    assert "You have it" in (await linked.client.get(link)).text


async def test_whoever_comes_second_is_told_who_was_first(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    anas, bens = linked.link("ana", case_id), linked.link("ben", case_id)
    await linked.client.post(bens)
    late = await linked.client.post(anas)
    assert late.status_code == 410
    assert "Ben Okoye has it" in late.text
    assert "Ben Okoye was first at 10:00" in late.text
    assert len(linked.acknowledgements()) == 1


async def test_two_who_press_at_once_agree_on_who_was_first(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    pages = await asyncio.gather(*(linked.client.post(linked.link(agent, case_id)) for agent in ("ana", "ben")))
    names = {re.search(r"<h1>(.*?)</h1>", page.text)[1] for page in pages}  # type: ignore[index]
    assert {page.status_code for page in pages} == {200}
    assert names in ({"You have it", "Ben Okoye has it"}, {"You have it", "Ana &lt;Silva&gt; has it"})


async def test_one_who_acknowledged_by_the_api_is_named_by_the_name_of_their_key(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    await linked.walk.desk.acknowledge(case_id, "night desk", None)
    assert "night desk has it" in (await linked.client.get(linked.link("ana", case_id))).text


@pytest.mark.parametrize("how", ["resolved", "stopped"])
async def test_once_it_is_over_the_link_says_so(linked: Linked, how: str) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    linked.clock.advance(60)
    if how == "resolved":
        await linked.walk.desk.resolve(case_id, "ben", None)
    else:
        linked.walk.tell([ticket("updated", 1, text="it was a toy", person="4711", tags="false_alarm")])
        await asyncio.to_thread(linked.walk.work)
    for answer in (await linked.client.get(link), await linked.client.post(link)):
        assert answer.status_code == 410
        assert "This is over" in answer.text
    assert linked.acknowledgements() == []


@pytest.mark.parametrize("kind", ["case", "group"])
async def test_once_somebody_has_it_the_escalation_is_over_and_so_is_the_link(linked: Linked, kind: str) -> None:
    [case_id] = await linked.hear("4711")
    linked.carried["ntf_1"] = [(case_id, "sev1", linked.clock.now())]
    link = linked.link("ana", case_id) if kind == "case" else linked.link("ana", "ntf_1", "group", None)
    assert (await linked.client.get(link)).status_code == 200
    await linked.walk.desk.acknowledge(case_id, "night desk", None)
    for answer in (await linked.client.get(link), await linked.client.post(link, data={"case": case_id})):
        assert answer.status_code == 410
        assert "night desk has it" in answer.text


async def test_while_steps_go_on_though_somebody_has_it_the_link_is_good(linked: Linked) -> None:
    linked.walk.publish(UNSTOPPED)
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    for _ in range(2):
        answer = await linked.client.post(link)
        assert (answer.status_code, "You have it" in answer.text) == (200, True)
    assert len(linked.acknowledgements()) == 1


async def test_after_the_last_step_the_link_is_still_good(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    linked.clock.advance(timedelta(hours=5))
    await asyncio.to_thread(linked.walk.work)
    assert "<button" in (await linked.client.get(link)).text
    assert "You have it" in (await linked.client.post(link)).text


async def test_the_link_of_somebody_who_left_the_team_is_over(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    answer = await linked.client.post(linked.link("eve", case_id))
    assert answer.status_code == 410
    assert linked.acknowledgements() == []


async def test_a_way_that_is_told_itself_has_a_link_as_well(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    assert (await linked.client.post(linked.link("page", case_id))).status_code == 200
    assert linked.acknowledgements()[0]["actor"][1] == "page"


async def test_an_altered_link_is_not_valid_and_says_so_in_words(linked: Linked) -> None:
    [case_id, other] = await linked.hear("4711", "4712")
    link, elsewhere = linked.link("ana", case_id), linked.link("ana", other)
    forged = elsewhere.rpartition(".")[0] + "." + link.rpartition(".")[2]
    for bad in (link[:-1], link + "A", link[:10] + "x" + link[11:], forged, "/a/x", "/a/" + "x" * 5_000, "/a/%00%ff", link + "%0a"):
        for answer in (await linked.client.get(bad), await linked.client.post(bad), await linked.client.head(bad)):
            assert answer.status_code == 404
        assert "This link is not valid" in (await linked.client.get(bad)).text
    assert linked.acknowledgements() == []


async def test_the_page_keeps_to_itself(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    for answer in (await linked.client.get(link), await linked.client.get("/a/x"), await linked.client.post(link)):
        headers = answer.headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script" not in policy
        assert "<script" not in answer.text
        assert not re.search(r'(?:src|href)="(?!data:,|https://acme\.zendesk\.com/|\?)', answer.text)


async def test_a_group_shows_all_its_cases_each_with_its_button(linked: Linked) -> None:
    numbers = [str(5_000 + n) for n in range(60)]
    found = await linked.hear(*numbers)
    now = linked.clock.now()
    linked.carried["ntf_1"] = [(case_id, "sev1", now) for case_id in found]
    link = linked.link("ana", "ntf_1", "group", None)
    first, second = await linked.client.get(link), await linked.client.get(link + "?from=50")
    assert "60 cases" in first.text
    assert 'href="?from=50"' in first.text
    named = re.findall(r'name="case" value="([^"]+)"', first.text + second.text)
    assert sorted(named) == sorted(found)
    pressed = await linked.client.post(link, data={"case": found[3]})
    assert pressed.status_code == 200
    assert "59 of 60 still open" in pressed.text
    assert "You have it" in pressed.text
    assert len(linked.acknowledgements()) == 1


async def test_of_a_group_the_only_case_still_open_needs_no_name(linked: Linked) -> None:
    found = await linked.hear("4711", "4712")
    now = linked.clock.now()
    linked.carried["ntf_1"] = [(case_id, "sev1", now) for case_id in found]
    link = linked.link("ana", "ntf_1", "group", None)
    which = await linked.client.post(link)
    assert (which.status_code, which.text.count("<button")) == (422, 2)
    assert linked.acknowledgements() == []
    await linked.client.post(link, data={"case": found[0]})
    last = await linked.client.post(link)
    assert (last.status_code, "0 of 2 still open" in last.text) == (200, True)
    assert len(linked.acknowledgements()) == 2


@pytest.mark.parametrize("body", [b"case=", b"case=case_nobodys", b"case=" + b"x" * 9_000, b"case=a&case=b"])
async def test_a_group_acknowledges_nothing_that_it_does_not_carry(linked: Linked, body: bytes) -> None:
    [mine, other] = await linked.hear("4711", "4712")
    linked.carried["ntf_1"] = [(mine, "sev1", linked.clock.now())]
    link = linked.link("ana", "ntf_1", "group", None)
    for sent in (body, f"case={other}".encode()):
        assert (await linked.client.post(link, content=sent)).status_code == 404
    assert linked.acknowledgements() == []


async def test_a_group_of_which_nothing_is_left_is_over(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    linked.carried["ntf_1"] = [(case_id, "sev1", linked.clock.now())]
    assert "<h1>1 case</h1>" in (await linked.client.get(linked.link("ana", "ntf_1", "group", None))).text
    await linked.walk.desk.resolve(case_id, "ben", None)
    for about in ("ntf_1", "ntf_other"):
        link = linked.link("ana", about, "group", None)
        for answer in (
            await linked.client.get(link),
            await linked.client.post(link),
            await linked.client.post(link, data={"case": case_id}),
        ):
            assert answer.status_code == (404 if about == "ntf_other" and answer.request.content else 410)


async def test_a_crawler_two_levels_deep_by_every_harmless_way_acknowledges_nothing(linked: Linked) -> None:
    found = await linked.hear(*(str(5_000 + n) for n in range(60)))
    linked.carried["ntf_1"] = [(case_id, "sev1", linked.clock.now()) for case_id in found]
    links_ = [linked.link("ana", "ntf_1", "group", None), linked.link("ana", found[0]), linked.link("ana", "mail", "proof", None)]
    before = linked.walk.outcome()
    seen: set[str] = set()
    todo = [(link, 0) for link in links_]
    while todo:
        address, depth = todo.pop()
        seen.add(address)
        for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch"}), ("GET", {"Purpose": "prefetch"})) * 2:
            answer = await linked.client.request(method, address, headers=headers)
            assert answer.status_code == 200
            for found_there in re.findall(r'(?:href|action|src)="([^"]+)"', answer.text):
                deeper = urljoin(f"http://bridge.test{address}", found_there)
                if deeper.startswith("http://bridge.test/") and depth < 2:
                    path = deeper.removeprefix("http://bridge.test")
                    todo += [(path, depth + 1)] if path not in seen else []
    assert len(seen) > len(links_)
    assert linked.walk.outcome() == before
    assert linked.acknowledgements() == []
    assert linked.walk.database.read_now(proved_ways.proofs) == {}


async def test_other_methods_are_refused(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert (await linked.client.request(method, linked.link("ana", case_id))).status_code == 405


async def test_what_mail_programs_add_to_an_address_is_nothing(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    assert (await linked.client.get(linked.link("ana", case_id) + "?utm_source=mail&from=%00&x")).status_code == 200


async def test_the_button_of_a_test_message_proves_the_way_once_it_is_pressed(linked: Linked) -> None:
    link = linked.link("ana", "mail", "proof", None)
    assert "Did the message arrive?" in (await linked.client.get(link)).text
    assert linked.walk.database.read_now(proved_ways.proofs) == {}
    assert "It arrived" in (await linked.client.post(link)).text
    assert linked.walk.database.read_now(proved_ways.proofs) == {("ana", "mail"): linked.clock.now()}
    linked.clock.advance(timedelta(days=8))
    late = await linked.client.post(link)
    assert (late.status_code, "This test is over" in late.text) == (410, True)


async def test_pressing_the_button_of_a_real_message_proves_its_way_too_also_as_the_second(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    await linked.client.post(linked.link("ben", case_id))
    await linked.client.post(linked.link("ana", case_id))
    assert sorted(linked.walk.database.read_now(proved_ways.proofs)) == [("ana", "mail"), ("ben", "mail")]


async def test_looks_and_presses_are_counted_without_naming_anybody(linked: Linked) -> None:
    [case_id] = await linked.hear("4711")
    link = linked.link("ana", case_id)
    await linked.client.get(link)
    await linked.client.post(link)
    await linked.client.get("/a/x")
    text = generate_latest(linked.room.desk.counters.registry).decode()
    assert 'tsbridge_links_total{act="look",outcome="shown"} 1.0' in text
    assert 'tsbridge_links_total{act="press",outcome="acknowledged"} 1.0' in text
    assert 'tsbridge_links_total{act="look",outcome="unknown"} 1.0' in text
    assert link.rpartition(".")[2] not in text
    assert 'route="/a/{token}"' in text


async def test_without_a_roster_people_go_by_their_key(room: Room, clock: SettableClock) -> None:
    walk = Walk(room.desk.database, clock, copy.deepcopy(BOOK))
    walk.ids._first = "w"
    async with room.other(judging=walk.conclusions) as client:
        linked = Linked(room, walk, clock, client, {})
        [case_id] = await linked.hear("4711")
        shown = await client.get(linked.link("ana", case_id))
    assert "As ana." in shown.text
    assert "09:15 on Sunday 22 November (UTC)" in shown.text
