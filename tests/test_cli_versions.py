"""`tsbridge rules` on a database: versions and the draft, what is on record, history, the shadow."""

from __future__ import annotations

import asyncio
import csv
import getpass
import io
import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests.clocks import SettableClock
from tests.test_cli import BOOK, Run, migrated, run
from tests.web import rows
from tsbridge.cli.frame import actor
from tsbridge.core.link import case_key
from tsbridge.core.moments import Actor, Interaction, Moment, Text
from tsbridge.core.rules.document import read
from tsbridge.core.story import Told, judge_story
from tsbridge.document_files import based_on, load_text, with_base
from tsbridge.store import cases, change_log, decision_tables, decision_writer, rulebooks, sealing
from tsbridge.store.db import Database
from tsbridge.store.decision_writer import Recording
from tsbridge.store.rulebooks import LiveRulebook
from tsbridge.work.batch_moments import ToldNow
from tsbridge.work.replay_jobs import Shadowing

__all__ = ["migrated", "run"]

ZONE = ZoneInfo("UTC")
MILDER = BOOK.replace("set_severity: 1", "set_severity: 3").replace("severity: 1, queue: safety", "severity: 3, queue: intake")


@pytest.fixture
def database(migrated: str) -> Iterator[Database]:
    """A database whose first version is `BOOK`."""
    with Database.open(migrated) as opened:
        book = read(load_text(BOOK.encode()))
        opened.write_now(lambda conn: rulebooks.publish(conn, book.document, book.hash, "first", SettableClock().now(), "system"))
        yield opened


def heard(database: Database, number: int) -> None:
    """A ticket about a bite, told by `evt_<number>` and decided as `dec_<number>`."""
    subject, at = Interaction("zendesk", str(number)), SettableClock().advance(number)
    text, facts = Text("description", "Ana's dog was bitten"), (("channel", "email"), ("ticket.status", "new"))
    moment = Moment("zendesk", subject.id, "ticket.created", at, facts=facts, texts=(text,), actor=Actor("requester", "41"))
    case = case_key(subject)

    def write(conn: Any) -> None:
        live = LiveRulebook(ZONE).live(conn)
        rows.event(conn, number, at)
        heard = ToldNow()
        heard.hear(conn, moment, f"evt_{number:06d}", live.version)
        heard.write(conn)
        told = [Told(moment, live.version)]
        state, judged = judge_story(case, told, at, lambda _: live.judge, lambda _: {}, clock_version=lambda _: live.version)
        cases.save(conn, {case: state})
        about: dict[str, Any] = {"rulebook_hash": live.hash, "recorded_at": at, "salt": "salt"}
        decision_writer.record_all(conn, [Recording(judged[0], f"dec_{number:06d}", case, f"evt_{number:06d}", **about)])
        sealing.seal(conn)

    database.write_now(write)


@pytest.fixture
def milder(tmp_path: Path) -> str:
    path = tmp_path / "milder.yaml"
    path.write_text(MILDER)
    return str(path)


def changes(database: Database) -> list[tuple[str, str]]:
    found = database.read_now(lambda conn: conn.execute(select(decision_tables.changes.c.actor, decision_tables.changes.c.action)).all())
    return [(row.actor, row.action) for row in found]


def test_what_is_exported_stands_in_the_order_of_the_guide_and_is_the_same_book(run: Run, database: Database) -> None:
    told = run("rules", "export")
    assert told.code == 0
    begun, *lines = told.out.splitlines()
    assert begun == "# tsbridge: based on version 1"
    assert [line.rstrip(":1 ") for line in lines if line[0] not in " -"] == ["schema", "queues", "rules", "tests"]
    assert told.out.index("- key: injury") < told.out.index("  kind: escalation") < told.out.index("  when:") < told.out.index("  then:")
    assert load_text(told.out.encode()) == load_text(BOOK.encode())
    assert list(run("rules", "export", "--json").json) == ["schema", "queues", "rules", "tests"]


def test_the_draft_is_compared_exported_and_tried_like_a_version(run: Run, database: Database, milder: str) -> None:
    assert run("rules", "diff", "live", "draft").code == 0

    def edit(conn: Any) -> None:
        rulebooks.lock_draft(conn)
        rulebooks.save_draft(conn, load_text(MILDER.encode()), SettableClock().now(), "ops")

    database.write_now(edit)
    told = run("rules", "diff", "live", "draft")
    assert told.code == 1
    assert "Now does: set severity 3." in told.out
    assert load_text(run("rules", "export", "--draft").out.encode()) == load_text(MILDER.encode())
    assert run("rules", "export", "--draft", "--version", "1").code == 2
    facts = json.dumps({"text": "bitten"})
    assert run("rules", "try", facts, "--draft", "--json").json["outcome"]["severity"] == 3
    assert run("rules", "try", facts, "--json").json["rulebook"]["version"] == 1
    assert run("rules", "try", facts, "--draft", "--file", milder).code == 2
    assert run("rules", "diff", "0", "live").code == 1


def test_what_the_command_line_publishes_stands_in_the_audit_as_what_the_api_does(run: Run, database: Database, milder: str) -> None:
    assert run("rules", "publish", milder, "--note", " milder ").code == 0
    assert run("rules", "restore", "1", "--note", "back").code == 0
    rows_ = database.read_now(lambda conn: conn.execute(select(decision_tables.changes)).mappings().all())
    told = [(row["action"], row["subject"], row["before"]["version"], row["after"]["version"], row["after"]["note"]) for row in rows_]
    assert told == [("rulebook.publish", "rulebook", 1, 2, "milder"), ("rulebook.restore", "rulebook", 2, 3, "back")]


def test_what_is_live_is_published_again_only_when_its_days_and_clocks_would_be_others(run: Run, database: Database) -> None:
    assert run("rules", "restore", "1", "--note", "keep what is said now").code == 0
    kept = database.read_now(lambda conn: [rulebooks.get(conn, version).almanac for version in (1, 2)])
    assert kept[0] is None
    assert kept[1] is not None
    (told,) = database.read_now(lambda conn: conn.execute(select(decision_tables.changes.c.after)).scalars().all())
    assert told["almanac"] == kept[1]
    assert run("rules", "restore", "2", "--note", "again").code == 1


def test_what_two_rulebooks_decide_otherwise_is_told_setting_by_setting(run: Run, database: Database, milder: str) -> None:
    told = run("rules", "diff", "live", milder).out
    assert "decides  a bite is severity one\n" in told
    assert "         severity: 1 -> 3\n" in told
    assert "         queue: safety -> intake\n" in told
    faulty = Path(milder).with_name("faulty.yaml")
    faulty.write_text(MILDER.replace("contains_any", "contains_some"))
    assert "has faults and cannot be judged by" in run("rules", "diff", "live", str(faulty)).out


def test_a_stored_event_is_judged_again_by_another_rulebook_and_shows_nobodys_words(run: Run, database: Database, milder: str) -> None:
    heard(database, 1)
    told = run("rules", "try", "--event", "evt_000001", "--file", milder, "--json")
    assert told.code == 0
    assert (told.json["decision_id"], told.json["interaction"]["id"], told.json["at"]) == ("dec_000001", "1", "2026-11-22T09:00:01Z")
    assert (told.json["outcome"]["severity"], told.json["outcome"]["queue"]) == (3, "intake")
    assert "Ana" not in told.out
    words = run("rules", "try", "--decision", "dec_000001")
    assert "severity: 1\nqueue: safety\n" in words.out
    assert "because text.requester contains_any" in words.out
    otherwise = run("rules", "try", '{"text": "hello"}', "--decision", "dec_000001", "--json").json
    assert otherwise["outcome"]["queue"] == "intake"
    assert run("rules", "try", "--event", "evt_none").code == 1
    assert run("rules", "try", "--event", "evt_000001", "--decision", "dec_000001").code == 2
    assert run("rules", "try").code == 2


def test_a_replay_names_what_moves_in_each_form_and_refuses_what_makes_no_sense(run: Run, database: Database, milder: str) -> None:
    heard(database, 1)
    told = run("rules", "replay", milder)
    assert told.code == 0
    assert "1 decisions, 1 would be otherwise." in told.out
    assert "safety  intake  1" in told.out
    (row,) = csv.DictReader(io.StringIO(run("rules", "replay", milder, "--csv").out))
    assert (row["decision_id"], row["from_queue"], row["to_queue"]) == ("dec_000001", "safety", "intake")
    assert run("rules", "replay", milder, "--json").json["queue_moves"][0]["cases"] == 1
    assert run("rules", "replay", "--version", "1", "--json").json["mismatches"] == 0
    assert run("rules", "replay", milder, "--csv", "--json").code == 2
    assert run("rules", "replay", milder, "--from", "2026-11-23T00:00:00Z", "--to", "2026-11-22T00:00:00Z").code == 2


def test_the_shadow_is_started_looked_at_listed_and_stopped(run: Run, database: Database, milder: str) -> None:
    assert "There is no shadow" in run("rules", "shadow").out
    assert run("rules", "shadow", "--json").json == {"on": False, "summary": None}
    assert "The shadow is on" in run("rules", "shadow", milder).out
    heard(database, 1)
    asyncio.run(Shadowing(database, SettableClock(SettableClock().advance(60)), LiveRulebook(ZONE), ZONE).round())
    told = run("rules", "shadow")
    assert told.code == 0
    assert f"started by {actor()}" in told.out
    assert "1 decisions, 1 would be otherwise." in told.out
    assert "safety  intake  1" in told.out
    assert run("rules", "shadow", "--json").json["summary"]["changed"] == 1
    (row,) = csv.DictReader(io.StringIO(run("rules", "shadow", "--csv").out))
    assert (row["decision_id"], row["from_queue"], row["to_queue"]) == ("dec_000001", "safety", "intake")
    assert "off" in run("rules", "shadow", "--stop").out
    assert run("rules", "shadow", "--stop", "--json").json == {"stopped": False}
    assert changes(database) == [(getpass.getuser(), "shadow.start"), (getpass.getuser(), "shadow.stop")]


def test_a_shadow_of_a_version_or_the_draft_begins_unless_it_has_faults(run: Run, database: Database, milder: str) -> None:
    started = run("rules", "shadow", "--version", "1", "--json").json
    assert started["hash"] == run("rules", "shadow", "--draft", "--json").json["hash"]
    assert run("rules", "shadow", "--version", "9").code == 1
    for arguments in ([milder, "--draft"], ["--version", "1", "--stop"], ["--csv", "--json"], ["--stop", "--csv"]):
        assert run("rules", "shadow", *arguments).code == 2

    def spoil(conn: Any) -> None:
        rulebooks.lock_draft(conn)
        rulebooks.save_draft(conn, {"schema": 2}, SettableClock().now(), "ops")

    database.write_now(spoil)
    refused = run("rules", "shadow", "--draft")
    assert refused.code == 1
    assert "faults" in refused.err


def test_what_cannot_be_written_is_misuse_and_no_traceback(run: Run, database: Database, tmp_path: Path) -> None:
    triggers = tmp_path / "triggers.json"
    triggers.write_text('{"triggers": []}')
    for command in (["export"], ["import", str(triggers)]):
        told = run("rules", *command, "--into", str(tmp_path))
        assert told.code == 2
        assert "cannot be written" in told.err


def api_publishes(database: Database, title: str) -> int:
    """Somebody else's version, by the API: the live one under another title."""

    def write(conn: Any) -> int:
        document = {**rulebooks.live(conn).document, "title": title}
        return rulebooks.publish(conn, document, read(document).hash, title, SettableClock().now(), "Ana's key")

    return database.write_now(write)


def test_a_file_is_compared_with_the_version_it_was_exported_from_and_then_with_what_it_was_published_as(
    run: Run, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "book.yaml"
    assert run("rules", "export", "--into", str(file)).code == 0
    file.write_text(file.read_text().replace("ts_injury", "ts_bite"))
    assert run("rules", "publish", str(file), "--note", "a tag", "--json").json["version"] == 2
    file.write_text(file.read_text().replace("ts_bite", "ts_bitten"))
    assert run("rules", "publish", str(file), "--note", "another", "--json").json["version"] == 3
    assert file.read_text().startswith("# tsbridge: based on version 3\n")
    assert api_publishes(database, "Ana's words") == 4
    file.write_text(file.read_text().replace("ts_bitten", "ts_hurt"))
    refused = run("rules", "publish", str(file), "--note", "a third")
    assert refused.code == 1
    assert "based on version 3, and version 4 is live" in refused.err
    assert "changed  title" in refused.err
    assert database.read_now(rulebooks.live_version) == 4
    told = run("rules", "publish", str(file), "--note", "a third", "--json").json
    assert (told["based_on"], told["live_version"], told["clashes"]) == (3, 4, [])
    assert [one["part"] for one in told["difference"]["other"]] == ["title"]
    assert run("rules", "publish", str(file), "--note", "a third", "--base", "3").code == 1
    assert run("rules", "publish", str(file), "--note", "a third", "--base", "9").code == 2
    assert run("rules", "publish", str(file), "--note", "a third", "--base", "4").code == 0
    published = database.read_now(lambda conn: rulebooks.get(conn, 5))
    assert published.published_by == pwd.getpwuid(os.getuid()).pw_name


def test_a_file_that_says_nothing_of_its_base_replaces_nobodys_version(run: Run, database: Database, milder: str) -> None:
    bare = Path(milder).read_text()
    assert run("rules", "publish", milder, "--note", "onto the starter").code == 0
    Path(milder).write_text(bare.replace("set_severity: 3", "set_severity: 4").replace("severity: 3", "severity: 4"))
    assert run("rules", "publish", milder, "--note", "onto my own").code == 0
    api_publishes(database, "Ana's words")
    Path(milder).write_text(bare)
    refused = run("rules", "publish", milder, "--note", "onto Ana's")
    assert refused.code == 1
    assert "does not say which version it is based on" in refused.err
    assert "title" in refused.err
    assert run("rules", "restore", "1", "--note", "restoring compares nothing").code == 0


def test_a_publish_of_a_file_is_found_by_the_rules_it_touched(run: Run, database: Database, milder: str) -> None:
    assert run("rules", "publish", milder, "--note", "milder").code == 0
    (row,) = database.read_now(lambda conn: change_log.listed(conn, change_log.ChangeFilter(subject="injury"), 10))
    assert (row["action"], row["after"]["rules"]) == ("rulebook.publish", {"changed": ["injury"]})
    assert database.read_now(lambda conn: change_log.listed(conn, change_log.ChangeFilter(subject="to-intake"), 10)) == []


@pytest.mark.parametrize("start", ["", "\ufeff", "# ours\n\n", "# ours\r\n", "# tsbridge: based on version 7\r\n# ours\r\n"])
def test_a_files_base_stands_in_one_comment_and_changes_nothing_else(start: str) -> None:
    body = "a: '# tsbridge: based on version 5'\n"
    raw = (start + body).encode()
    assert based_on(raw) == (7 if "7" in start else None)
    marked = with_base(raw, 12)
    assert based_on(marked) == 12
    assert marked.count(b"\n# tsbridge: based on") + marked.lstrip(b"\xef\xbb\xbf").startswith(b"# tsbridge: based on") == 1
    assert marked.endswith(body.encode())
    assert load_text(marked) == load_text(raw)
    assert with_base(marked, 7 if "7" in start else 12) == (raw if "7" in start else marked)


BITES = {
    "title": "Bites",
    "conditions": {"all": [{"field": "status", "value": "new"}]},
    "actions": [{"field": "current_tags", "value": "x"}],
}


def test_triggers_are_put_into_the_draft_at_a_named_place(run: Run, database: Database, tmp_path: Path) -> None:
    triggers = tmp_path / "triggers.json"
    triggers.write_text(json.dumps({"triggers": [BITES]}))
    command = ("rules", "import", str(triggers), "--into", "draft")
    standing = [rule["key"] for rule in load_text(run("rules", "export", "--draft").out.encode())["rules"]]
    assert run(*command, "--after", standing[0]).code == 0
    drafted = load_text(run("rules", "export", "--draft").out.encode())
    assert [rule["key"] for rule in drafted["rules"]] == [standing[0], "bites", *standing[1:]]
    assert load_text(run("rules", "export").out.encode())["rules"] != drafted["rules"]
    assert changes(database) == [(getpass.getuser(), "rulebook.import")]
    for wrong in (["--before", "nobody"], ["--before", "bites", "--after", "bites"], ["--rulebook", str(triggers)]):
        assert run(*command, *wrong).code == 2
    assert run("rules", "import", str(triggers), "--before", standing[0]).code == 2
    assert load_text(run("rules", "export", "--draft").out.encode()) == drafted
