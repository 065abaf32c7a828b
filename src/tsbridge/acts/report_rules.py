"""Rules as reports count them: each time one matched, and what became of that."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from tsbridge.acts.around import Around
from tsbridge.acts.report_cases import cases_about, decided_about
from tsbridge.reports.cases import Case
from tsbridge.reports.firings import Asks, Firing, was_right
from tsbridge.reports.model import Question
from tsbridge.store import rulebooks
from tsbridge.store.reported import Row


def firings(conn: Connection, around: Around, question: Question) -> list[Firing]:
    """A firing for each rule of each decision; of a decision without any, one without a rule."""
    whole = {case.case_id: case for case in cases_about(conn, around, question)}
    rows = sorted(decided_about(conn, around, question), key=lambda row: (row["at"], row["id"]))
    asks = _asks(conn, {row["rulebook_version"] for row in rows})
    first: dict[tuple[str, str], datetime] = {}
    by: dict[tuple[str, str], set[Asks]] = defaultdict(set)
    for row in rows:
        for key, _ in row["matched"]:
            first.setdefault((row["case_id"], key), row["at"])
            if (asked := asks.get((row["rulebook_version"], key))) is not None:
                by[row["case_id"], key].add(asked)
    right = {pair: was_right(by[pair], at, whole[pair[0]].life) for pair, at in first.items()}
    found = []
    for row in rows:
        if question.holds(row["at"]):
            found += [_firing(row, (key,), whole[row["case_id"]], right[row["case_id"], key]) for key, _ in row["matched"]]
            if not row["matched"]:
                found.append(_firing(row, (), whole[row["case_id"]], None))
    return found


def _firing(row: Row, rules: tuple[str, ...], case: Case, right: bool | None) -> Firing:
    return Firing(
        at=row["at"],
        **{**case.about(), "channel": row["channel"], "rules": rules},
        decision=row["id"],
        pair=(case.case_id, rules[0] if rules else None),
        is_open=case.life.resolved_at is None,
        right=right,
    )


def _asks(conn: Connection, versions: set[int]) -> dict[tuple[int, str], Asks]:
    """By version and key what a rule asks for that people can undo."""
    found: dict[tuple[int, str], Asks] = {}
    for version in sorted(versions):
        document: Any = rulebooks.get(conn, version).document
        queues = document.get("queues") or {}
        groups = {name: None if (id_ := (told or {}).get("zendesk_group_id")) is None else str(id_) for name, told in queues.items()}
        found.update({(version, rule["key"]): Asks.of(rule, groups) for rule in document.get("rules") or ()})
    return found
