"""A document on its way to go live: what keeps it from that, or the judge that will judge by it."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, NamedTuple

from tsbridge.core.almanac import INSTALLED, Almanac, Kept, zone_by
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.read_calendars import of_rulebook
from tsbridge.rulebook.staffed import ReadRoster, staffed
from tsbridge.rulebook.tests import Result, run_one


class Ready(NamedTuple):
    """`judge` is None where the document has `faults`. With `failed` tests of its own it can be judged by, and should not."""

    faults: tuple[Finding, ...]
    failed: tuple[Result, ...]
    judge: Judge | None
    almanac: Kept | None = None


def make_ready(document: Any, zone: tzinfo, read_roster: ReadRoster, year: int, by: Almanac = INSTALLED) -> Ready:
    """Read, build and test, by the days and clocks that are kept with what is published in `year`: what `by` says of them.

    Ten thousand rules take a second: never on the event loop.
    """
    try:
        almanac = of_rulebook(document, zone, year, by)
        book = read(document, almanac)
    except RulebookError as refused:
        return Ready(tuple(refused.findings), (), None)
    judge = Judge(book, zone_by(almanac, zone))
    failed = (result for result in (run_one(judge, test) for test in staffed(book, read_roster).tests) if not result.ok)
    return Ready((), tuple(failed), judge, almanac)
