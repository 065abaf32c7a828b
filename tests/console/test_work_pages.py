"""What got stuck and what is written: events, write-back, keys and health, each for whom the API lets see it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from tests.console.conftest import NOW, signed_in, visiting
from tests.web import rows
from tsbridge.store import decision_tables, inbox_tables
from tsbridge.store.change_log import WORDS_READ
from tsbridge.store.db import Database

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "role"), [("events", "ops"), ("events/evt_000001", "ops"), ("writeback", "supervisor"), ("keys.csv", "admin")]
)
async def test_only_whom_the_api_lets_see_it_sees_it(filled: Database, path: str, role: str) -> None:
    below = {"ops": "supervisor", "supervisor": "viewer", "admin": "ops"}[role]
    async with visiting(filled, below) as visitor:
        assert (await visitor.look(path)).status_code == 403
        assert f'href="/console/{path.partition("/")[0]}"' not in (await visitor.look("keys")).text
    async with visiting(filled, role) as visitor:
        assert (await visitor.look(path)).status_code == 200


async def test_what_got_stuck_is_tried_again_from_the_list_it_stands_in(filled: Database) -> None:
    filled.write_now(lambda conn: rows.event(conn, 90, NOW, status="quarantined", reason="unreadable") and None)
    async with visiting(filled, "ops") as visitor:
        page = (await visitor.look("events?status=quarantined")).text
        assert "unreadable" in page
        answer = await visitor.send("events/evt_000090/retry", back="/events?status=quarantined")
        assert answer.headers["location"] == "/console/events?status=quarantined"
        assert (
            filled.read_now(
                lambda conn: conn.execute(select(inbox_tables.inbox.c.status).where(inbox_tables.inbox.c.id == "evt_000090")).scalar()
            )
            == "pending"
        )
        assert (await visitor.send("events/evt_000090/retry")).status_code == 409


async def test_a_form_leads_back_into_the_console_only(filled: Database) -> None:
    filled.write_now(lambda conn: rows.event(conn, 91, NOW, status="dead") and None)
    async with visiting(filled, "ops") as visitor:
        answer = await visitor.send("events/evt_000091/retry", back="//evil.test/")
        assert answer.headers["location"] == "/console/events?done=1"


async def test_bytes_about_a_severe_case_are_not_sent_until_asked_for(filled: Database) -> None:
    async with visiting(filled, "ops") as visitor:
        assert "&#34;number&#34;" not in (await visitor.look("events/evt_000001")).text
        assert "&#34;number&#34;" in (await visitor.look("events/evt_000003")).text
        assert "&#34;number&#34;" in (await visitor.send("events/evt_000001/words")).text
        changes = decision_tables.changes.c
        query = select(changes.actor).where(changes.action == WORDS_READ, changes.subject == "case_000001")
        assert "ops" in filled.read_now(lambda conn: list(conn.execute(query).scalars()))


async def test_the_kill_switch_is_one_press_and_says_so_everywhere(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        assert (await visitor.send("writeback/mode", mode="stopped")).status_code == 422
        await visitor.send("writeback/mode", mode="paused")
        assert ">paused</span>" in (await visitor.look("writeback")).text
        assert "Write-back is paused" in (await visitor.look("now")).text
        await visitor.send("writeback/mode", mode="live")
        assert "Write-back is paused" not in (await visitor.look("now")).text


async def test_one_rule_is_paused_by_ops_and_goes_on(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        assert (await visitor.send("writeback/rules", rule="injury", paused="yes")).status_code == 403
    async with visiting(filled, "ops") as visitor:
        assert (await visitor.send("writeback/rules", rule="nothing", paused="yes")).status_code == 404
        await visitor.send("writeback/rules", rule="injury", paused="yes")
        assert "injury is paused" in (await visitor.look("writeback")).text
        await visitor.send("writeback/rules", rule="injury", paused="no")
        assert "injury is paused" not in (await visitor.look("writeback")).text


async def test_a_wish_says_what_it_is_made_of_and_is_tried_at_once(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        page = (await visitor.look("writeback/wb_004711")).text
        assert "tag:ts_injury" in page
        assert (await visitor.send("writeback/wb_004711/retry")).status_code == 409  # it is confirmed
        listed = (await visitor.look("writeback?status=confirmed&ticket=4711")).text
        assert "wb_004711" in listed
        assert (await visitor.look("writeback?status=other")).status_code == 422


async def test_an_admin_makes_a_key_that_is_shown_once_and_revokes_it(filled: Database) -> None:
    async with visiting(filled, "admin") as admin, visiting(filled, None) as other:
        page = (await admin.send("keys", name="Ben", role="supervisor", until="2027-01-31")).text
        shown = re.search(r"tsb_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{43}", page)
        assert shown is not None
        assert shown[0] not in (await admin.look("keys")).text
        await signed_in(other, shown[0])
        assert (await other.look("writeback")).status_code == 200
        await admin.send(f"keys/{shown[0].split('_')[1]}/revoke")
        assert (await other.look("writeback")).status_code == 303
        assert (await admin.send("keys", name="Ben", role="king")).status_code == 422
        assert (await admin.send("keys", name="Ben", role="viewer", until="2020-01-01")).status_code == 422
        assert (await admin.send("keys/nobody00/revoke")).status_code == 404
