"""The doctor says what is wrong in plain words, and calls nothing fine that is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clocks import SettableClock
from tsbridge import ZONE_RULES
from tsbridge.aes import Cipher
from tsbridge.core.errors import GiveUp, OutcomeUnknown, TryLater, Unauthorized, VendorError
from tsbridge.core.watch import KINDS, NOT_GIVEN, Finding
from tsbridge.doctor import checks
from tsbridge.doctor import database as doctor_database
from tsbridge.settings.load import load
from tsbridge.settings.model import Settings
from tsbridge.store import rulebooks, stored_values, watch
from tsbridge.store.db import Database

TODAY = date(2026, 11, 23)
BOOK: dict[str, Any] = {
    "schema": 1,
    "queues": {"intake": {}},
    "rules": [{"key": "default", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}],
}


def line(lines: list[checks.Line], check: str) -> checks.Line:
    (found,) = [one for one in lines if one.check == check]
    return found


def given(**environ: str) -> Settings:
    return load({f"TSBRIDGE_{name}": value for name, value in environ.items()}, None)


def test_an_empty_configuration_can_run_but_says_what_will_not_work() -> None:
    lines = checks.settings(given(), TODAY)
    assert checks.worst(lines) == "warn"
    assert "answers 503" in line(lines, "zendesk webhooks").words
    assert "nothing is read from Zendesk or written back" in line(lines, "zendesk").words


def test_everything_that_is_not_fine_says_what_to_do() -> None:
    lines = checks.settings(
        given(WRITEBACK="paused", ADMIN_KEY="short", SIGNATURE_TOLERANCE_S="0", ZENDESK_URL="https://a.zendesk.com"), TODAY
    )
    assert {"writeback", "secrets", "signatures", "zendesk"} <= {one.check for one in lines if one.state != "ok"}
    assert all(one.next_step for one in lines if one.state != "ok")


def test_secrets_that_can_be_guessed_are_an_error_and_not_said_again() -> None:
    short = given(ADMIN_KEY="k" * 23, ZENDESK_WEBHOOK_SECRETS=f"{'s' * 16},tooshort", TALKDESK_WEBHOOK_SECRETS="a\\,b")
    lines = [one for one in checks.settings(short, TODAY) if one.check == "secrets"]
    assert [(one.state, one.words.partition(":")[0]) for one in lines] == [
        ("bad", "TSBRIDGE_ZENDESK_WEBHOOK_SECRETS"),
        ("bad", "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS"),
        ("bad", "TSBRIDGE_ADMIN_KEY"),
    ]
    assert not any("tooshort" in one.words for one in lines)
    sound = given(ADMIN_KEY="k" * 24, ZENDESK_WEBHOOK_SECRETS="s" * 16, TALKDESK_WEBHOOK_SECRETS="t" * 15 + "\\,")
    assert not any(one.check == "secrets" for one in checks.settings(sound, TODAY))


@pytest.mark.parametrize(("today", "state"), [(date(2026, 11, 23), "warn"), (date(2027, 4, 29), "warn"), (date(2027, 4, 30), "bad")])
def test_an_api_token_is_warned_about_until_it_ends(today: date, state: str) -> None:
    settings = given(ZENDESK_URL="https://a.zendesk.com", ZENDESK_EMAIL="me@example.com", ZENDESK_API_TOKEN="x" * 40)
    found = line(checks.settings(settings, today), "zendesk credentials")
    assert found.state == state
    assert "2027-04-30" in found.words


@dataclass
class Zendesk:
    """Answers as told."""

    answer: Mapping[str, Any] | VendorError
    server_time: datetime | None = None

    async def me(self) -> Mapping[str, Any]:
        if isinstance(self.answer, VendorError):
            raise self.answer
        return self.answer


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"id": 7, "role": "admin"}, "ok"),
        ({"id": 7, "role": "end-user"}, "bad"),
        (Unauthorized("anonymous"), "bad"),
        (GiveUp("forbidden"), "bad"),
        (TryLater("unavailable"), "bad"),
        (OutcomeUnknown("server_error"), "bad"),
    ],
)
async def test_zendesk_is_asked_who_we_are(answer: Mapping[str, Any] | VendorError, state: str) -> None:
    found = line(await checks.zendesk(Zendesk(answer), SettableClock().now), "zendesk connection")
    assert found.state == state
    assert bool(found.next_step) == (state == "bad")


@pytest.mark.anyio
@pytest.mark.parametrize(("ago", "state"), [(None, "ok"), (31, "ok"), (29, "warn"), (0, "warn")])
async def test_a_user_that_a_person_signs_in_as_is_no_user_of_the_bridges_own(ago: int | None, state: str) -> None:
    now = SettableClock().now
    signed_in = None if ago is None else (now() - timedelta(days=ago)).isoformat()
    found = line(await checks.zendesk(Zendesk({"id": 7, "role": "admin", "last_login_at": signed_in}), now), "zendesk user")
    assert found.state == state
    assert "own" in (found.next_step or found.words)


@pytest.mark.anyio
@pytest.mark.parametrize(("off", "words"), [(0, "agree"), (59, "agree"), (61, "61 s fast"), (-300, "300 s slow")])
async def test_a_clock_that_is_off_is_named_with_its_direction(off: int, words: str) -> None:
    clock = SettableClock()
    server = clock.now() - timedelta(seconds=off)
    assert words in line(await checks.zendesk(Zendesk({"id": 7, "role": "agent"}, server), clock.now), "clock").words


def test_a_whole_database_is_fine(database: Database, database_url: str) -> None:
    at = SettableClock().now()
    database.write_now(lambda conn: rulebooks.publish(conn, BOOK, "sha256:0", "first", at, "system"))
    lines = doctor_database.database(database_url)
    assert [one for one in lines if one.state == "bad"] == []
    assert {"schema", "database", "database writable", "rulebook"} <= {one.check for one in lines if one.state == "ok"}
    assert "intake" in line(lines, "queues").words


def test_the_mode_of_write_back_that_counts_is_named_with_its_reason(database: Database, database_url: str) -> None:
    assert line(doctor_database.database(database_url, setting="live"), "write-back").state == "ok"
    found = line(doctor_database.database(database_url, setting="dry-run"), "write-back")
    assert (found.state, "TSBRIDGE_WRITEBACK says dry-run" in found.words) == ("warn", True)
    database.write_now(lambda conn: stored_values.put(conn, "writeback_mode", "paused"))
    assert (
        "Write-back is paused: it was switched to paused, which is more careful"
        in line(doctor_database.database(database_url), "write-back").words
    )


def test_a_database_without_tables_wants_migrate(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "bridge.db").close()
    found = line(doctor_database.database(f"sqlite:///{tmp_path}/bridge.db"), "schema")
    assert found.state == "bad"
    assert "tsbridge migrate" in found.next_step


def test_a_file_that_is_not_there_yet_is_no_fault_and_is_not_made(tmp_path: Path) -> None:
    lines = doctor_database.database(f"sqlite:///{tmp_path}/bridge.db")
    assert checks.worst(lines) == "warn"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/bridge.db", "postgresql://me:secret@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_reached_is_bad_and_no_password_is_shown(url: str) -> None:
    lines = doctor_database.database(url)
    assert checks.worst(lines) == "bad"
    assert "secret" not in str(lines)


def test_a_file_that_is_no_database_is_bad(tmp_path: Path) -> None:
    (tmp_path / "bridge.db").write_text("this is a shopping list, not a database, and long enough to be read" * 20)
    assert checks.worst(doctor_database.database(f"sqlite:///{tmp_path}/bridge.db")) == "bad"


@pytest.mark.parametrize(
    ("granted", "state"),
    [(["read", "write"], "ok"), (["tickets:read", "tickets:write", "users:read"], "warn"), (["read"], "bad"), ([], "ok")],
)
def test_a_token_that_may_too_little_is_named(granted: list[str], state: str) -> None:
    found = checks.zendesk_scopes(granted)
    assert found.state == state
    assert (state == "ok") == (not found.next_step)


MAPPING: dict[str, Any] = {"name": "flow", "when": {"/kind": "x"}, "event": "call.ended", "fields": {"call_id": "/id"}}


def test_a_restricted_category_that_no_rule_sets_is_warned_of(database: Database, database_url: str) -> None:
    hurt = {"key": "hurt", "kind": "escalation", "when": {}, "then": [{"set_category": "safety_incident"}]}
    book = {**BOOK, "rules": [hurt, *BOOK["rules"]]}
    database.write_now(lambda conn: rulebooks.publish(conn, book, "hash", "the first", SettableClock().now(), "system"))

    def told(*categories: str) -> checks.Line:
        return line(doctor_database.database(database_url, restricted=categories), "restricted words")

    assert told("safety_incident").state == "ok"
    assert told("safety_incident", "saftey").state == "warn"
    assert "saftey" in told("saftey").words
    assert not any(one.check == "restricted words" for one in doctor_database.database(database_url))


def test_the_zone_of_talkdesks_times_is_called_a_guess_until_somebody_says_it(database: Database, database_url: str) -> None:
    heard = given(TALKDESK_WEBHOOK_SECRETS="s" * 40, TIMEZONE="Europe/Lisbon")

    def warned(settings: Settings, *mappings: dict[str, Any]) -> bool:
        database.write_now(lambda conn: stored_values.put(conn, stored_values.mappings("talkdesk"), list(mappings)))
        lines = doctor_database.database(database_url, settings.guessed_talkdesk_zone)
        return any(one.check == "talkdesk times" and "Europe/Lisbon" in one.words for one in lines)

    assert warned(heard)
    assert warned(heard, MAPPING, {**MAPPING, "timezone": "Asia/Tokyo"})
    assert not warned(heard, {**MAPPING, "timezone": "Asia/Tokyo"})
    assert not warned(given(TALKDESK_WEBHOOK_SECRETS="s" * 40, TALKDESK_TIMEZONE="UTC"))
    assert not warned(given())


def test_the_rules_of_time_zones_in_use_are_named() -> None:
    assert ZONE_RULES in line(checks.zones(), "time zone rules").words


@pytest.mark.anyio
@pytest.mark.parametrize(("reason", "setting"), [("proxy_refused", "TSBRIDGE_HTTP_PROXY"), ("certificate", "TSBRIDGE_CA_BUNDLE")])
async def test_what_stands_between_us_and_zendesk_is_named_with_its_setting(reason: str, setting: str) -> None:
    (found,) = await checks.zendesk(Zendesk(TryLater(reason)), SettableClock().now)
    assert found.state == "bad"
    assert setting in found.next_step


def test_the_way_out_is_told_without_where_it_leads() -> None:
    lines = checks.settings(given(HTTP_PROXY="http://user:hush-hush@proxy.example:3128", NO_PROXY="chat.internal"), TODAY)
    assert line(lines, "proxy").state == "ok"
    assert "proxy.example" not in line(lines, "proxy").words


def test_names_that_zendesk_does_not_have_are_told_with_their_place_and_are_nothing_bad() -> None:
    def finding(severity: str, path: str) -> dict[str, Any]:
        return {
            "severity": severity,
            "code": "x",
            "rule": None,
            "path": path,
            "message": "Zendesk has no group with this id",
            "witness": None,
        }

    assert checks.worst(checks.zendesk_names([])) == "ok"
    lines = checks.zendesk_names([finding("warning", "/queues/a/zendesk_group_id"), finding("info", "")])
    assert [one.state for one in lines] == ["warn", "ok"]
    assert lines[0].words == "/queues/a/zendesk_group_id: Zendesk has no group with this id."
    assert len(checks.zendesk_names([finding("warning", f"/{n}") for n in range(1_000)])) == checks.NAMES_TOLD


def test_what_the_watchdog_finds_is_named_with_what_to_do(database_url: str) -> None:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert "has not been" in line(doctor_database.database(database_url), "watchdog").words
    with Database.open(database_url) as opened:
        opened.write_now(lambda conn: watch.settle(conn, {}, [Finding(kind, "x", "case_1", at) for kind in KINDS], at))
        opened.write_now(lambda conn: watch.begin(conn, at))
    found = {one.check: one for one in doctor_database.database(database_url) if one.check.startswith("watchdog")}
    assert set(found) == {f"watchdog: {kind}" for kind in KINDS if kind != NOT_GIVEN}
    assert all(one.state == "bad" and one.next_step and "2026-11-23 09:00" in one.words for one in found.values())


def test_under_which_key_people_are_encrypted_is_told_and_that_they_are_not_is_warned_of(database_url: str) -> None:
    key = "k" * 32
    before = line(doctor_database.database(database_url), "data key")
    with Database.open(database_url, data_keys=[key]) as opened:
        opened.write_now(lambda conn: None)
    now = line(doctor_database.database(database_url, data_keys=[key]), "data key")
    (lost,) = doctor_database.database(database_url, data_keys=["o" * 32])
    if database_url.startswith("sqlite"):
        assert (before.state, "keep tsbridge.db.data-key beside the backups" in before.words) == ("ok", True)
        return
    assert (before.state, before.next_step) == (
        "warn",
        "Set TSBRIDGE_DATA_KEY (`tsbridge encryption key` makes one), the same for all processes.",
    )
    assert (now.state, now.words[-11:]) == ("ok", f" key {Cipher(key).id}.")
    assert (lost.check, lost.state, Cipher(key).id in lost.words) == ("data key", "bad", True)
