"""What is written to Zendesk: wishes and how far they got, what drifted, which rules are paused, and the switch for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, cast

from sqlalchemy import Connection
from starlette.responses import Response

from tsbridge.acts import tallied, writebacks
from tsbridge.acts.writebacks import DriftItem, ModeShown, PausedRules, Writeback
from tsbridge.console.facets import choices
from tsbridge.console.forms import MOST_ROWS, Table, table_of
from tsbridge.console.frame import NoPage, Visit
from tsbridge.console.render import address

A_PAGE: Final = 50
DRIFT: Final = 30
STATUSES: Final = ("waiting", "sending", "parked", "refused", "dry_run", "confirmed", "unneeded")
LABELS: Final = {"dry_run": "dry run"}
MODES: Final = ("live", "dry-run", "paused")
KEYS: Final = ("id", "ticket", "case_id", "status", "reason", "severity", "attempts", "asked_at", "due_at", "confirmed_at")
DRIFT_KEYS: Final = ("id", "ticket", "what", "case_id", "wanted", "actual", "cause", "policy", "by", "since", "found_at")
DONE: Final = {"retried": "It is tried at once.", "mode": "The mode was switched.", "rule": "The rule was switched."}


async def page(visit: Visit) -> Response:
    status, ticket, after = _filters(visit)
    setting = visit.console.writeback

    def read(conn: Connection) -> tuple[list[Writeback], Mapping[str, int], ModeShown, PausedRules, list[DriftItem]]:
        found = writebacks.listed(conn, A_PAGE + 1, after, status, ticket)
        counts, mode = tallied.wishes(conn), writebacks.mode(conn, setting)
        return found, counts, mode, writebacks.paused_rules(conn), writebacks.drifted(conn, DRIFT + 1)

    found, counts, mode, paused, drift = await visit.console.database.read(read)
    filters = {"status": status, "ticket": ticket}
    return visit.show(
        "writeback.html",
        here="writeback",
        wishes=found[:A_PAGE],
        filters=filters,
        statuses=choices("writeback", filters, "status", [(one, counts.get(one, 0)) for one in STATUSES], LABELS),
        mode=mode,
        modes=MODES,
        paused=paused.paused,
        drift=drift[:DRIFT],
        more_drift=len(drift) > DRIFT,
        retried=writebacks.RETRIED,
        more=address("writeback", **filters, after=found[A_PAGE - 1].id) if len(found) > A_PAGE else None,
        first=after is None,
        done=visit.done(DONE),
        query=visit.request.url.query,
    )


async def show(visit: Visit) -> Response:
    """One wish with each of its parts, and which rule asked for it."""
    id_, live = visit.in_path("id"), visit.console.live
    found = await visit.console.database.read(lambda conn: writebacks.show(conn, live, id_))
    return visit.show("wish.html", here="writeback", wish=found, retried=writebacks.RETRIED, done=visit.done(DONE))


async def table(visit: Visit) -> Table:
    status, ticket, after = _filters(visit)
    found = await visit.console.database.read(lambda conn: writebacks.listed(conn, MOST_ROWS, after, status, ticket))
    return table_of("writeback", KEYS, found)


async def drift_table(visit: Visit) -> Table:
    found = await visit.console.database.read(lambda conn: writebacks.drifted(conn, MOST_ROWS))
    return Table("drift", DRIFT_KEYS, [[_plain(getattr(one, key)) for key in DRIFT_KEYS] for one in found])


async def retry(visit: Visit) -> Response:
    await visit.act(writebacks.retry, visit.in_path("id"))
    visit.console.wake_writer()
    return visit.back("/writeback?done=retried")


async def switch(visit: Visit) -> Response:
    """The kill switch, and back."""
    to, backlog = visit.needed("mode"), visit.sent("backlog") or "drop"
    if to not in MODES or backlog not in ("drop", "send"):
        raise NoPage(422, f"Expected one of {', '.join(MODES)}.")
    mode, kept = cast(Literal["live", "dry-run", "paused"], to), cast(Literal["drop", "send"], backlog)
    await visit.act(writebacks.change_mode, visit.console.writeback, mode, kept)
    visit.console.wake_writer()
    return visit.go("/writeback?done=mode")


async def pause(visit: Visit) -> Response:
    """What one rule writes is paused, or goes on."""
    await visit.act(writebacks.pause_rule, visit.console.live, visit.needed("rule"), paused=visit.sent("paused") == "yes")
    visit.console.wake_writer()
    return visit.go("/writeback?done=rule")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float | datetime) else str(value)


def _filters(visit: Visit) -> tuple[str | None, str | None, str | None]:
    status = visit.word("status")
    if status is not None and status not in STATUSES:
        raise NoPage(422, f"Expected a status of {', '.join(STATUSES)}.")
    return status, visit.word("ticket"), visit.word("after")
