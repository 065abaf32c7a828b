"""The audit finds by what was summed up, and by what was not yet, exactly what looking at every decision finds."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select

from tests.clocks import START
from tests.seeds import first
from tsbridge.acts.audit_lines import PIECE, Decisions
from tsbridge.store import facets, routing, tallies, terms
from tsbridge.store.db import Database
from tsbridge.store.decision_tables import decision_facets, decision_rules, decision_tags, decisions
from tsbridge.store.link_tables import handles, interactions
from tsbridge.store.routing_filter import RoutingFilter

MANY = 2 * facets.SIZE + 500
LATER = START + timedelta(days=9)
RULES = (("injury", "escalation"), ("refund", "escalation"), ("to-safety", "routing"), ("default", "routing"))


def decided(number: int, rng: random.Random) -> dict[str, Any]:
    """A decision; some times go back, as late moments do, and two rules have traded kinds."""
    tags = [tag for tag in ("ts_injury", "ts_vip") if rng.random() < 0.3] + (["ts_rare"] if number == 77 else [])
    rules = [list(rule) for rule in RULES if rng.random() < 0.4] + ([["refund", "routing"]] if number % 501 == 0 else [])
    severity, queue = rng.choice((1, 2, 4, None)), rng.choice(("safety", "intake", None))
    category = None if queue is None else f"{queue}_{rng.randrange(2)}"
    outcome = {"category": category, "tags_added": tags, "tags_removed": [], "changes_nothing": rng.random() < 0.5}
    case = number % 97
    return {
        **{"number": number, "id": f"dec_{number}", "moment": f"m{number}", "event": "ticket.created", "case_id": f"case_{case}"},
        **{"at": START + timedelta(minutes=number - rng.choice((0, 0, 0, 700))), "recorded_at": START + timedelta(minutes=number)},
        **{"source": "zendesk", "interaction": str(case), "channel": rng.choice(("email", "chat")), "severity": severity, "queue": queue},
        **{"agent": rng.choice(("41", "42", None)), "rulebook_version": 1 + number // 1_000, "mode": "live", "salt": "s"},
        **{"outcome": outcome if number % 50 else {}, "matched": rules if number % 50 else [], "seen": None, "retracted": number % 50 == 0},
    }


def fill(conn: Connection) -> None:
    rng = random.Random(11)  # noqa: S311
    rows = [decided(number, rng) for number in range(1, MANY + 1)]
    conn.execute(insert(decisions), rows)
    rules = [
        {"number": row["number"], "key": key, "kind": kind} for row in rows for key, kind in {k: [k, v] for k, v in row["matched"]}.values()
    ]
    conn.execute(insert(decision_rules), rules)
    conn.execute(
        insert(decision_tags), [{"number": row["number"], "tag": tag} for row in rows for tag in row["outcome"].get("tags_added", ())]
    )
    for case in range(97):
        life = {"opened_at": START, "last_at": START, "case_key": f"case_{case}", "case_id": f"case_{case}"}
        conn.execute(insert(interactions).values(source="zendesk", id=str(case), **life))
        conn.execute(
            insert(handles).values(kind="email", value=f"p{case % 9}@example.com", source="zendesk", interaction=str(case), role="person")
        )


def sum_up_all(conn: Connection, now: datetime = LATER) -> int:
    while facets.sum_up(conn, now):
        pass
    return facets.built(conn)


def fits(row: Any, wanted: RoutingFilter) -> bool:
    """As plainly as it can be said."""
    outcome = row.outcome
    rules = [(key, kind) for key, kind in dict(row.matched).items()]
    return (
        (wanted.since is None or row.at >= wanted.since)
        and (wanted.until is None or row.at < wanted.until)
        and wanted.case in (None, row.case_id)
        and wanted.ticket in (None, row.interaction)
        and (not wanted.people or wanted.people[0][1] == f"p{int(row.interaction) % 9}@example.com")
        and wanted.queue in (None, row.queue)
        and (not wanted.agent or row.agent in wanted.agent)
        and (wanted.tag is None or wanted.tag in outcome.get("tags_added", ()))
        and wanted.category in (None, outcome.get("category"))
        and wanted.channel in (None, row.channel)
        and wanted.severity in (None, row.severity)
        and wanted.version in (None, row.rulebook_version)
        and wanted.changed in (None, not outcome.get("changes_nothing", False))
        and all({*facets.facets_of(row)} & {*meant} for meant in wanted.words)
        and ((wanted.rule, wanted.kind) == (None, None) or any(wanted.rule in (None, k) and wanted.kind in (None, v) for k, v in rules))
    )


ASKED: dict[str, list[Any]] = {
    "since": [START + timedelta(minutes=facets.SIZE + 9), START + timedelta(minutes=MANY - 30)],
    "until": [START + timedelta(minutes=facets.SIZE + 9), START + timedelta(minutes=30)],
    "case": ["case_5"],
    "ticket": ["7"],
    "people": [(("email", "p3@example.com"),)],
    "rule": ["injury", "refund", "to-safety", "nothing"],
    "queue": ["safety"],
    "agent": [("ana", "41"), ("41", "42")],
    "tag": ["ts_injury", "ts_rare"],
    "category": ["safety_1"],
    "channel": ["chat"],
    "severity": [1],
    "kind": ["escalation", "routing"],
    "version": [2],
    "changed": [True, False],
    "words": [
        ((("escalation", "injury"), ("tag", "ts_injury")),),
        ((("tag", "ts_rare"), ("queue", "safety")), (("channel", "chat"), ("category", "safety_1"), ("agent", "41"))),
        ((),),
    ],
}


KINDS = ("changed", "queue", "severity", "escalation", "tag")


def filters(every: int) -> Iterator[RoutingFilter]:
    """Each alone, and every so manieth pair; 0: none."""
    yield RoutingFilter()
    for name, values in ASKED.items():
        yield from (replace(RoutingFilter(), **{name: value}) for value in values)
    for one, other in list(combinations(ASKED, 2))[::every] if every else ():
        yield replace(RoutingFilter(), **{one: ASKED[one][0], other: ASKED[other][0]})


@pytest.mark.parametrize(("blocks", "every"), first(2, [(0, 0), (2, 5), (2, 1)]))
def test_every_filter_alone_and_in_pairs_finds_and_counts_what_looking_at_every_decision_finds(
    database: Database, blocks: int, every: int
) -> None:
    def check(conn: Connection) -> None:
        rows = conn.execute(select(decisions).order_by(decisions.c.number.desc())).all()
        known: dict[RoutingFilter, frozenset[int]] = {}
        has = {row.number: list(facets.facets_of(row)) for row in rows}

        def those(wanted: RoutingFilter) -> frozenset[int]:
            if wanted not in known:
                known[wanted] = frozenset(row.number for row in rows if fits(row, wanted))
            return known[wanted]

        for turn, wanted in enumerate(filters(every)):
            asked = {name: value for name in ASKED if (value := getattr(wanted, name)) not in (None, ())}
            alone = [wanted] if {"rule", "kind"} <= asked.keys() else [RoutingFilter(**{name: value}) for name, value in asked.items()]
            right = sorted(frozenset.intersection(*map(those, alone or [RoutingFilter()])), reverse=True)
            assert [row["number"] for row in routing.decision_list(conn, wanted, 60)] == right[:60], wanted
            if turn % 8 == 0 and wanted.kind is None:  # a rule that traded its kind counts with both
                counts = Counter(facet for number in right for facet in has[number] if facet[0] in KINDS)
                found = tallies.tallied(conn, wanted, KINDS)
                assert {(kind, value): count for kind, values in found.items() for value, count in values.items() if count} == counts, (
                    wanted
                )
            for place in (len(right) // 2, len(right) - 5):
                if place > 0:
                    found = routing.decision_list(conn, wanted, 20, before=right[place])
                    assert [row["number"] for row in found] == right[place + 1 :][:20], wanted

    database.write_now(fill)
    if blocks:
        assert database.write_now(sum_up_all) == blocks
    database.read_now(check)


def test_a_word_means_the_same_before_and_after_summing_up_and_pages_and_streams_give_everything_once(database: Database) -> None:
    database.write_now(fill)

    def meant(words: str) -> Any:
        return database.read_now(lambda conn: terms.meant(conn, terms.Titles(), words))

    in_all = (("category", "safety_0"), ("category", "safety_1"), ("queue", "safety"), ("routing", "to-safety"))
    for summed in (False, True):
        assert meant("SAFETY chat nothing") == (in_all, (("channel", "chat"),), ())
        assert meant("rare") == ((("tag", "ts_rare"),),)
        assert summed or database.write_now(sum_up_all)

    def walk(conn: Connection) -> list[int]:
        found, before = list[int](), None
        while rows := routing.decision_list(conn, RoutingFilter(channel="chat"), 150, before):
            found += [row["number"] for row in rows]
            before = found[-1]
        return found

    chosen = select(decisions.c.number).where(decisions.c.channel == "chat").order_by(decisions.c.number.desc())
    right = database.read_now(lambda conn: list(conn.execute(chosen).scalars()))
    assert database.read_now(walk) == right
    lines, text = Decisions(RoutingFilter(channel="chat"), as_csv=True), b""
    while not lines.over:
        text += database.read_now(lines.piece)
    assert [int(row["number"]) for row in csv.DictReader(io.StringIO(text.decode()))] == right
    assert len(right) == lines.count > PIECE


def test_a_block_is_summed_up_once_it_is_whole_or_nothing_can_come_into_it_any_more(database: Database) -> None:
    database.write_now(fill)
    database.write_now(lambda conn: conn.execute(delete(decisions).where(decisions.c.number == facets.SIZE - 5)) and None)
    next_block = START + timedelta(minutes=facets.SIZE)
    assert database.write_now(lambda conn: sum_up_all(conn, next_block)) == 0  # whoever drew that number may still be at work
    assert database.write_now(lambda conn: sum_up_all(conn, next_block + facets.SETTLED)) == 2  # the second is whole
    assert not database.read_now(facets.any_whole)


def test_what_is_not_kept_any_longer_is_passed_over(database: Database) -> None:
    database.write_now(fill)
    database.write_now(sum_up_all)
    database.write_now(lambda conn: conn.execute(delete(decisions).where(decisions.c.number.between(100, 2_500))) and None)
    every = database.read_now(lambda conn: conn.execute(select(decisions).order_by(decisions.c.number.desc())).all())
    for wanted in (RoutingFilter(queue="safety"), RoutingFilter(severity=1, until=START + timedelta(minutes=3_000))):
        right = [row.number for row in every if fits(row, wanted)]
        found = database.read_now(lambda conn, wanted=wanted: routing.decision_list(conn, wanted, MANY))
        assert [row["number"] for row in found] == right


def test_summing_up_takes_few_bytes_a_decision(database: Database) -> None:
    database.write_now(fill)
    blocks = database.write_now(sum_up_all)
    sizes = database.read_now(lambda conn: [len(bits) + 30 for bits in conn.execute(select(decision_facets.c.bits)).scalars()])
    assert sum(sizes) / (blocks * facets.SIZE) < 10
