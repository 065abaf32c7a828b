"""Signing in to the console: who gets in, for how long, and what browsers are told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.console.conftest import NOW, hidden, minted, signed_in, visiting
from tests.web.conftest import ADMIN
from tsbridge.acts.security import Security
from tsbridge.acts.sessions import LASTS
from tsbridge.store import keys, service_tables, sessions
from tsbridge.store.db import Database
from tsbridge.web.auth import PER_ADDRESS, Gate

pytestmark = pytest.mark.anyio


async def test_a_stranger_is_asked_for_a_key_and_led_back_where_they_wanted_to_go(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        answer = await stranger.look("cases?severity=1")
        assert answer.status_code == 303
        page = await stranger.client.get(answer.headers["location"])
        assert 'value="/console/cases?severity=1"' in page.text
        done = await stranger.client.post(
            "/console/sign-in", data={"csrf": hidden(page.text), "key": ADMIN, "next": "/console/cases?severity=1"}
        )
        assert done.headers["location"] == "/console/cases?severity=1"
        assert (await stranger.look("cases")).status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/console/../v1", "/console//evil.test", "/console/\\evil", "/v1/cases"]
)
async def test_nobody_is_led_elsewhere(filled: Database, target: str) -> None:
    async with visiting(filled, None) as stranger:
        answer = await signed_in(stranger, ADMIN, target)
        assert answer.headers["location"] == "/console/now"


async def test_signing_in_and_being_refused_is_counted(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        found: Counter[str] = Counter()
        stranger.console.gate.security = Security(stranger.console.clock, lambda kind: found.update([kind]))  # type: ignore[misc]
        await signed_in(stranger, "wrong")
        await signed_in(stranger, await minted(stranger.console, "viewer"))
        await stranger.look("events")
        await stranger.client.post("/console/sign-out", data={"csrf": "of another session"})
        assert found == {"sign_in_refused": 1, "signed_in": 1, "role_refused": 1, "form_refused": 1}


async def test_the_cookie_is_for_this_site_and_no_script_and_kept_as_a_hash(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        cookie = (await signed_in(stranger, ADMIN)).headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        token = stranger.client.cookies["tsbridge"]
        kept = filled.read_now(lambda conn: [str(dict(row)) for row in conn.execute(select(service_tables.sessions)).mappings()])
        assert kept
        assert not any(token in row for row in kept)


async def test_over_https_the_cookie_never_travels_without_it(filled: Database) -> None:
    async with visiting(filled, None, secure=True) as stranger:
        cookie = (await signed_in(stranger, ADMIN)).headers["set-cookie"]
        assert cookie.startswith("__Host-tsbridge=")
        assert "; secure" in cookie.lower()


async def test_a_wrong_key_gets_nobody_in_and_guessing_is_slowed_down(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        answers = [(await signed_in(stranger, "tsb_nobody00_" + "x" * 43)).status_code for _ in range(PER_ADDRESS + 1)]
        assert answers == [401] * PER_ADDRESS + [429]
        assert (await stranger.look("now")).status_code == 303


@pytest.mark.parametrize("key", ["", " ", "x" * 513, "a\x00b"])
async def test_what_is_no_key_is_refused_without_being_repeated(filled: Database, key: str) -> None:
    async with visiting(filled, None) as stranger:
        answer = await signed_in(stranger, key)
        assert answer.status_code == 422
        assert key.strip() == "" or key not in answer.text


async def test_the_form_has_to_be_ours(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        assert (await stranger.client.post("/console/sign-in", data={"key": ADMIN})).status_code == 403
        await stranger.look("sign-in")
        assert (await stranger.client.post("/console/sign-in", data={"key": ADMIN, "csrf": "0" * 64})).status_code == 403
        from_elsewhere = await stranger.client.post("/console/sign-in", data={"key": ADMIN}, headers={"Sec-Fetch-Site": "cross-site"})
        assert from_elsewhere.status_code == 403


async def test_a_session_ends_with_its_time(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        assert isinstance(visitor.console.clock, SettableClock)
        for hours in range(12):
            visitor.console.clock.set(NOW + timedelta(hours=hours))
            assert (await visitor.look("search")).status_code == 200
        visitor.console.clock.set(NOW + LASTS - timedelta(seconds=1))
        assert (await visitor.look("search")).status_code == 200
        visitor.console.clock.set(NOW + LASTS)
        assert (await visitor.look("search")).status_code == 303


async def test_a_session_that_nobody_uses_ends(filled: Database) -> None:
    async with visiting(filled, "viewer", idle=timedelta(minutes=30)) as visitor:
        clock = visitor.console.clock
        assert isinstance(clock, SettableClock)
        clock.set(NOW + timedelta(minutes=29))
        assert (await visitor.look("search")).status_code == 200
        clock.set(NOW + timedelta(minutes=58))
        assert (await visitor.look("search")).status_code == 200
        clock.set(NOW + timedelta(minutes=88))
        assert (await visitor.look("search")).status_code == 303


async def test_a_page_that_stays_fresh_by_itself_is_nobody_who_is_there(filled: Database) -> None:
    async with visiting(filled, "viewer", idle=timedelta(minutes=30)) as visitor:
        clock = visitor.console.clock
        assert isinstance(clock, SettableClock)
        for minutes in range(0, 30, 5):
            clock.set(NOW + timedelta(minutes=minutes))
            assert (await visitor.look("now", headers={"X-Refresh": "1"})).status_code == 200
        clock.set(NOW + timedelta(minutes=30))
        assert (await visitor.look("now", headers={"X-Refresh": "1"})).status_code == 303


async def test_a_session_ends_with_its_key(filled: Database) -> None:
    async with visiting(filled, None) as visitor:
        text = await minted(visitor.console, "viewer")
        await signed_in(visitor, text)
        assert (await visitor.look("search")).status_code == 200
        key_id = text.split("_")[1]
        filled.write_now(lambda conn: keys.revoke(conn, key_id, NOW))
        assert (await visitor.look("search")).status_code == 303


async def test_a_session_ends_when_the_admin_key_is_another(filled: Database) -> None:
    async with visiting(filled, "admin") as visitor:
        token = visitor.client.cookies["tsbridge"]
        gate = Gate(filled, visitor.console.clock, visitor.console.entropy, "another-admin-key-of-today")
        async with visiting(filled, None, gate=gate) as later:
            assert (await later.look("search", headers={"Cookie": f"tsbridge={token}"})).status_code == 303
            assert (await visitor.look("search")).status_code == 200


async def test_signing_out_ends_the_session_and_not_only_the_cookie(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        token = visitor.client.cookies["tsbridge"]
        assert (await visitor.send("sign-out")).headers["location"] == "/console/sign-in"
        assert filled.read_now(lambda conn: sessions.find(conn, token, NOW, NOW - LASTS)) is None
        assert (await visitor.look("search", headers={"Cookie": f"tsbridge={token}"})).status_code == 303


async def test_a_link_from_elsewhere_is_asked_for_once_more_by_the_page_itself(filled: Database) -> None:
    async with visiting(filled, None) as stranger:
        answer = await stranger.look("cases?queue=a%22b", headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert 'http-equiv="refresh" content="0; url=/console/cases?queue=a%22b"' in answer.text


def strict(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


async def test_every_answer_is_strict(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        for path in ("sign-in", "now", "cases", "cases/case_000001", "search?q=4711", "nothing", "cases.csv", "cases.json"):
            strict(await visitor.look(path))


async def test_what_lies_beside_the_pages_is_small_and_kept_by_browsers(filled: Database) -> None:
    async with visiting(filled, "viewer") as visitor:
        page = (await visitor.look("now")).text
        files = sorted({part.split('"')[0] for part in page.split('"/console/static/')[1:]})
        sizes = {}
        for file in files:
            answer = await visitor.look(f"static/{file}")
            assert "immutable" in answer.headers["cache-control"]
            sizes[file.rpartition(".")[2]] = len(answer.content)
        assert set(sizes) == {"css", "js", "svg"}
        assert sizes["js"] < 20 * 1024
        assert (await visitor.look("static/console.css")).status_code == 404


async def test_a_form_of_another_session_is_not_taken(filled: Database) -> None:
    async with visiting(filled, "supervisor") as one, visiting(filled, "ops") as other:
        stolen = await other.csrf()
        answer = await one.client.post("/console/cases/case_000001/acknowledge", data={"csrf": stolen})
        assert answer.status_code == 403
        assert one.judged.told == []


async def test_large_forms_and_other_kinds_of_bodies_are_refused(filled: Database) -> None:
    async with visiting(filled, "supervisor") as visitor:
        large = await visitor.client.post("/console/cases/case_000001/note", data={"note": "x" * 70_000})
        assert large.status_code == 413
        other = await visitor.client.post("/console/cases/case_000001/note", json={"note": "x"})
        assert other.status_code == 415
