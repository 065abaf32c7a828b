"""`tsbridge rules` on files in git: where things stand, exit codes for a pipeline, no database."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.test_cli import BOOK, Run, run

__all__ = ["run"]

WEAK = """\
# rules of the night shift
schema: 1
lists:
  words: &words [bitten, hurt]   # what people write
queues: {one: {}, two: {}}
shared: &shared
  kind: escalation
rules:
  - <<: *shared
    key: never
    when:
      all:
        - {field: call.wait_seconds, operator: less_than, value: 60}
        - {field: call.wait_seconds, operator: at_least, value: 60}
    then: [{notify: x}]
  - {key: hurt, kind: escalation, when: {field: text.requester, operator: contains_any, value: *words}, then: [{set_severity: 1}]}
  - key: rest
    kind: routing
    when: {}
    then: [{route: one}]
tests:
  - {name: a bite, given: {text: she was bitten}, expect: {severity: 1}}
  - name: wrong
    given: {text: hello}
    expect: {queue: two}
"""


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, and a database that nobody could open."""
    monkeypatch.setenv("TSBRIDGE_DATABASE_URL", "sqlite:////dev/null/bridge.db")
    path = tmp_path / "night.yaml"
    path.write_text(WEAK.replace("shared: &shared\n  kind: escalation\n", "").replace("<<: *shared", "kind: escalation"))
    return path


def offline(run: Run, *arguments: str) -> Any:
    return run(*arguments, TSBRIDGE_DATABASE_URL="sqlite:////dev/null/bridge.db")


def test_weaknesses_are_told_by_file_and_line_and_are_no_failure(run: Run, book: Path) -> None:
    told = offline(run, "rules", "check", str(book))
    assert told.code == 0
    assert "night.yaml:9: warning: rule never /rules/0/when: " in told.out
    assert "[never_matches]" in told.out
    (finding,) = offline(run, "rules", "check", str(book), "--json").json["findings"]
    assert (finding["line"], finding["code"], finding["rule"]) == (9, "never_matches", "never")


def test_a_zendesk_that_cannot_be_asked_is_said_and_is_no_failure(run: Run, book: Path) -> None:
    book.write_text(book.read_text().replace("queues: {one: {}", "queues: {one: {zendesk_group_id: 61}"))
    asked = {"TSBRIDGE_DATABASE_URL": "sqlite:////dev/null/bridge.db", "TSBRIDGE_ZENDESK_URL": "http://127.0.0.1:9"}
    told = run("rules", "check", str(book), "--json", **asked, TSBRIDGE_ZENDESK_ACCESS_TOKEN="x" * 40)
    assert told.code == 0
    assert [one["code"] for one in told.json["findings"]] == ["never_matches", "zendesk_not_asked"]
    assert "zendesk_not_asked" not in offline(run, "rules", "check", str(book)).out


def test_faults_are_told_by_file_and_line_all_at_once_and_fail(run: Run, book: Path) -> None:
    book.write_text(WEAK.replace("contains_any", "contains_some").replace("{route: one}", "{route: three}"))
    told = offline(run, "rules", "check", str(book))
    assert told.code == 1
    for line in ("night.yaml:6: error: /shared", "night.yaml:16: error: rule hurt", "night.yaml:20: error: rule rest"):
        assert line in told.out, told.out
    for command in (["rules", "test", str(book)], ["rules", "try", "{}", "--file", str(book)]):
        refused = offline(run, *command)
        assert refused.code == 1
        assert "night.yaml:20: error" in refused.err + refused.out


def test_failing_tests_are_told_by_line_and_what_no_test_has_seen_as_well(run: Run, book: Path) -> None:
    told = offline(run, "rules", "test", str(book), "--coverage")
    assert told.code == 1
    assert "night.yaml:21: FAILED wrong" in told.out
    assert "rule never matches in no test" in told.out
    assert "night.yaml:12: rule never: call.wait_seconds at_least was never true" in told.out
    assert "1 of 2 tests passed" in told.out
    shown = offline(run, "rules", "test", str(book), "--json").json
    assert (shown["ok"], shown["coverage"]["summary"]["matched"]) == (False, 2)


def test_generated_tests_are_yaml_to_put_into_the_file_and_pass_there(run: Run, tmp_path: Path) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(BOOK)
    told = offline(run, "rules", "test", str(book), "--generate")
    assert told.code == 0
    made = YAML(typ="safe", pure=True).load(told.out)["tests"]
    assert made
    assert all(test["name"].startswith("generated: ") for test in made)
    entries = "".join(f"  {line}\n" for line in told.out.splitlines()[1:])
    book.write_text(BOOK + entries)
    after = offline(run, "rules", "test", str(book), "--json").json
    assert after["ok"]
    assert len(after["tests"]) == 1 + len(made)
    assert after["coverage"]["summary"]["both_ways"] == after["coverage"]["summary"]["conditions"]
    assert "Nothing is missing" in offline(run, "rules", "test", str(book), "--generate").out


def test_facts_are_tried_on_a_file(run: Run, book: Path) -> None:
    told = offline(run, "rules", "try", '{"text": "badly hurt"}', "--file", str(book), "--json")
    assert told.code == 0
    assert told.json["outcome"]["severity"] == 1


def test_facts_are_tried_with_the_people_of_a_roster(run: Run, tmp_path: Path) -> None:
    book, roster = tmp_path / "book.yaml", tmp_path / "roster.yaml"
    book.write_text(
        "schema: 1\nqueues: {one: {}}\nrules:\n"
        "- {key: alone, kind: escalation, when: {field: oncall.present, operator: is, value: false}, then: [{set_severity: 2}]}\n"
        "- {key: rest, kind: routing, when: {}, then: [{route: one}]}\n"
    )
    roster.write_text(
        "schema: 1\ntimezone: UTC\nagents: {ana: {name: Ana, queues: [one], from: 2026-01-01}}\n"
        "shifts: {day: {days: mon-sun, hours: '08:00-18:00', agents: [ana]}}\ncover: [{oncall: day}]\n"
    )
    command = ("rules", "try", "{}", "--file", str(book), "--roster", str(roster), "--json")
    by_hour = {hour: offline(run, *command, "--at", f"2026-11-23T{hour}:00:00Z").json["outcome"]["severity"] for hour in (12, 22)}
    assert by_hour == {12: None, 22: 2}
    roster.write_text(roster.read_text().replace("oncall: day", "oncall: night"))
    assert "roster.yaml:5: error: /cover/0/oncall" in offline(run, *command[:-1]).err


def test_what_nearly_matched_says_what_it_would_have_taken_and_long_lists_are_cut_short(run: Run, book: Path) -> None:
    words = [f"w{n}" for n in range(10)]
    book.write_text(
        WEAK.replace("[bitten, hurt]", f"[{', '.join(words)}]")
        .replace("shared: &shared\n  kind: escalation\n", "")
        .replace("<<: *shared", "kind: escalation")
        .split("tests:")[0]
    )
    told = offline(run, "rules", "try", '{"text": "hello"}', "--file", str(book)).out
    assert '  hurt would have matched with text.requester contains_any ["w0", "w1", "w2", "and 7 more"]' in told
    told = offline(run, "rules", "try", '{"text": "w9"}', "--file", str(book)).out
    assert 'because text.requester contains_any ["w0", "w1", "w2", "and 7 more"]' in told
    assert "w9" in offline(run, "rules", "try", '{"text": "w9"}', "--file", str(book), "--json").out


def test_a_file_that_unfolds_without_end_is_misuse_at_once(run: Run, tmp_path: Path) -> None:
    book = tmp_path / "bomb.yaml"
    book.write_text("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 31)))
    told = offline(run, "rules", "check", str(book))
    assert told.code == 2
    assert "unfolds" in told.err


def test_zendesks_triggers_are_taken_into_account_when_they_are_given(run: Run, tmp_path: Path) -> None:
    book, triggers = tmp_path / "book.yaml", tmp_path / "triggers.json"
    book.write_text(BOOK)
    condition = '{"field": "current_tags", "operator": "includes", "value": "ts_injury"}'
    action = '{"field": "remove_tags", "value": "ts_injury"}'
    triggers.write_text(f'{{"triggers": [{{"title": "Tidy", "conditions": {{"all": [{condition}]}}, "actions": [{action}]}}]}}')
    assert offline(run, "rules", "check", str(book), "--json").json["findings"] == []
    (found,) = offline(run, "rules", "check", str(book), "--triggers", str(triggers), "--json").json["findings"]
    assert (found["code"], found["rule"], found["line"]) == ("tag_cycle", "injury", 6)
    triggers.write_text('{"tickets": []}')
    assert offline(run, "rules", "check", str(book), "--triggers", str(triggers)).code == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\na: 2\n", ":2: has a key that stands there twice"),
        ("a:\n\tb: 1\n", ":2: is no sound YAML: a tab"),
        ("a: 1\nb: 2026-01-01\n", ":2: has a date"),
    ],
    ids=["twice", "tab", "date"],
)
def test_a_file_that_cannot_be_read_is_told_by_file_and_line_by_every_command(run: Run, tmp_path: Path, text: str, place: str) -> None:
    book = tmp_path / "book.yaml"
    book.write_text(text)
    for command in (["check"], ["test"], ["try", "{}", "--file"], ["diff", str(book)], ["publish", "--note", "x"], ["replay"], ["shadow"]):
        told = offline(run, "rules", *command, str(book))
        assert told.code == 2, command
        assert f"book.yaml{place}" in told.err
        shown = offline(run, "rules", *command, str(book), "--json").json
        assert (shown["file"], shown["line"]) == ("book.yaml", 2)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "just words\n", "- a list\n", "5\n", "null\n"])
def test_a_file_that_holds_something_else_than_a_rulebook_is_a_finding_and_never_a_traceback(run: Run, tmp_path: Path, text: str) -> None:
    book, other = tmp_path / "book.yaml", tmp_path / "other.yaml"
    book.write_text(text)
    other.write_text(BOOK)
    for command in (["check"], ["test"], ["try", "{}", "--file"], ["publish", "--note", "x"]):
        told = offline(run, "rules", *command, str(book))
        assert told.code == 1, command
        assert "book.yaml:1: error: expected a mapping" in told.out + told.err
    assert offline(run, "rules", "check", str(book), "--json").json["findings"][0]["line"] in (1, None)
    for command in (["diff", str(book), str(other)], ["diff", str(other), str(book)], ["import", str(other), "--rulebook", str(book)]):
        told = offline(run, "rules", *command)
        assert told.code == 2, command
        assert "expected a mapping" in told.err


def test_a_rulebook_comes_from_standard_input_as_well(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def piped(text: str, *command: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return offline(run, "rules", *command)

    assert piped(BOOK, "check", "-").code == 0
    assert "standard input: 1 of 1 tests passed" in piped(BOOK, "test", "-").out
    assert "standard input:8: error: rule injury" in piped(BOOK.replace("contains_any", "contains_some"), "check", "-").out
    assert piped("a: [", "check", "-").code == 2


def test_facts_to_try_come_from_standard_input_as_well(run: Run, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"text": "badly hurt"}')))
    told = offline(run, "rules", "try", "-", "--file", str(book), "--json")
    assert told.json["outcome"]["severity"] == 1


def test_coverage_and_failures_name_their_line_in_words_and_in_json(run: Run, book: Path) -> None:
    told = offline(run, "rules", "test", str(book), "--coverage")
    assert 'night.yaml:21: FAILED wrong: queue should be "two", is "one"' in told.out
    assert "night.yaml:7: rule never matches in no test" in told.out
    shown = offline(run, "rules", "test", str(book), "--json").json
    assert [(test["name"], test["line"]) for test in shown["tests"]] == [("a bite", 20), ("wrong", 21)]


def test_conditions_that_no_event_shows_are_told_and_are_not_nothing(run: Run, book: Path) -> None:
    told = offline(run, "rules", "test", str(book), "--generate")
    assert told.code == 0
    assert "# rule never: no event was found that shows condition /rules/0/when/all/0 true" in told.out
    assert "Nothing is missing" not in told.out


def test_zendesks_rules_that_cannot_be_read_are_misuse(run: Run, tmp_path: Path) -> None:
    odd = tmp_path / "odd.json"
    for text in ("[1]", "{", '{"tickets": []}'):
        odd.write_text(text)
        assert offline(run, "rules", "import", str(odd)).code == 2
    assert offline(run, "rules", "import", "/nowhere.json").code == 2
