"""Figures about calls, each counted in the time in which it began; of those that were missed whether somebody called back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tsbridge.core.moments import Value
from tsbridge.reports.life import ANSWERED, Life
from tsbridge.reports.model import SECOND, Item, Measure
from tsbridge.reports.table import cases_counted, counted, timed

BEGUN: Final = "calls that began in the time asked for"
MISSED: Final = "calls from people that nobody took"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Item):
    """A call as it was known at `as_of`; `at` is when it began. `ended_at`: when it was last heard of; `back_at`: of one that was missed,
    when somebody called back or the caller was answered on another call of the case."""

    as_of: datetime
    direction: Value = None
    outcome: Value = None
    wait: Value = None
    talk: Value = None
    ended_at: datetime
    back_at: datetime | None = None

    @property
    def is_inbound(self) -> bool:
        return self.direction != "outbound"

    @property
    def is_missed(self) -> bool:
        """Nobody took it: missed, abandoned or left on the answering machine. Who gave up at once is no call that was missed."""
        return self.is_inbound and self.outcome in ("missed", "abandoned", "voicemail")

    def wait_s(self) -> int | None:
        return _seconds(self.wait)

    def talk_s(self) -> int | None:
        return _seconds(self.talk)

    def back_s(self) -> int | None:
        return (self.back_at - self.ended_at) // SECOND if self.is_missed and self.back_at is not None else None

    def unreturned_s(self) -> int | None:
        return max(0, (self.as_of - self.ended_at) // SECOND) if self.is_missed and self.back_at is None else None


def _seconds(value: Value) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def calls() -> Sequence[Measure[Call]]:
    back = "from the end of a call that was missed until somebody called back, or the caller was answered on another call of the case"
    return (
        cases_counted("cases", "Cases", "cases with calls", BEGUN),
        counted("calls", "Calls", "calls", BEGUN),
        counted("inbound", "Inbound", "calls from people", BEGUN, lambda call: call.is_inbound),
        counted("outbound", "Outbound", "calls to people", BEGUN, lambda call: not call.is_inbound),
        counted("answered", "Answered", "calls from people that somebody took", BEGUN, lambda c: c.is_inbound and c.outcome == "answered"),
        counted("missed", "Missed", "calls from people that nobody took", BEGUN, lambda call: call.is_missed),
        counted("voicemail", "Voicemail", "of those, with a message", BEGUN, lambda call: call.is_missed and call.outcome == "voicemail"),
        counted("short_abandoned", "Given up at once", "calls given up at once", BEGUN, lambda call: call.outcome == "short_abandoned"),
        counted("called_back", "Called back", "calls missed and returned", MISSED, lambda call: call.back_s() is not None),
        counted("open", "Not called back", "calls missed and not returned yet", MISSED, lambda call: call.unreturned_s() is not None),
        timed("callback_p50_s", "Time to call back, half within", back, MISSED, 50, Call.back_s, Call.unreturned_s),
        timed("callback_p90_s", "Time to call back, 90 % within", back, MISSED, 90, Call.back_s, Call.unreturned_s),
        timed("wait_p50_s", "Waiting, half within", "waiting time as Talkdesk tells it", BEGUN, 50, Call.wait_s),
        timed("wait_p90_s", "Waiting, 90 % within", "waiting time as Talkdesk tells it", BEGUN, 90, Call.wait_s),
        timed("talk_p50_s", "Talking, half within", "talking time as Talkdesk tells it", BEGUN, 50, Call.talk_s),
    )


def called_back(key: str, ended_at: datetime, life: Life) -> datetime | None:
    """When a call that was missed was returned: the case's first call behind it that goes to them, or that somebody took."""
    found = [
        track.opened_at
        for other, track in life.tracks.items()
        if other != key
        and other.startswith("talkdesk:")
        and track.opened_at >= ended_at
        and track.facts.get("call.direction") == "outbound"
    ]
    found += [event.at for event in life.events if event.what == ANSWERED and event.of != key and event.at >= ended_at]
    return min(found, default=None)
