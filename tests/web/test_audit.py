"""Reading the audit: every filter, every form, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.web import rows
from tsbridge.acts.audit_lines import CHANGE_COLUMNS, COLUMNS
from tsbridge.acts.csvtext import cell
from tsbridge.store import chain, decision_writer, sealing
from tsbridge.store.decision_writer import Retraction
from tsbridge.web.probes import seals_probe

pytestmark = pytest.mark.anyio


async def ids_of(room: Any, **params: Any) -> list[str]:
    answer = await room.client.get("/v1/audit/routing", params=params)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.fixture
async def three(room: Any, clock: Any) -> dict[str, str]:
    """Decisions about a ticket, another one a minute later, and a call two minutes later."""
    at = clock.now()

    def write(conn: Any) -> dict[str, str]:
        rows.case(conn, "case_000001", at, "1")
        one = rows.decision(conn, 1, at)
        two = rows.decision(
            conn,
            2,
            at + timedelta(minutes=1),
            rules=(("default", "routing"),),
            outcome={"severity": None, "queue": "intake", "tags_added": [], "assignee": {"id": "agent-7", "because": "named by a rule"}},
            rulebook_version=2,
        )
        more = {"source": "talkdesk", "interaction": "call-9", "channel": "voice", "case_id": "case_000001"}
        three = rows.decision(conn, 3, at + timedelta(minutes=2), rules=(("injury", "escalation"), ("to-safety", "routing")), **more)
        rows.case(conn, "case_000002", at, "2")
        rows.interaction(conn, "case_000001", "talkdesk", "call-9", at)
        rows.handle(conn, "call", "the-call-id", "talkdesk", "call-9", "name")
        rows.wish(conn, 1, at, confirmed_at=at + timedelta(seconds=3))
        return {"one": one, "two": two, "three": three}

    found: dict[str, str] = await room.desk.database.write(write)
    return found


async def test_decisions_come_newest_first_without_their_reasons(room: Any, three: dict[str, str]) -> None:
    answer = (await room.client.get("/v1/audit/routing")).json()
    assert [item["id"] for item in answer["items"]] == [three["three"], three["two"], three["one"]]
    item = answer["items"][2]
    assert item["interaction"] == {"source": "zendesk", "id": "1"}
    assert item["rules"] == [{"key": "injury", "kind": "escalation", "matched": True}]
    assert item["rulebook"]["version"] == 1
    assert item["rulebook"]["hash"].startswith("sha256:")
    assert item["writeback"]["status"] == "confirmed"
    assert item["previous_hash"]
    assert item["hash"]
    assert "near_misses" not in item
    by_case = answer["items"][0]["writeback"]
    assert by_case is not None
    assert by_case["id"] == "wb_000001", "a call's decision shows the wish of its case's ticket"


FILTERS: list[tuple[dict[str, str], list[str]]] = [
    ({"case": "case_000001"}, ["three", "one"]),
    ({"case": "case_of_zendesk_1"}, ["three", "one"]),
    ({"ticket": "2"}, ["two"]),
    ({"ticket": "1"}, ["three", "one"]),  # the call of its case as well
    ({"call": "call-9"}, ["three", "one"]),
    ({"call": "the-call-id"}, ["three", "one"]),
    ({"call": "1"}, []),
    ({"rule": "injury"}, ["three", "one"]),
    ({"rule": "injury", "kind": "routing"}, []),
    ({"kind": "routing"}, ["three", "two"]),
    ({"queue": "intake"}, ["two"]),
    ({"agent": "agent-7"}, ["two"]),
    ({"tag": "ts_injury"}, ["three", "one"]),
    ({"channel": "voice"}, ["three"]),
    ({"severity": "1"}, ["three", "one"]),
    ({"version": "2"}, ["two"]),
    ({"queue": "safety", "channel": "email"}, ["one"]),
    ({"rule": "nobody's"}, []),
    ({"q": "INJURY"}, ["three", "one"]),
    ({"q": "injury voice"}, ["three"]),
    ({"q": "somebody hurt"}, ["three", "one"]),  # the title of the rule
    ({"q": "intak"}, ["two"]),
    ({"q": "agent-7"}, ["two"]),
    ({"q": "injury nowhere"}, []),
    ({"q": "injury", "channel": "email"}, ["one"]),
    ({"q": "safety", "ticket": "1"}, ["three", "one"]),
]


async def test_each_filter_finds_what_it_names(room: Any, three: dict[str, str]) -> None:
    for params, expected in FILTERS:
        assert await ids_of(room, **params) == [three[name] for name in expected], params


async def test_from_is_inclusive_and_to_is_exclusive(room: Any, clock: Any, three: dict[str, str]) -> None:
    minute = (clock.now() + timedelta(minutes=1)).isoformat()
    assert await ids_of(room, **{"from": minute}) == [three["three"], three["two"]]
    assert await ids_of(room, to=minute) == [three["one"]]
    assert (await room.client.get("/v1/audit/routing", params={"from": minute, "to": clock.now().isoformat()})).status_code == 422


async def test_ndjson_and_csv_carry_everything_that_matches_as_the_list_has_it(room: Any, clock: Any, three: dict[str, str]) -> None:
    items = (await room.client.get("/v1/audit/routing")).json()["items"]
    lines = (await room.client.get("/v1/audit/routing", headers={"Accept": "application/x-ndjson"})).text.splitlines()
    assert [json.loads(line) for line in lines] == items
    answer = await room.client.get("/v1/audit/routing", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(table[0]) == COLUMNS
    for row, item in zip(table, items, strict=True):
        assert row["id"] == item["id"]
        assert (row["at"], row["recorded_at"], row["number"]) == (item["at"], item["recorded_at"], str(item["number"]))
        assert (row["source"], row["interaction"]) == (item["interaction"]["source"], item["interaction"]["id"])
        assert row["rules"] == " ".join(rule["key"] for rule in item["rules"])
        assert (row["assignee"], row["queue"]) == ((item["outcome"]["assignee"] or {}).get("id", ""), item["outcome"]["queue"])
        assert (row["writeback_status"], row["confirmed_at"]) == tuple(
            (item["writeback"] or {}).get(n) or "" for n in ("status", "confirmed_at")
        )
        assert row["hash"] == item["hash"]


FORMS = [
    ("*/*", "application/json"),
    ("text/*", "text/csv"),
    ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
    ("text/csv;q=0, */*", "application/json"),
    ("application/x-ndjson, application/json;q=0.9", "application/x-ndjson"),
]


async def test_the_form_that_the_caller_likes_best_is_sent(room: Any) -> None:
    for accept, form in FORMS:
        answer = await room.client.get("/v1/audit/routing", headers={"Accept": accept})
        assert answer.headers["Content-Type"].partition(";")[0] == form


async def test_a_form_that_we_do_not_have_is_406(room: Any) -> None:
    assert (await room.client.get("/v1/audit/routing", headers={"Accept": "application/pdf"})).status_code == 406


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", " =1+1", "\ufeff=1", "\u00a0-1"]
)
def test_no_cell_starts_a_formula(text: str) -> None:
    assert cell(text) == "'" + text


async def test_a_tag_that_looks_like_a_formula_is_plain_text_in_the_csv(room: Any, clock: Any) -> None:
    at = clock.now()
    await room.desk.database.write(lambda conn: rows.decision(conn, 1, at, outcome={"tags_added": ['=HYPERLINK("x")']}))
    answer = await room.client.get("/v1/audit/routing", headers={"Accept": "text/csv"})
    assert next(csv.DictReader(io.StringIO(answer.text)))["tags_added"] == '\'=HYPERLINK("x")'


async def test_until_it_is_sealed_a_decision_has_no_place_and_no_hash_and_is_listed_and_proven_all_the_same(room: Any, clock: Any) -> None:
    about = {"case_id": "case_1", "recorded_at": clock.now(), "salt": "salt"}

    def work(conn: Any) -> None:
        sealed = rows.decision(conn, 1, clock.now())
        decision_writer.retract_all(conn, [Retraction(sealed, "dec_new", **about)])

    await room.desk.database.write(work)
    path = "/v1/audit/routing/dec_new"
    unsealed, sealed = (await room.client.get("/v1/audit/routing")).json()["items"]
    assert [unsealed[name] for name in ("id", "seq", "sealed", "previous_hash", "hash")] == ["dec_new", None, False, None, None]
    assert (sealed["seq"], sealed["sealed"]) == (1, True)
    assert (await room.client.get(path)).json()["sealed"] is False
    assert (await room.client.get("/v1/audit/verify")).json()["unsealed"] == 1
    line = json.loads((await room.client.get("/v1/audit/routing", headers={"Accept": "application/x-ndjson"})).text.splitlines()[0])
    assert (line["id"], line["sealed"]) == ("dec_new", False)

    await room.desk.database.write(sealing.seal)
    (now, _) = (await room.client.get("/v1/audit/routing")).json()["items"]
    head = (await room.client.get("/v1/audit/head")).json()
    assert (now["sealed"], now["number"]) == (True, unsealed["number"])
    assert (now["seq"], now["hash"]) == (head["seq"], head["hash"])
    assert (await room.client.get(path)).json()["hash"] == now["hash"]
    assert (await room.client.get("/v1/audit/verify")).json()["unsealed"] == 0


async def test_decisions_that_wait_too_long_for_their_seal_make_it_degraded(room: Any, clock: Any) -> None:
    probe = seals_probe(room.desk.database, clock)

    def work(conn: Any) -> None:
        first = rows.decision(conn, 1, clock.now())
        decision_writer.retract_all(conn, [Retraction(first, "dec_new", "case_1", clock.now(), "salt")])

    await room.desk.database.write(work)
    assert not (await probe()).degraded
    clock.advance(61)
    assert (await probe()).degraded
    broken = (await room.client.get("/v1/audit/verify")).json()["broken"]
    assert {"seq": None, "id": "dec_new", "why": "it has waited to be sealed for more than 60 s"} in broken


async def test_the_chain_verifies_and_its_head_is_the_last_change(room: Any) -> None:
    await room.client.post("/v1/keys", json={"name": "a", "role": "viewer"})
    verdict = (await room.client.get("/v1/audit/verify")).json()
    head = (await room.client.get("/v1/audit/head")).json()
    assert head.pop("copied") == []
    assert verdict == {"ok": True, "entries": 1, "unsealed": 0, "head": head, "broken": []}
    change = (await room.client.get("/v1/audit/changes")).json()["items"][0]
    assert (change["seq"], change["hash"], change["actor"]) == (head["seq"], head["hash"], "admin")


async def test_changes_are_found_by_who_what_and_whereupon(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        for number, (actor, action, subject) in enumerate([("a", "key.create", "x"), ("b", "key.create", "y"), ("a", "key.revoke", "y")]):
            names = {"actor": actor, "action": action, "subject": subject}
            chain.add_change(conn, id=f"chg_{number}", at=at, before=None, after=None, salt="s", **names)

    await room.desk.database.write(write)
    for params, expected in (({"actor": "a"}, [2, 0]), ({"action": "key.create"}, [1, 0]), ({"subject": "y", "actor": "b"}, [1])):
        items = (await room.client.get("/v1/audit/changes", params=params)).json()["items"]
        assert [item["id"] for item in items] == [f"chg_{number}" for number in expected]


async def test_changes_come_as_a_table_too_each_with_what_it_was_before_and_after(room: Any, clock: Any) -> None:
    at = clock.now()

    def write(conn: Any) -> None:
        for number, hour in enumerate((0, 1, 2)):
            told = {"actor": "=Ana", "action": "key.revoke", "subject": "x", "before": {"role": "ops"}, "after": None, "salt": "s"}
            chain.add_change(conn, id=f"chg_{number}", at=at + timedelta(hours=hour), **told)

    await room.desk.database.write(write)
    since = {"from": (at + timedelta(hours=1)).isoformat(), "to": (at + timedelta(hours=2)).isoformat()}
    (item,) = (await room.client.get("/v1/audit/changes", params=since)).json()["items"]
    assert item["id"] == "chg_1"
    answer = await room.client.get("/v1/audit/changes", params=since, headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert tuple(row) == CHANGE_COLUMNS
    assert (row["actor"], row["before"], row["after"], row["at"]) == ("'=Ana", '{"role": "ops"}', "", item["at"])
    lines = (await room.client.get("/v1/audit/changes", params=since, headers={"Accept": "application/x-ndjson"})).text.splitlines()
    assert [json.loads(line) for line in lines] == [item]


async def test_a_decision_that_nobody_made_is_404(room: Any) -> None:
    assert (await room.client.get("/v1/audit/routing/dec_none")).status_code == 404
