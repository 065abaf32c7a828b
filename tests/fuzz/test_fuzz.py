"""Whatever bytes come, each reader reads them or refuses them in its own words, and soon.

Each has its corpus: sound inputs of the project, and `corpus/<reader>/`, where whatever once made one stumble is kept. A few
mutations for every change; `FUZZ=600` for ten minutes of each (`make soak`).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import Request

from tests.fuzz.mutations import mutated
from tests.roster import feed_texts
from tests.roster.rosters import document as roster_document
from tests.rulebook.books import ZONE
from tests.seeds import first
from tests.vendors.captured import FIXTURES, deliveries, normalized
from tsbridge import document_files
from tsbridge.core import acklink, feedlink, strict_json
from tsbridge.core.errors import Malformed
from tsbridge.document_files import BadFile
from tsbridge.http import retry_after
from tsbridge.roster import ical_in
from tsbridge.roster.check import check as check_roster
from tsbridge.roster.ical_events import BadFeed
from tsbridge.rulebook.check import check as check_rulebook
from tsbridge.vendors.talkdesk import payload as talkdesk
from tsbridge.vendors.zendesk import payload as zendesk
from tsbridge.web.accept import choose
from tsbridge.web.etags import need_match, none_match
from tsbridge.web.inputs import query_time, whole_number
from tsbridge.web.pages import instant_of, open_cursor, seal_cursor
from tsbridge.web.problems import Problem

SECONDS: Final = float(os.environ.get("FUZZ", "0"))
FEW: Final = 15
AT_MOST_S: Final = 5.0
"""Of computing for one input of twenty thousand bytes at most. The slowest are feeds and rulebooks, which are read in processes of their
own that are ended after a while."""
CORPUS: Final = Path(__file__).parent / "corpus"
ROOT: Final = Path(__file__).resolve().parents[2]
NOW: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)


def strict(raw: bytes) -> None:
    try:
        value = strict_json.read(raw)
    except Malformed:
        return
    again = json.dumps(value, allow_nan=False).encode()
    assert strict_json.read(again) == value


def rulebook(raw: bytes) -> None:
    try:
        document = document_files.load_text(raw)
    except BadFile:
        return
    json.dumps([finding.to_json() for finding in check_rulebook(document, ZONE)], ensure_ascii=False)


def roster(raw: bytes) -> None:
    try:
        document = document_files.load_text(raw, dates=True)
    except BadFile:
        return
    json.dumps([finding.to_json() for finding in check_roster(document)], ensure_ascii=False)


def feed(raw: bytes) -> None:
    try:
        found = ical_in.read(raw, NOW, NOW + timedelta(days=60), ZONE)
    except BadFeed:
        return
    assert all(span.start < span.end for span in found.spans)


def wait(raw: bytes) -> None:
    for now in (NOW, None, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        found = retry_after(raw.decode("latin-1"), now)
        assert found is None or timedelta(seconds=1) <= found <= timedelta(hours=1)


def cursor(raw: bytes) -> None:
    for kinds in ((int,), (str,), (int, str)):
        try:
            last = open_cursor(raw.decode("utf-8", "surrogateescape"), "cases", kinds)
            assert [type(part) for part in last] == list(kinds)
            if kinds[0] is int:
                instant_of(last[0])
        except Problem:
            continue


def delivery(raw: bytes) -> None:
    """As the door and the reader of deliveries take it: a trigger's body, an event's, Talkdesk's."""
    zendesk.ring_of(raw)
    try:
        value: Any = strict_json.read(raw)
    except Malformed:
        value = None
    assert zendesk.delivery_key(value, raw, {})
    assert talkdesk.delivery_key(value, raw)
    if value is None:
        return
    for vendor in ("zendesk", "talkdesk"):
        try:
            found = normalized(vendor, value)
        except Malformed:
            continue
        assert bool(found.moments) != (found.ignored is not None)


def link(raw: bytes) -> None:
    text = raw.decode("latin-1")
    assert acklink.read(text, {1: b"a key of a link"}) is None
    feedlink.claimed(text)


def header(raw: bytes) -> None:
    """Parameters and headers of a request."""
    text = raw.decode("latin-1")
    scope = {"type": "http", "headers": [(b"accept", raw)], "query_string": b"", "path": "/"}
    tries: tuple[Callable[[], object], ...] = (
        lambda: choose(Request(scope), ("application/json", "text/csv")),
        lambda: need_match(text, '"v1"'),
        lambda: none_match(text, '"v1"'),
        lambda: query_time("from", text),
        lambda: whole_number("query", "limit", text, 1, 200),
    )
    for one in tries:
        with contextlib.suppress(Problem):
            one()


Reader = Callable[[bytes], None]
READERS: Final[dict[str, Reader]] = {
    reader.__name__: reader for reader in (strict, rulebook, roster, feed, wait, cursor, delivery, link, header)
}


def sound(name: str) -> Iterator[bytes]:
    """What the reader is meant for."""
    if name in ("strict", "delivery"):
        yield from (path.read_bytes() for path in deliveries())
        yield from (path.read_bytes() for path in sorted((FIXTURES / "zendesk").glob("trigger__*.json")))
    elif name == "rulebook":
        book = (ROOT / "rulebooks" / "incident-desk.yaml").read_bytes()
        yield from (book[:8_000], book[-8_000:], b"schema: 1\nqueues: {a: {}}\nrules: []\n")
    elif name == "roster":
        yield (ROOT / "rulebooks" / "incident-desk-roster.yaml").read_bytes()
        yield document_files.dump(roster_document()).encode()
    elif name == "feed":
        weekly = feed_texts.event(
            "DTSTART;TZID=America/New_York:20261102T090000",
            "DTEND;TZID=America/New_York:20261102T170000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=40",
            "EXDATE;TZID=America/New_York:20261103T090000",
            "SUMMARY:ana",
        )
        yield feed_texts.feed(weekly, feed_texts.event("DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261126", uid="two"))
    elif name == "wait":
        yield from (b"120", b"Mon, 23 Nov 2026 09:02:00 GMT", b"Monday, 23-Nov-26 09:02:00 GMT", b"-1", b"1.5")
    elif name == "cursor":
        yield from (seal_cursor("cases", key).encode() for key in ((1,), ("a",), (1_700_000_000_000_000, "case_1")))
    elif name == "link":
        yield feedlink.sign(feedlink.FeedLink("agent", "ana"), b"secret" * 4).encode()
        yield b"1.eyJrIjoiY2FzZSJ9abcdefgh.ABCDEFGHIJKLMNOPQRSTUV"
    else:
        yield from (b"text/csv;q=0.5, */*", b'"v1", W/"v2"', b"2026-11-23T09:00:00+01:00", b"200", b"*")


def corpus(name: str) -> list[bytes]:
    kept = CORPUS / name
    return [*sound(name), *(path.read_bytes() for path in sorted(kept.glob("*")))]


def tried(reader: Reader, raw: bytes) -> None:
    began = time.process_time()
    try:
        reader(raw)
    except Exception as failure:
        raise AssertionError(f"{reader.__name__} stumbles over {raw!r}") from failure
    assert time.process_time() - began < AT_MOST_S, f"{reader.__name__} is slow with {raw!r}"


@pytest.mark.parametrize("name", sorted(READERS))
def test_what_is_kept_is_read_or_refused(name: str) -> None:
    assert corpus(name)
    for raw in corpus(name):
        tried(READERS[name], raw)


@pytest.mark.timeout(max(120, SECONDS * 2))
@pytest.mark.parametrize("seed", first(1, range(4)))
@pytest.mark.parametrize("name", sorted(READERS))
def test_what_is_made_of_it_is_read_or_refused(name: str, seed: int) -> None:
    dice, sources = random.Random(f"{name} {seed} {SECONDS}"), corpus(name)  # noqa: S311
    until = time.monotonic() + SECONDS / 4
    count = 0
    while count < FEW or time.monotonic() < until:
        tried(READERS[name], mutated(dice, sources))
        count += 1
