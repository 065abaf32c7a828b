"""The commands as a person or a script meets them: words, JSON, exit codes, and nobody's data in any of it."""

from __future__ import annotations

import getpass
import json
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, select

from tests.clocks import SettableClock
from tests.databases import Sqlite
from tsbridge import __main__, log
from tsbridge.__main__ import GROUPS, main
from tsbridge.store import claiming, decision_tables, inbox, keys, rulebooks, views
from tsbridge.store.claiming import Settlement
from tsbridge.store.db import Database
from tsbridge.store.inbox import Delivery
from tsbridge.store.served_alone import claim_alone
from tsbridge.wiring.clock_and_ids import entropy

BOOK = """\
schema: 1
queues:
  safety: {zendesk_group_id: 61000000010}
  intake: {}
rules:
  - key: injury
    kind: escalation
    when: {any: [{field: text.requester, operator: contains_any, value: [bitten]}]}
    then: [{set_severity: 1}, {add_tags: [ts_injury]}]
  - {key: to-safety, kind: routing, when: {all: [{field: case.severity, operator: at_most, value: 2}]}, then: [{route: safety}]}
  - {key: default, kind: routing, when: {}, then: [{route: intake}]}
tests:
  - name: a bite is severity one
    given: {source: zendesk, channel: email, text: "my dog was bitten", ticket.status: new}
    expect: {severity: 1, queue: safety}
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty directory, on a database of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TSBRIDGE_DATABASE_URL", f"sqlite:///{tmp_path}/bridge.db")

    def call(*arguments: str, **environ: str) -> Ran:
        with monkeypatch.context() as patch:
            patch.setattr(log, "configure", lambda level: None)  # the log of this process is pytest's
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["tsbridge", *arguments])
            with pytest.raises(SystemExit) as left:
                main()
        told = capsys.readouterr()
        return Ran(int(left.value.code or 0), told.out, told.err)

    return call


@pytest.fixture
def migrated(run: Run, tmp_path: Path, sqlite_files: Sqlite) -> str:
    """The URL of the database that commands find, as `tsbridge migrate` leaves a new one."""
    with sqlite_files.fresh() as url:
        shutil.copyfile(url.removeprefix("sqlite:///"), tmp_path / "bridge.db")
    return f"sqlite:///{tmp_path}/bridge.db"


def commands(of: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [(*path, str(command.name or command.callback.__name__)) for command in of.registered_commands]
    for group in of.registered_groups:
        found += commands(group.typer_instance, (*path, str(group.name)))
    return found


@pytest.mark.parametrize("path", [path for path in commands(__main__.commands(*GROUPS)) if path != ("demo",)], ids=" ".join)
def test_every_command_explains_itself_and_takes_json(run: Run, path: tuple[str, ...]) -> None:
    told = run(*path, "--help")
    assert told.code == 0
    assert "--json" in told.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["keys", "create"],
        ["keys", "create", "x", "--role", "boss"],
        ["keys", "create", "x", "--expires-at", "tomorrow"],
        ["events", "list", "--status", "lost"],
        ["events", "retry"],
        ["audit", "verify", "--known-head", "x"],
        ["rules", "try", "not json"],
        ["rules", "check", "/nowhere.yaml"],
        ["worker"],
        ["serve", "--no-workers"],
        ["talkdesk", "schema", "nonsense"],
    ],
    ids=" ".join,
)
def test_misuse_is_exit_code_2_with_words_and_no_traceback(run: Run, migrated: str, arguments: list[str]) -> None:
    told = run(*arguments)
    assert told.code == 2
    assert told.err
    assert "Traceback" not in told.err


def test_settings_that_cannot_be_used_are_misuse_and_named(run: Run) -> None:
    told = run("keys", "list", TSBRIDGE_WRITEBACK="perhaps")
    assert told.code == 2
    assert "TSBRIDGE_WRITEBACK" in told.err
    assert run("keys", "list", "--json", TSBRIDGE_WRITEBACK="perhaps").json["problems"]


def test_a_database_that_was_never_migrated_is_a_problem_with_a_way_out(run: Run) -> None:
    told = run("keys", "list")
    assert told.code == 1
    assert "tsbridge migrate" in told.err


def test_migrate_says_what_it_did_and_does_nothing_twice(run: Run) -> None:
    assert run("migrate", "--json").json["before"] is None
    assert "nothing to do" in run("migrate").out


def test_a_second_process_on_the_same_file_is_refused(run: Run, migrated: str) -> None:
    claim = claim_alone(migrated)
    try:
        told = run("serve", "--port", "0")
    finally:
        claim.release()
    assert told.code == 1
    assert "another tsbridge process" in told.err


def test_a_key_is_shown_once_works_and_can_be_revoked(run: Run, migrated: str) -> None:
    made = run("keys", "create", "the wall screen", "--role", "viewer", "--json").json
    with Database.open(migrated) as database:
        found = database.read_now(lambda conn: keys.find(conn, made["id"]))
        pepper = database.write_now(lambda conn: keys.pepper(conn, entropy))
    assert found is not None
    parts = keys.parts(made["key"])
    assert parts is not None
    assert keys.digest(pepper, parts[1]) == found[1]
    assert made["key"] not in run("keys", "list").out
    assert run("keys", "revoke", made["id"]).code == 0
    assert run("keys", "revoke", made["id"]).code == 0
    assert run("keys", "list", "--json").json["items"][0]["revoked_at"] is not None
    assert run("keys", "revoke", "nobodys").code == 1


def test_what_the_command_line_changes_stands_in_the_audit(run: Run, migrated: str) -> None:
    made = run("keys", "create", "x", "--json").json
    with Database.open(migrated) as database:
        rows = database.read_now(lambda conn: conn.execute(select(decision_tables.changes)).mappings().all())
    assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [(getpass.getuser(), "key.create", made["id"])]
    assert run("audit", "verify", "--json").json["entries"] == 1


def test_a_chain_is_exported_and_proven_elsewhere_by_heads_that_were_kept(run: Run, migrated: str, tmp_path: Path) -> None:
    kept, whole = tmp_path / "heads", tmp_path / "chain"
    for name in ("one", "two", "three"):
        run("keys", "create", name)
        assert run("audit", "head", "--into", str(kept)).code == 0
    assert run("audit", "export", "--chain", "--into", str(whole), "--json").json["entries"] == 3
    assert whole.stat().st_mode & 0o777 == 0o600
    key = run("audit", "head").json["public_key"]
    assert run("audit", "verify", "--heads", str(kept)).code == 0
    Path(migrated.removeprefix("sqlite:///")).rename(tmp_path / "elsewhere")
    offline = ("audit", "verify", "--export", str(whole), "--heads", str(kept), "--public-key", key)
    proven = run(*offline, "--json").json
    assert (proven["ok"], proven["entries"], proven["broken"]) == (True, 3, [])
    lines = whole.read_text().splitlines()
    whole.write_text("\n".join(lines[:2]) + "\n")
    cut = run(*offline)
    assert cut.code == 1
    assert "the chain ends before it" in cut.out
    whole.write_text("\n".join([lines[0], lines[1].replace("key.create", "key.revoke"), lines[2]]) + "\n")
    assert "BROKEN at 2: its content was changed" in run(*offline).out
    assert run(*offline[:-1], "00" * 32).code == 1


def test_a_file_that_is_no_chain_or_ends_in_half_an_entry_is_not_whole(run: Run, migrated: str, tmp_path: Path) -> None:
    whole, other = tmp_path / "chain", tmp_path / "decisions"
    for name in ("one", "two"):
        run("keys", "create", name)
    run("audit", "export", "--chain", "--into", str(whole))
    verify = ("audit", "verify", "--export")
    assert run(*verify, str(whole)).code == 0
    other.write_text('{"id": "dec_1", "seq": 1, "at": "2026-11-22T09:00:00Z"}\n')
    told = run(*verify, str(other))
    assert (told.code, "BROKEN at 1: a line stands there that is no entry of a chain" in told.out) == (1, True)
    whole.write_text(whole.read_text()[:-40])
    told = run(*verify, str(whole))
    assert (told.code, "BROKEN at 2" in told.out) == (1, True)


def test_verify_finds_what_was_altered_and_a_tail_that_was_cut(run: Run, migrated: str) -> None:
    run("keys", "create", "one")
    run("keys", "create", "two")
    whole = run("audit", "verify", "--json").json
    assert whole["ok"]
    head = f"{whole['head']['seq']}:{whole['head']['hash']}"
    assert run("audit", "verify", "--known-head", head).code == 0
    assert run("audit", "verify", "--known-head", f"3:{whole['head']['hash']}").code == 1

    def forge(conn: Connection) -> None:
        conn.exec_driver_sql("DROP TRIGGER IF EXISTS changes_no_update")
        names = conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            conn.exec_driver_sql(f'DROP TRIGGER "{name}"')
        conn.exec_driver_sql('UPDATE changes SET after = \'{"role":"admin"}\' WHERE seq = 1')

    with Database.open(migrated) as database:
        database.write_now(forge)
    told = run("audit", "verify")
    assert told.code == 1
    assert "BROKEN at 1" in told.out


def test_events_are_listed_shown_without_their_text_and_retried(run: Run, migrated: str) -> None:
    body = b'{"text": "Ana was bitten"'
    delivery = Delivery("evt_1", "zendesk", "k1", SettableClock().now(), {}, body, False, "not_json")
    with Database.open(migrated) as database:
        database.write_now(lambda conn: inbox.keep(conn, [delivery]))
    listed = run("events", "list", "--status", "quarantined", "--json").json["items"]
    assert [(item["id"], item["reason"]) for item in listed] == [("evt_1", "not_json")]
    shown = run("events", "show", "evt_1")
    assert shown.code == 0
    assert "Ana" not in shown.out
    assert run("events", "show", "evt_2").code == 1
    assert run("events", "retry", "--status", "quarantined", "--json").json == {"retried": ["evt_1"]}
    with Database.open(migrated) as database:
        row = database.read_now(lambda conn: views.event(conn, "evt_1"))
    assert row is not None
    assert row["status"] == "pending"
    assert run("events", "retry", "evt_1").code == 1


def test_writebacks_and_the_empty_lists_have_words(run: Run, migrated: str) -> None:
    assert "Nothing" in run("writebacks", "list").out
    assert "Nothing" in run("escalations", "list", "--state", "nobody", "--agent", "ana").out
    assert run("escalations", "list", "--state", "lost").code == 2
    assert run("writebacks", "retry", "wb_none").code == 1
    assert run("writebacks", "retry", "--status", "parked", "--json").json == {"retried": []}
    assert run("audit", "export").out == ""


def test_a_rulebook_file_goes_from_check_to_live(run: Run, migrated: str, tmp_path: Path) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(BOOK)
    with Database.open(migrated) as database:
        at = SettableClock().now()
        database.write_now(lambda conn: rulebooks.publish(conn, {"schema": 1}, "sha256:0", "first", at, "system"))
    assert run("rules", "check", str(book)).code == 0
    assert run("rules", "test", str(book), "--json").json["ok"]
    published = run("rules", "publish", str(book), "--note", "bites", "--json").json
    assert published["version"] == 2
    assert run("rules", "publish", str(book), "--note", "again").code == 1
    assert run("rules", "diff", str(book), "live").code == 0
    assert run("rules", "diff", "1", "live").code == 1
    exported = tmp_path / "exported.yaml"
    assert run("rules", "export", "--into", str(exported)).code == 0
    assert exported.stat().st_mode & 0o777 == 0o600
    assert run("rules", "diff", str(exported), "live").code == 0
    milder = tmp_path / "milder.yaml"
    milder.write_text(BOOK.replace("set_severity: 1", "set_severity: 2").replace("severity: 1,", "severity: 2,"))
    words = run("rules", "diff", "live", str(milder), "--stories", "5").out
    assert "Now does: set severity 2." in words
    assert "decides  " in words
    assert run("rules", "publish", str(milder), "--note", "milder", "--json").json["version"] == 3
    assert run("rules", "restore", "2", "--note", "too mild", "--json").json["version"] == 4
    assert run("rules", "diff", "2", "live").code == 0
    assert run("rules", "restore", "2", "--note", "again").code == 1
    assert run("rules", "restore", "1", "--note", "has faults").code == 1
    assert run("rules", "restore", "9", "--note", "there is none").code == 1
    given = json.dumps({"source": "zendesk", "text": "she was bitten"})
    decision = run("rules", "try", given, "--json").json
    assert (decision["outcome"]["severity"], decision["outcome"]["queue"]) == (1, "safety")
    words = run("rules", "try", given, "--file", str(book)).out
    assert "because text.requester contains_any" in words


def test_a_rulebook_with_faults_or_failing_tests_is_not_published(run: Run, migrated: str, tmp_path: Path) -> None:
    faulty, failing = tmp_path / "faulty.yaml", tmp_path / "failing.yaml"
    faulty.write_text(BOOK.replace("contains_any", "contains_everything"))
    failing.write_text(BOOK.replace("expect: {severity: 1", "expect: {severity: 4"))
    checked = run("rules", "check", str(faulty), "--json")
    assert checked.code == 1
    assert checked.json["findings"]
    assert run("rules", "test", str(failing)).code == 1
    for book in (faulty, failing):
        assert run("rules", "publish", str(book), "--note", "x").code == 1
    assert run("rules", "export").code == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "no sound YAML"),
        ("a: 2026-01-01", "quotes"),
        ("1: x", "quotes"),
        ("a: .nan", "finite"),
        ("a: 1\na: 2", "twice"),
        ("- !!python/name:os.system", "a tag"),
    ],
)
def test_a_file_that_holds_no_document_is_misuse_with_a_place(run: Run, tmp_path: Path, text: str, words: str) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(text)
    told = run("rules", "check", str(book))
    assert told.code == 2
    assert words in told.err


def test_what_is_kept_how_long_and_what_is_due_is_said(run: Run, migrated: str) -> None:
    with Database.open(migrated) as database:
        old = Delivery("evt_1", "zendesk", "key-1", SettableClock().now() - timedelta(days=3_000), {}, b"{}")
        database.write_now(lambda conn: inbox.keep(conn, [old]))
        (row,) = database.write_now(lambda conn: claiming.claim(conn, "w1", SettableClock().now(), timedelta(minutes=1), 1))
        database.write_now(lambda conn: claiming.settle(conn, [Settlement(row, "applied")], old.received_at))
    bodies, texts = run("retention", "--json").json["classes"]
    assert bodies == {"class": "bodies", "kept": "30d", "due": 1, "removed": 0, "removed_bytes": 0}
    assert texts == {"class": "texts", "kept": "forever", "due": 0, "removed": 0, "removed_bytes": 0}
    assert run("retention").out.startswith("bodies: kept 30d; 1 are due, 0 went so far (0.0 MB).\n")
    assert "should have gone more than a day ago" in run("doctor").out


def test_the_data_key_is_made_changed_and_told_of_without_a_word_of_it_where_it_is_not_asked_for(run: Run, migrated: str) -> None:
    made = run("encryption", "key", "--json").json
    assert (len(made["key"]), len(made["id"])) == (64, 6)
    changed = run("encryption", "rotate", "--json")
    told = run("encryption", "status", "--json").json
    secrets = Path(changed.json["file"]).read_text().split()
    assert len(secrets) == 2
    assert told["keys"][-1:] != [changed.json["id"]], "it counts when a service encrypts under it"
    assert not any(secret in one for secret in secrets for one in (changed.out, run("encryption", "status").out, run("doctor").out))
    assert "has not begun" in run("encryption", "status").out
