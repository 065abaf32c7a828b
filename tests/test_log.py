"""What reaches the log: one JSON object a line, nothing of anybody's."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tsbridge
from tsbridge import log
from tsbridge.cli.failures import told


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level, hooks = root.handlers[:], root.level, (threading.excepthook, sys.unraisablehook)
    stream = io.StringIO()
    log.configure("info", stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    threading.excepthook, sys.unraisablehook = hooks


def only(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_an_event_is_one_line_of_json_with_its_allowed_facts(lines: io.StringIO) -> None:
    logging.getLogger("tsbridge.work").info("settled", extra={"event_id": "evt_1", "attempts": 2})
    line = only(lines)
    assert (line["event"], line["event_id"], line["attempts"], line["level"]) == ("settled", "evt_1", 2, "info")
    assert line["timestamp"].endswith("Z")


def test_what_is_not_on_the_list_is_only_measured(lines: io.StringIO) -> None:
    logging.getLogger("tsbridge").info("heard", extra={"text": "my dog was bitten", "requester": {"name": "Ana"}})
    line = only(lines)
    assert (line["text"], line["requester"]) == ("<str(17)>", "<dict(1)>")


@pytest.mark.parametrize("forged", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\x00b", "a\u202eb"])
def test_nobody_can_forge_a_line_or_colour_a_terminal(lines: io.StringIO, forged: str) -> None:
    logging.getLogger("tsbridge").info("heard", extra={"reason": forged})
    assert not set(forged) - set("ab[31m") & set(only(lines)["reason"])


@pytest.mark.parametrize(
    ("told", "hidden"),
    [
        ("from ana.b+x@mail.example.com", "ana.b"),
        ("call +1 (415) 555-0123 back", "555"),
        ("card 4111 1111 1111 1111", "4111"),
        ("key tsb_ABCDEFGH_0123456789012345678901234567890123456789012", "0123456789"),
        ("Authorization: Bearer abc.def", "abc.def"),
        ("postgresql://me:secret@host/db", "secret"),
    ],
)
def test_a_second_net_catches_what_looks_like_a_persons_or_a_secret(lines: io.StringIO, told: str, hidden: str) -> None:
    logging.getLogger("somebody.elses").warning(told)
    line = only(lines)
    del line["timestamp"]  # a time may well have these digits
    assert hidden not in str(line)


def test_ids_hashes_and_times_go_through_the_net(lines: io.StringIO) -> None:
    facts = {"hash": "sha256:" + "0123456789abcdef" * 4, "due_at": "2026-11-22T09:16:02Z", "ticket": "4711", "event_id": "evt_01kb3v9x"}
    logging.getLogger("tsbridge").info("settled", extra=facts)
    assert only(lines).items() >= facts.items()


def test_an_exception_is_its_kind_and_place_without_its_words(lines: io.StringIO) -> None:
    try:
        raise ValueError("Ana's number is in here")
    except ValueError:
        logging.getLogger("tsbridge").exception("could not")
    line = only(lines)
    assert line["exception"].startswith("builtins.ValueError at test_log.py:")
    assert "Ana" not in lines.getvalue()


def fails() -> None:
    raise KeyError("Zenobia was bitten")


def fails_over(said: str) -> None:
    fails()


class FailsAtItsEnd:
    def __del__(self) -> None:
        fails()


def test_what_dies_unseen_is_told_without_its_words(lines: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    made = FailsAtItsEnd()
    del made
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        lost: asyncio.Future[None] = loop.create_future()
        lost.set_exception(KeyError("Zenobia was bitten"))
        loop.call_exception_handler({"message": "Future exception was never retrieved", "exception": lost.exception(), "future": lost})
        loop.call_soon(fails_over, "Zenobia was bitten")
        loop.call_soon(loop.stop)
        loop.run_forever()
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [one["event"] for one in found] == [
        "a thread died",
        "a failure was ignored",
        "Future exception was never retrieved",
        "Exception in callback fails_over",
    ]
    assert all("KeyError" in one["exception"] for one in found)
    assert "Zenobia" not in lines.getvalue() + "".join(capfd.readouterr())


def test_a_command_that_fails_as_nobody_foresaw_says_where_and_not_with_what() -> None:
    try:
        fails()
    except KeyError as failure:
        code, words, _ = told(failure)
    assert code == 1
    assert "builtins.KeyError at test_log.py" in words
    assert "Zenobia" not in words


def test_a_long_value_is_cut(lines: io.StringIO) -> None:
    logging.getLogger("tsbridge").info("x", extra={"reason": "a" * 10_000})
    assert len(only(lines)["reason"]) <= log.LONGEST + 1


def test_access_lines_with_their_query_strings_are_never_written(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info('%s - "%s %s"', "1.2.3.4", "GET", "/v1/cases?person=ana")
    logging.getLogger("httpx").info("HTTP Request: GET /search?query=ana")
    assert lines.getvalue() == ""


def test_whatever_an_alarm_names_is_read_in_the_log() -> None:
    named = {
        word.arg
        for path in Path(tsbridge.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("_alarm")
        for word in call.keywords
        if word.arg is not None
    }
    assert {"since", "way", "by"} <= named
    assert named <= log.ALLOWED
