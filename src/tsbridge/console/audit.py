"""The audit: what was decided, by every filter, with how many there are of what; one decision with its reasons; who changed what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import audit
from tsbridge.acts.audit import Asked, Changed, Decided
from tsbridge.acts.audit_facets import Facets, facets
from tsbridge.console.facets import Choice, choices
from tsbridge.console.forms import MOST_ROWS, Table
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address
from tsbridge.store.change_log import ChangeFilter

A_PAGE: Final = 50
WORDS: Final = ("case", "ticket", "call", "person", "rule", "queue", "agent", "tag", "category", "channel", "kind", "q")
NUMBERS: Final = ("severity", "version")
TIMES: Final = {"from": "since", "to": "until"}
COUNTED: Final = ("severity", "queue", "category", "channel", "changed")
COUNTED_WHEN_ASKED: Final = ("rule", "tag")
LABELS: Final = {"true": "yes", "false": "no"}
SHOWN: Final = 12
"""Values of a facet; all of them where more are asked for."""
KEYS: Final = (
    *("id", "number", "at", "event", "case_id", "source", "interaction", "channel", "rulebook_version", "rules"),
    *("severity", "category", "queue", "priority", "tags_added", "escalations", "writeback_status", "revises", "superseded_by"),
)
CHANGE_KEYS: Final = ("id", "seq", "at", "actor", "action", "subject", "before", "after")


async def page(visit: Visit) -> Response:
    """Newest first, fifty on a page."""
    wanted, filters = _wanted(visit)
    before, counted = visit.number("before"), visit.word("count")
    kinds = [*COUNTED, *_kinds(counted)]

    def read(conn: Connection) -> tuple[list[Decided], Facets]:
        titles = visit.console.live.titles
        return audit.decisions(conn, titles, wanted, A_PAGE + 1, before), facets(conn, titles, wanted, kinds)

    found, counts = await visit.console.database.read(read)
    return visit.show(
        "audit.html",
        here="audit",
        decisions=found[:A_PAGE],
        filters=filters,
        count=counts.count,
        facets={kind: _choices(kind, counts, filters) for kind in (*COUNTED, *([counted] if counted in COUNTED_WHEN_ASKED else []))},
        more_facets=[kind for kind in COUNTED_WHEN_ASKED if kind != counted],
        without={name: address("audit", **{**filters, name: None}) for name, value in filters.items() if value},
        more=address("audit", **filters, before=found[A_PAGE - 1].number) if len(found) > A_PAGE else None,
        first=before is None,
        shown=SHOWN,
    )


async def table(visit: Visit) -> Table:
    """What the page lists, further down than it goes."""
    wanted, _ = _wanted(visit)
    before = visit.number("before")
    found = await visit.console.database.read(lambda conn: audit.decisions(conn, visit.console.live.titles, wanted, MOST_ROWS, before))
    return Table("audit", KEYS, [_line(one) for one in found])


def _line(one: Decided) -> list[Any]:
    said = one.outcome
    rules = " ".join(rule["key"] for rule in one.rules)
    about = [one.id, one.number, one.at, one.event, one.case_id, one.interaction.source, one.interaction.id, one.channel]
    came = [said.get("severity"), said.get("category"), said.get("queue"), said.get("priority")]
    lists = [" ".join(said.get(name) or ()) for name in ("tags_added", "escalations")]
    carried = None if one.writeback is None else one.writeback.status
    return [*about, one.rulebook.version, rules, *came, *lists, carried, one.revises, one.superseded_by]


async def changes(visit: Visit) -> Response:
    """Who changed what, newest first."""
    wanted, filters = _changes_wanted(visit)
    before = visit.number("before")
    found = await visit.console.database.read(lambda conn: audit.changes(conn, wanted, A_PAGE + 1, before))
    return visit.show(
        "changes.html",
        here="audit",
        changes=found[:A_PAGE],
        filters=filters,
        more=address("audit/changes", **filters, before=found[A_PAGE - 1].seq) if len(found) > A_PAGE else None,
        first=before is None,
    )


async def change_table(visit: Visit) -> Table:
    wanted, _ = _changes_wanted(visit)
    before = visit.number("before")
    found = await visit.console.database.read(lambda conn: audit.changes(conn, wanted, MOST_ROWS, before))
    return Table("changes", CHANGE_KEYS, [_change_line(one) for one in found])


def _change_line(one: Changed) -> list[Any]:
    return [one.id, one.seq, one.at, one.actor, one.action, one.subject, _short(one.before), _short(one.after)]


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:2_000]


def _kinds(counted: str | None) -> tuple[str, ...]:
    """The facets behind what is counted when asked for: rules are counted by their kind."""
    return {"rule": ("escalation", "routing"), "tag": ("tag",)}.get(counted or "", ())


def _choices(kind: str, counts: Facets, filters: Mapping[str, str | None]) -> list[Choice]:
    values = {"rule": [*counts.by.get("escalation", ()), *counts.by.get("routing", ())]}.get(kind, list(counts.by.get(kind, ())))
    if kind == "changed":
        values = [("true" if value == "yes" else "false", count) for value, count in values]
    if kind == "severity":
        values.sort()
    return choices("audit", filters, kind, values, LABELS)


def _wanted(visit: Visit) -> tuple[Asked, dict[str, str | None]]:
    """What the address asks, and how it says so. Raises `NoPage`."""
    filters = {name: visit.word(name) for name in (*TIMES, *WORDS, *NUMBERS, "changed")}
    if filters["changed"] not in (None, "true", "false") or filters["kind"] not in (None, "escalation", "routing"):
        raise NoPage(422, "Expected true or false for changed, escalation or routing for kind.")
    typed: dict[str, Any] = {name: filters[name] for name in WORDS}
    typed |= {name: visit.number(name) for name in NUMBERS} | {field: _instant(visit, name) for name, field in TIMES.items()}
    return Asked(**typed, changed=None if filters["changed"] is None else filters["changed"] == "true"), filters


def _changes_wanted(visit: Visit) -> tuple[ChangeFilter, dict[str, str | None]]:
    filters = {name: visit.word(name) for name in (*TIMES, "actor", "action", "subject")}
    return ChangeFilter(_instant(visit, "from"), _instant(visit, "to"), filters["actor"], filters["action"], filters["subject"]), filters


def _instant(visit: Visit, name: str) -> datetime | None:
    """A day, or a time; without a zone it is the team's."""
    text = visit.word(name, 40)
    try:
        return None if text is None else visit.instant(text)
    except ValueError:
        raise NoPage(422, f"Expected a day like 2026-11-22 or a time like 2026-11-22T09:16 for {name}.") from None
