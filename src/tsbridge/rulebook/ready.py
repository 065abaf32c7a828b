"""A document on its way to go live: what keeps it from that, or the judge that will judge by it."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, NamedTuple

from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.core.rules.judge import Judge
from tsbridge.rulebook.staffed import ReadRoster, staffed
from tsbridge.rulebook.tests import Result, run_one


class Ready(NamedTuple):
    """`judge` is None where the document has `faults`. With `failed` tests of its own it can be judged by, and should not."""

    faults: tuple[Finding, ...]
    failed: tuple[Result, ...]
    judge: Judge | None


def make_ready(document: Any, zone: tzinfo, read_roster: ReadRoster) -> Ready:
    """Read, build and test. Ten thousand rules take a second: never on the event loop."""
    try:
        book = read(document)
    except RulebookError as refused:
        return Ready(tuple(refused.findings), (), None)
    judge = Judge(book, zone)
    failed = (result for result in (run_one(judge, test) for test in staffed(book, read_roster).tests) if not result.ok)
    return Ready((), tuple(failed), judge)
