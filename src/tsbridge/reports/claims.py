"""The pipeline of claims: cases whose category or queue is one of claims, by how far they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tsbridge.core.track import DONE
from tsbridge.reports.cases import Case, age_unless
from tsbridge.reports.model import Measure
from tsbridge.reports.table import counted, timed

WORD: Final = "claim"
CLAIMS: Final = "claims opened in the time asked for"


def is_claim(case: Case) -> bool:
    return any(WORD in (name or "") for name in (case.category, case.queue))


def stage(case: Case) -> str:
    """`resolved`; else of its tickets the one that is least far: `new`, `open`, `pending` or `hold`; `open` of calls alone."""
    if case.life.resolved_at is not None:
        return "resolved"
    statuses = {track.status for key, track in case.life.tracks.items() if key.startswith("zendesk:")} - set(DONE)
    return next((name for name in ("new", "open", "pending", "hold") if name in statuses), "open")


def claims() -> Sequence[Measure[Case]]:
    resolve = Case.resolved_s
    goes_on = age_unless(resolve)
    last = "from its opening until it was resolved for the last time"
    return (
        counted("cases", "Claims", "claims opened", CLAIMS),
        counted(
            "unassigned",
            "Nobody has it",
            "claims that are not resolved and that nobody has",
            CLAIMS,
            lambda c: stage(c) != "resolved" and c.agent is None,
        ),
        counted("new", "New", "claims whose ticket is new", CLAIMS, lambda case: stage(case) == "new"),
        counted("working", "In work", "claims whose ticket is open", CLAIMS, lambda case: stage(case) == "open"),
        counted("pending", "Waiting for the person", "claims whose ticket is pending", CLAIMS, lambda case: stage(case) == "pending"),
        counted("on_hold", "On hold", "claims whose ticket is on hold", CLAIMS, lambda case: stage(case) == "hold"),
        counted("resolved", "Resolved", "claims that are resolved", CLAIMS, lambda case: stage(case) == "resolved"),
        counted("open", "Open", "claims that are not", CLAIMS, lambda case: stage(case) != "resolved"),
        timed("resolve_p50_s", "Time to resolve, half within", last, CLAIMS, 50, resolve, goes_on),
        timed("resolve_p90_s", "Time to resolve, 90 % within", last, CLAIMS, 90, resolve, goes_on),
        timed("open_p50_s", "Age of open ones, half within", "from its opening until now", "claims that are not resolved", 50, goes_on),
    )
