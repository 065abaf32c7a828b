"""What people wrote in a restricted case is for supervisors and for whoever has it: every route and every page is walked, as everybody."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import update

from tests.clocks import SettableClock
from tests.console.conftest import Visitor, visiting
from tests.web import rows
from tests.web.conftest import BOOK, Room, staff
from tests.web.test_explained import CASE, TICKET, judged
from tsbridge.acts.words import AGAIN
from tsbridge.console.app import PAGES, TABLES
from tsbridge.core.casestate import CaseState
from tsbridge.core.helpdesk import Wish
from tsbridge.core.helpdesk_json import wish_json
from tsbridge.core.moments import Actor, Change, Handle, Moment, Text
from tsbridge.core.rules.document import read
from tsbridge.store import case_tables, cases, moment_tables, notice_tables, rulebooks
from tsbridge.web.openapi import describe

pytestmark = pytest.mark.anyio

RESTRICTED: Final = frozenset({"injury"})
PLANTED: Final = ("zenobia", "zcanary@planted.example", "+14155550142", "4111111111111111", "canarybitten", "9 canary lane")
"""A name, an address of each kind, a number of a card, words; as `told` finds them whatever their case."""


def told(text: str) -> set[str]:
    """What of it is planted."""
    lower = text.lower()
    return {one for one in PLANTED if one in lower or one.replace("+", "%2b").replace("@", "%40") in lower}


BOOK_NOW: Final[dict[str, Any]] = {
    **copy.deepcopy(BOOK),
    "rules": [
        {
            "key": "hurt",
            "kind": "escalation",
            "title": "Somebody is hurt",
            "when": {
                "all": [
                    {"field": "text", "operator": "matches", "value": "(?i)canary[a-z]+"},
                    {"field": "requester.email", "operator": "present"},
                    {"field": "subject", "operator": "matches", "value": "(?i)zen[a-z]+"},
                ]
            },
            "then": [{"set_severity": 3}, {"set_category": "injury"}, {"add_tags": ["ts_injury"]}],
        },
        {
            "key": "nearly",
            "kind": "escalation",
            "when": {"all": [{"field": "text", "operator": "contains", "value": "no such word"}]},
            "then": [{"set_severity": 2}],
        },
        {"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]},
    ],
    "tests": [],
}


async def plant(room: Room) -> dict[str, str]:
    """A restricted case with everything planted wherever words stand. What is in the paths of the API, by name."""
    name, email, phone, card, words, street = "Zenobia", PLANTED[1], PLANTED[2], PLANTED[3], PLANTED[4], "9 Canary Lane"
    at = room.desk.clock.now()
    await room.desk.database.write(lambda conn: rulebooks.publish(conn, BOOK_NOW, read(BOOK_NOW).hash, "two", at, "system"))
    moment = Moment(
        "zendesk",
        TICKET.id,
        "ticket.created",
        at,
        facts=(
            ("channel", "email"),
            ("requester.email", email),
            ("requester.name", name),
            ("subject", f"{name} {words}"),
            ("ticket.custom.7", card),
            ("ticket.status", "new"),
        ),
        changes=(Change("subject", "nothing", f"{name} {words}"),),
        texts=(Text("subject", f"{name} {words}"), Text("description", f"{words} {name} {email} {phone} {card} {street}")),
        names=(Handle("call", "abc"),),
        people=(Handle("email", email), Handle("phone", phone)),
        actor=Actor("requester", "41", email),
    )
    decision_id = await judged(room, BOOK_NOW, moment, version=2)
    said = f"{name}: {words}, {card}, {street}, {email}, {phone}"

    def write(conn: Any) -> None:
        state = cases.state(conn, CASE)
        assert isinstance(state, CaseState)
        assert state.category == "injury"
        rows.event(conn, 1, at, id="evt_1", body=said.encode())
        rows.wish(conn, 4711, at, case_id=CASE, wish=wish_json(Wish(tags=(("ts_injury", "1"),), notes=(("hurt#1", said),))))
        rows.escalation(conn, 1, at, case_id=CASE, severity=3, category="injury", source="zendesk", interaction="4711", open=True)
        rows.telling(conn, 1, at)
        conn.execute(update(notice_tables.notifications).values(case_id=CASE))
        wrong = rows.moment(conn, 2, at, "4711", texts=(("description", said),))
        out = update(moment_tables.moments).where(moment_tables.moments.c.digest == wrong)
        conn.execute(out.values(withdrawn_at=at, withdrawn_by="sue", withdrawn_because=said))

    await room.desk.database.write(write)
    by = room.desk.entry("sue")
    await room.desk.database.write(lambda conn: by.change(conn, "case.note", CASE, None, {"note": said}))
    return {
        "case_id": CASE,
        "decision_id": decision_id,
        "event_id": "evt_1",
        "writeback_id": "wb_004711",
        "notification_id": "nfy_000001",
        "escalation_id": "esc_000001",
        "version": "1",
        "name": "volumes",
        "part": "agents",
        "trigger": "call.missed",
        "replay_id": "rpl_1",
        "rejudge_id": "rej_1",
        "override_id": "ovr_1",
        "erasure_id": "era_1",
        "token": "none.ics",
        "key": "intake",
    }


QUERIES: Final[Mapping[str, str]] = {
    "/v1/rulebook/versions/diff": "from=1&to=2",
    "/v1/roster/versions/diff": "from=1&to=1",
    "/v1/reports/pack": "week=2026-W47",
    "/v1/reports/{name}": "group_by=category",
    "/v1/audit/as-of": f"case={CASE}",
    "/v1/sources/zendesk/trigger-body": "event=created",
}
"""Of the paths that need one, or that say more with one."""
NOT_THERE: Final = {"/v1/roster/{part}/{key}", "/v1/overrides/{override_id}", "/f/{token}"}
"""Of a desk without overrides, and with queues that the roster does not name."""


async def walked(room: Room, client: httpx.AsyncClient, paths: Mapping[str, str]) -> dict[tuple[str, str], tuple[int, set[str]]]:
    """Every GET of the description in every form it has: the status, and what of it is planted."""
    found = {}
    for path, item in describe(room.app)["paths"].items():
        if "get" not in item:
            continue
        names = [one["name"] for one in item["get"].get("parameters", ()) if one["in"] == "path"]
        address = path.format(**{name: paths[name] for name in names})
        forms = list(item["get"]["responses"].get("200", {}).get("content", {})) or ["*/*"]
        for form in forms:
            answer = await client.get(f"{address}?{QUERIES.get(path, '')}", headers={"Accept": form})
            text = answer.text + "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
            found[path, form] = (answer.status_code, told(text + unzipped(answer.content)))
    return found


def unzipped(content: bytes) -> str:
    """The text inside a workbook."""
    if not content.startswith(b"PK"):
        return ""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


@asynccontextmanager
async def asking(
    room: Room, role: str, restricted: frozenset[str] = RESTRICTED, name: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    async with room.other(restricted=restricted) as client:
        client.headers.update(await room.key(role, **({} if name is None else {"name": name})))
        yield client


BELONGS: Final = {"/v1/cases/{case_id}/timeline", "/v1/cases/{case_id}/explain", "/v1/audit/routing/{decision_id}"}
"""What viewers may ask for, where the words of a case belong."""
BELONGS_SUPERVISOR: Final = BELONGS | {"/v1/audit/changes", "/v1/audit/cases/{case_id}", "/v1/writebacks/{writeback_id}"}
BELONGS_OPS: Final = BELONGS_SUPERVISOR | {"/v1/events/{event_id}"}


async def test_no_route_tells_a_viewer_what_was_said_in_a_restricted_case(room: Room) -> None:
    await staff(room)
    paths = await plant(room)
    async with asking(room, "viewer") as client:
        found = await walked(room, client, paths)
    assert {place: leaked for place, (_, leaked) in found.items() if leaked} == {}
    assert {path for (path, _), (status, _) in found.items() if status not in (200, 403)} == NOT_THERE
    assert {path for (path, _), (status, _) in found.items() if status == 200} >= BELONGS


@pytest.mark.parametrize(
    ("role", "restricted", "belongs"),
    [
        ("viewer", frozenset({"another"}), BELONGS),
        ("supervisor", RESTRICTED, BELONGS_SUPERVISOR),
        ("ops", RESTRICTED, BELONGS_OPS),
    ],
)
async def test_who_may_read_them_finds_them_where_they_belong(room: Room, role: str, restricted: frozenset[str], belongs: set[str]) -> None:
    paths = await plant(room)
    async with asking(room, role, restricted) as client:
        for path in BELONGS_OPS:
            answer = await client.get(path.format(**paths))
            assert ("canarybitten" in told(answer.text)) is (path in belongs), path


async def test_whoever_has_the_case_reads_it_by_a_key_that_is_called_as_the_roster_calls_them(room: Room) -> None:
    await staff(room)
    paths = await plant(room)
    await room.desk.database.write(lambda conn: conn.execute(update(case_tables.cases).values(assignee="41000000008")))
    for name, theirs in (("ben", True), ("ana", False), ("41000000008", False)):
        async with asking(room, "viewer", name=name) as client:
            for path in BELONGS:
                answer = (await client.get(path.format(**paths))).text
                assert ("canarybitten" in told(answer)) is theirs, (path, name)
                assert ('"withheld":true' in answer) is not theirs, (path, name)


async def test_what_is_withheld_is_null_and_says_so_and_the_rest_stands(room: Room) -> None:
    paths = await plant(room)
    async with asking(room, "viewer") as client:
        items = (await client.get(f"/v1/cases/{CASE}/timeline")).json()["items"]
        decision = (await client.get(f"/v1/audit/routing/{paths['decision_id']}")).json()
        case = (await client.get(f"/v1/cases/{CASE}")).json()
    moments = [one for one in items if one["kind"] == "moment"]
    for moment in moments:
        assert [moment[name] for name in ("texts", "facts", "changes", "names", "withheld")] == [*[None] * 4, True]
        assert (moment["event"], moment["actor"]["kind"], moment["actor"]["email"]) == ("ticket.created", "requester", None)
    assert [(out["by"], out["reason"]) for one in moments if (out := one["withdrawn"])] == [("sue", None)]
    assert {entry["kind"] for entry in items} == {"moment", "change", "decision", "escalation", "notification"}
    assert (case["category"], case["severity"], case["tags"]) == ("injury", 3, ["ts_injury"])
    assert decision["withheld"] is True
    assert [rule["key"] for rule in decision["rules"]] == ["hurt", "default"]
    assert decision["rules"][0]["because"][0] == {
        "field": "text",
        "operator": "matches",
        "expected": "(?i)canary[a-z]+",
        "actual": None,
        "outcome": True,
        "withheld": True,
    }
    assert decision["near_misses"][0]["missing"][0]["actual"] is None
    assert (decision["in_words"], decision["outcome"]["category"]) == ([], "injury")


async def test_a_case_is_restricted_by_whatever_belongs_to_it_and_a_decision_by_what_it_was_about(room: Room) -> None:
    paths = await plant(room)

    def shown_by_another(conn: Any) -> None:
        conn.execute(update(case_tables.cases).values(category="lost", severity=1))

    await room.desk.database.write(shown_by_another)
    async with asking(room, "viewer") as client:
        for path in BELONGS:
            assert told((await client.get(path.format(**paths))).text) == set(), path


async def test_a_look_at_a_restricted_case_is_on_record_and_at_what_is_withheld_is_none(room: Room) -> None:
    paths = await plant(room)
    for role in ("viewer", "supervisor", "ops"):
        async with asking(room, role) as client:
            for path in BELONGS:
                await client.get(path.format(**paths))
    looks = (await room.client.get("/v1/audit/changes", params={"action": "case.words_read"})).json()["items"]
    assert [(one["actor"], one["subject"]) for one in looks] == [("ops", CASE), ("supervisor", CASE)]


WAYS: Final[Mapping[str, tuple[str, str, dict[str, str]]]] = {
    "timeline": ("GET", "/v1/cases/{case_id}/timeline", {}),
    "explanation": ("GET", "/v1/cases/{case_id}/explain", {}),
    "decision": ("GET", "/v1/audit/routing/{decision_id}", {}),
    "history": ("GET", "/v1/audit/cases/{case_id}", {}),
    "delivery": ("GET", "/v1/events/{event_id}", {}),
    "wish": ("GET", "/v1/writebacks/{writeback_id}", {}),
    "trial": ("POST", "/v1/rulebook/try", {"decision_id": "{decision_id}"}),
}
"""Every way to words of one case, by what is put on record of whoever goes it."""


def test_every_way_on_which_words_belong_is_put_on_record() -> None:
    assert {path for method, path, _ in WAYS.values() if method == "GET"} == BELONGS_OPS - {"/v1/audit/changes"}


async def test_each_look_is_on_record_and_found_by_who_when_and_case(room: Room, clock: SettableClock) -> None:
    paths = await plant(room)
    async with asking(room, "ops") as client:
        for what, (method, path, body) in WAYS.items():
            clock.advance(AGAIN)
            for _ in range(2):
                asked = {name: one.format(**paths) for name, one in body.items()}
                answer = await client.request(method, path.format(**paths), json=asked)
                assert answer.status_code == 200, what
                assert told(answer.text) >= {"canarybitten"}, what
            at, found = clock.now(), ("ops", CASE, what)
            then = {"from": at.isoformat(), "to": (at + timedelta(seconds=1)).isoformat()}
            assert await looks(room, **then) == [found]
            assert (await looks(room, actor="ops"))[0] == found
            assert (await looks(room, subject=CASE))[0] == found
            assert await looks(room, **then, actor="ana") == []
            assert await looks(room, **then, subject="case_2") == []


async def looks(room: Room, **asked: str) -> list[tuple[str, str, str]]:
    """Who read which case in which view, the newest first."""
    items = (await room.client.get("/v1/audit/changes", params={"action": "case.words_read", **asked})).json()["items"]
    return [(one["actor"], one["subject"], one["after"]["what"]) for one in items]


async def test_a_delivery_that_only_rang_for_a_ticket_is_about_its_case(room: Room) -> None:
    await plant(room)
    at = room.desk.clock.now()
    await room.desk.database.write(lambda conn: rows.event(conn, 9, at, rang_for="4711", body=b"canarybitten") and None)
    async with asking(room, "ops") as client:
        await client.get("/v1/events/evt_000009")
    looks = (await room.client.get("/v1/audit/changes", params={"action": "case.words_read"})).json()["items"]
    assert [(one["subject"], one["after"]["what"]) for one in looks] == [(CASE, "delivery")]
    async with visiting(room.desk.database, "ops", restricted=RESTRICTED) as visitor:
        assert told((await visitor.look("events/evt_000009")).text) == set()
        assert told((await visitor.send("events/evt_000009/words")).text) == {"canarybitten"}


async def test_a_delivery_of_which_no_case_is_known_may_be_about_any(room: Room) -> None:
    at = room.desk.clock.now()
    await room.desk.database.write(lambda conn: rows.event(conn, 9, at, status="quarantined", body=b"canarybitten") and None)
    async with asking(room, "ops") as client:
        for _ in range(2):
            assert told((await client.get("/v1/events/evt_000009")).text) == {"canarybitten"}
    assert await looks(room) == [("ops", "evt_000009", "delivery")]
    async with visiting(room.desk.database, "ops") as visitor:
        assert told((await visitor.look("events/evt_000009")).text) == set()
        assert told((await visitor.send("events/evt_000009/words")).text) == {"canarybitten"}
    assert (await looks(room))[0] == ("ops", "evt_000009", "words")


async def test_a_list_of_steps_tells_no_subject_of_a_severe_or_restricted_case(room: Room) -> None:
    await plant(room)
    async with asking(room, "supervisor") as client:
        (step,) = (await client.get("/v1/escalations")).json()["items"]
    assert (step["subject"], step["withheld"]) == (None, True)
    async with asking(room, "viewer", frozenset()) as client:
        (step,) = (await client.get("/v1/escalations")).json()["items"]
    assert (step["subject"], step["withheld"]) == ("Zenobia canarybitten", False)


async def test_nobody_finds_a_case_by_what_was_said_in_it(room: Room) -> None:
    paths = await plant(room)
    found = [(await room.client.get("/v1/audit/routing", params={"q": q})).json()["items"] for q in ("canarybitten", "zenobia", "hurt")]
    assert [[one["id"] for one in items] for items in found] == [[], [], [paths["decision_id"]]]


CONSOLE_PATHS: Final = {"name": "volumes", "key": "hurt", "number": "1"}


async def pages(visitor: Visitor, paths: Mapping[str, str]) -> dict[str, tuple[int, set[str]]]:
    """Every page and every table of the console: the status, and what of it is planted."""
    ids = {"/cases": paths["case_id"], "/audit": paths["decision_id"], "/writeback": paths["writeback_id"], "/events": paths["event_id"]}
    wanted = [path for path, _, _ in PAGES] + [f"{path}.{form}" for path, _, _ in TABLES for form in ("json", "csv", "xlsx")]
    found = {}
    for path in [*wanted, "/search?q=4711", "/audit?q=hurt", "/audit/changes?action=case.note"]:
        root = path.partition("/{")[0]
        answer = await visitor.look(path[1:].format(**CONSOLE_PATHS, id=ids.get(root, "none")))
        found[path] = (answer.status_code, told(answer.text.partition("<main")[2] or answer.text) | told(unzipped(answer.content)))
    return found


async def test_no_page_tells_a_viewer_what_was_said_in_a_restricted_case(room: Room) -> None:
    await staff(room)
    paths = await plant(room)
    async with visiting(room.desk.database, "viewer", restricted=RESTRICTED) as visitor:
        found = await pages(visitor, paths)
        assert {place: leaked for place, (_, leaked) in found.items() if leaked} == {}
        assert {path for path, (status, _) in found.items() if status not in (200, 303, 403)} == set()
        assert (await visitor.send(f"cases/{CASE}/words")).status_code == 403
    async with visiting(room.desk.database, "viewer", restricted=frozenset({"another"})) as visitor:
        found = await pages(visitor, paths)
        assert {path for path, (_, leaked) in found.items() if leaked} == {"/cases/{id}", "/audit/{id}", "/now"}


async def test_pages_tell_those_who_may_when_they_ask(room: Room) -> None:
    await staff(room)
    paths = await plant(room)
    async with visiting(room.desk.database, "ops", restricted=RESTRICTED) as visitor:
        found = await pages(visitor, paths)
        assert {path for path, (_, leaked) in found.items() if leaked} == {
            "/audit/changes",
            "/audit/changes.json",
            "/audit/changes.csv",
            "/audit/changes.xlsx",
            "/audit/changes?action=case.note",
        }
        assert told((await visitor.send(f"cases/{CASE}/words")).text) >= {"canarybitten"}
        assert told((await visitor.send("events/evt_1/words")).text) >= {"canarybitten"}
