"""What is asked of reports, as callers write it: the time, the grouping, the sense, and as it was known when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Path, Query

from tsbridge.acts.report_kinds import KINDS
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.times import read_date
from tsbridge.reports.groups import DAY, day_of, monday_of, start_of
from tsbridge.reports.model import GROUPS, Question, Sense
from tsbridge.web.inputs import TimeQuery, query_time
from tsbridge.web.problems import invalid, not_found
from tsbridge.web.services import Services

USUAL: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=400)
_INSTANT: Final = timedelta(microseconds=1)
_WHEN: Final = "A date, which begins in the team's zone, or a time. "

Name = Annotated[str, Path(max_length=40, pattern=r"^[a-z]+$")]
From = Annotated[str | None, Query(alias="from", max_length=40, description=_WHEN + "Without it the seventh day before `to`.")]
To = Annotated[str | None, Query(alias="to", max_length=40, description=_WHEN + "Not included. Without it the end of today.")]
By = Annotated[str | None, Query(max_length=20, description=f"One of {' '.join(GROUPS)}.")]
AsOf = Annotated[TimeQuery, Query(description="As it was known then. Without it: now.")]
In = Annotated[Sense, Query(description="Of durations: `true` counts what is open, too; `zendesk` as Zendesk's own figures of that name.")]


class Asking:
    """The parameters of every address below `/v1/reports/{name}`."""

    def __init__(
        self, name: Name, since: From = None, until: To = None, group_by: By = None, as_of: AsOf = None, sense: In = "true"
    ) -> None:
        self._name = name
        self._since = since
        self._until = until
        self._group_by = group_by
        self._as_of = as_of
        self._sense: Sense = sense

    def question(self, services: Services) -> Question:
        """What is asked, as the act takes it. Raises 404 for no such report, 422 for what makes no sense."""
        kind = KINDS.get(self._name)
        if kind is None:
            raise not_found("report")
        by = self._group_by or kind.group_by
        if by not in kind.groups:
            raise invalid("query", "group_by", f"Expected one of {' '.join(kind.groups)}.")
        known = known_at(services, self._as_of)
        end = start_of(day_of(known, services.zone) + DAY, services.zone) if self._until is None else _when(services, "to", self._until)
        last = day_of(end - _INSTANT, services.zone)
        start = start_of(last - USUAL + DAY, services.zone) if self._since is None else _when(services, "from", self._since)
        if not start < end <= start + LONGEST:
            raise invalid("query", "to", f"Expected a time behind `from`, within {LONGEST.days} days.")
        return Question(self._name, start, end, by, known, services.zone, self._sense if kind.zendesk is not None else "true")


Asked = Annotated[Asking, Depends(Asking)]


def known_at(services: Services, as_of: str | None) -> datetime:
    """Raises 422 for what nobody can know yet."""
    now = services.clock.now()
    known = query_time("as_of", as_of) or now
    if known > now or known.year not in YEARS:
        raise invalid("query", "as_of", "Expected a time that is not to come, of a year that calendars reach.", code="time")
    return known


def week_of(services: Services, text: str | None, known: datetime) -> tuple[datetime, datetime]:
    """A week from Monday to Monday in the team's zone; the last one that was over without one. Raises 422."""
    today = day_of(known, services.zone)
    monday = today - (today.weekday() + 7) * DAY
    if text is not None:
        try:
            monday = monday_of(text)
        except ValueError as bad:
            raise invalid("query", "week", str(bad), code="week") from None
    return start_of(monday, services.zone), start_of(monday + 7 * DAY, services.zone)


def _when(services: Services, name: str, text: str) -> datetime:
    found = query_time(name, text) if len(text) > len("2026-12-24") else None
    try:
        found = found or start_of(read_date(text), services.zone)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.year not in YEARS:
        raise invalid("query", name, "Expected a date like 2026-12-24, or an RFC 3339 time with its zone.", code="time")
    return found
