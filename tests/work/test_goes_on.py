"""A story goes on from where it is: what is new is judged, what comes late goes back no further than it must, and the end is the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.clocks import SettableClock
from tests.work.test_walk_laws import BOOK
from tests.work.walk import Walk, call, ticket
from tsbridge.core.casestate_json import to_json
from tsbridge.core.rules.text import NEWEST
from tsbridge.core.story import CHECKPOINT
from tsbridge.store import decisions, links, moments, schema
from tsbridge.store.case_tables import cases, checkpoints
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decisions as rows
from tsbridge.store.latest_texts import KEPT_EVERY
from tsbridge.store.moment_tables import texts
from tsbridge.work.verdicts import Known

ANA = "+14155550123"
LONG = CHECKPOINT + 30


@pytest.fixture
def late(clock: SettableClock) -> SettableClock:
    """All is heard two days later: the order of arrival is free."""
    clock.advance(timedelta(days=2))
    return clock


def story(comments: int, words: Callable[[int], str] = lambda n: f"word{n}") -> list[tuple[str, dict[str, Any]]]:
    """One ticket, commented on each minute, by whoever; its agent is the requester for a while, and a call comes in between."""
    told = [ticket("created", 0, text="hello", phone=ANA), call("call.missed", 30.5, phone=ANA)]
    for n in range(1, comments):
        by = "7" if n % 5 == 0 else ""
        person = "43" if comments // 3 < n < comments // 2 else "41"
        told.append(ticket("commented", n, text=words(n), by=by, person=person, phone=ANA))
    return told


def heard(database: Database, clock: SettableClock, batches: list[list[tuple[str, dict[str, Any]]]]) -> Walk:
    walk = Walk(database, clock, BOOK)
    for batch in batches:
        walk.tell(batch)
        walk.work()
    return walk


@pytest.mark.parametrize("seed", range(1))
def test_a_long_story_told_in_pieces_ends_as_one_told_at_once(
    make_database: Callable[[], Database], late: SettableClock, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  # reproducible
    told = story(LONG)
    told.insert(70, ticket("commented", 69.5, text="she was bitten and is in hospital", phone=ANA))
    expected = heard(make_database(), late, [told]).outcome()
    pieces, rest = [], list(told)
    while rest:
        size = rng.choice([1, 3, 17, 40])
        pieces.append(rest[:size])
        rest = rest[size:]
    for _ in range(4):  # some come late, a few minutes or from the beginning
        take = rng.choice(pieces[1:-1])
        pieces.insert(rng.randrange(pieces.index(take), len(pieces)), [take.pop(rng.randrange(len(take)))])
        pieces = [piece for piece in pieces if piece]
    walk = heard(make_database(), late, pieces)
    assert walk.outcome() == expected
    assert everything_again(walk) == [case[-1] for case in expected["cases"]]


def everything_again(walk: Walk) -> list[Any]:
    """The states of all cases in the order of their ids, each judged from its start."""

    def judge(conn: Any) -> list[Any]:
        live, found = walk.rulebooks.live(conn), []
        for case_id in conn.execute(select(cases.c.id).order_by(cases.c.id)).scalars().all():
            subjects = links.members(conn, case_id)
            known = Known(case_id, subjects, moments.story(conn, subjects), decisions.in_force(conn, subjects))
            found.append(to_json(walk.conclusions.judging.verdict(conn, live, known, walk.clock.now()).state))
        return found

    return walk.database.read_now(judge)


def test_what_is_kept_of_a_long_story_is_little(database: Database, late: SettableClock) -> None:
    walk = heard(database, late, [story(LONG)[n : n + 10] for n in range(0, LONG, 10)])

    def count(conn: Any) -> tuple[int, int, int, int]:
        kept = conn.execute(select(func.count(), func.max(func.length(checkpoints.c.state))).select_from(checkpoints)).one()
        said = conn.execute(select(texts.c.body, texts.c.revision).order_by(texts.c.revision)).all()
        seen = conn.execute(select(func.max(func.length(rows.c.seen)))).scalar_one()
        words = [word for one in said for word in one.body["text"].split("\n")]
        assert len(words) == len(set(words)) > LONG // 2, "what was kept before is not kept again"
        assert len(said) > 1
        assert LONG - said[-1].revision <= KEPT_EVERY + 10
        return kept[0], kept[1], seen, len(walk.outcome()["decisions"])

    assert len(walk.outcome()["cases"]) == 2
    many, longest, seen, decided = walk.database.read_now(count)
    assert many == decided // CHECKPOINT
    assert longest < 8_000
    assert seen < 500, "a decision keeps what it saw as a count and a digest, however much that was"


def test_going_back_to_the_schema_before_parts_a_story_goes_on_all_the_same(
    make_database: Callable[[], Database], late: SettableClock
) -> None:
    told = story(LONG)
    pieces = [told[n : n + 10] for n in range(0, LONG, 10)]
    expected = heard(make_database(), late, pieces).outcome()
    database = make_database()
    walk = heard(database, late, pieces[:7])
    database.write_now(lambda conn: schema.downgrade(conn, "0055"))
    assert database.read_now(lambda conn: conn.exec_driver_sql("SELECT 1 FROM texts").first()) is None
    schema.migrate(database)
    for piece in pieces[7:]:
        walk.tell(piece)
        walk.work()
    assert walk.outcome() == expected


def test_every_decision_of_a_long_story_still_tells_what_it_saw(database: Database, late: SettableClock) -> None:
    told = story(60)
    rng = random.Random(7)  # noqa: S311  # reproducible
    rng.shuffle(told)
    walk = heard(database, late, [told[n : n + 9] for n in range(0, len(told), 9)])
    judge = walk.database.read_now(walk.rulebooks.live).judge

    def check(conn: Any) -> int:
        count = 0
        for id_, moments_seen, digest in conn.execute(select(rows.c.id, rows.c.seen, rows.c.outcome)).all():
            found = decisions.load(conn, id_)
            if found is None or found.seen is None or found.row["retracted"]:
                continue
            kept = moments_seen["texts"]
            assert (found.seen.moments, found.seen.digest) == (kept["count"], kept["digest"])
            again = judge.decide(found.seen.given, found.seen.previous, found.seen.standing, found.seen.at, found.subject)
            assert [[m.key, m.kind] for m in again.matched] == found.row["matched"]
            assert list(again.tags_added) == digest["tags_added"]
            count += 1
        return count

    assert walk.database.read_now(check) > 60


def test_words_that_nobody_looks_at_any_more_are_not_carried_along(make_database: Callable[[], Database], late: SettableClock) -> None:
    told = story(40, lambda n: f"{n} " + "x" * 9_000)
    expected = heard(make_database(), late, [told]).outcome()
    walk = heard(make_database(), late, [told[n : n + 3] for n in range(0, len(told), 3)])
    assert walk.outcome() == expected
    longest = walk.database.read_now(lambda conn: conn.execute(select(func.max(func.length(texts.c.body)))).scalar_one())
    assert longest < 5 * NEWEST
