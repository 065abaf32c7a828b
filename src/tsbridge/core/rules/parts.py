"""The parts that rules refer to: lists, calendars, queues, the window of linking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from tsbridge.core.assign import HANDOVERS, MODES
from tsbridge.core.roster import Pairs
from tsbridge.core.rules.findings import escape, numeric_id, scalar
from tsbridge.core.rules.language import Queue
from tsbridge.core.rules.read_calendars import Calendars

MAX_LIST: Final = 10_000
MAX_LEVEL: Final = 100
QUEUE: Final = ("zendesk_group_id", "calendar", "assign", "handover", "skills", "targets", "title", "description")
TARGETS: Final = ("acknowledge", "resolve")
DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DEFAULT_WINDOW: Final = timedelta(hours=24)
DEFAULT_REST: Final = timedelta(hours=72)
SHORTEST_REST: Final = timedelta(hours=1)
"""Longer than a call may take: nobody knows of one that is still going on."""
LONGEST: Final = timedelta(days=30)


def duration(text: Any) -> timedelta | None:
    """`30s`, `15m`, `2h`, `3d`; None when it is nothing like it."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else timedelta(**{UNITS[found[2]]: int(found[1])})


class Parts(Calendars):
    """Reads the parts; the conditions and actions of rules name what is in `lists`, `calendars` and `queues`."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.lists: dict[str, tuple[Any, ...]] = {}
        self.queues: dict[str, Queue] = {}

    def read_lists(self) -> None:
        for name, value in self.section("lists").items():
            path = f"/lists/{escape(name)}"
            if not isinstance(value, list) or not value:
                self.unlike(path, "a list of words or numbers", value)
            elif len(value) > MAX_LIST:
                self.wrong(path, "too_large", f"more than {MAX_LIST} entries")
            elif (bad := next((place for place, v in enumerate(value) if not scalar(v)), None)) is not None:
                self.unlike(f"{path}/{bad}", "words or numbers only", value[bad])
            else:
                self.lists[name] = tuple(value)

    def read_queues(self) -> None:
        for name, value in self.section("queues").items():
            path = f"/queues/{escape(name)}"
            value = {} if value is None else value
            if not self.mapping(value, path, QUEUE):
                continue
            self.words(value, path, "title", "description")
            group = value.get("zendesk_group_id")
            if group is not None and not numeric_id(group):
                self.unlike(f"{path}/zendesk_group_id", "the number of a Zendesk group", group)
            calendar = value.get("calendar", "always")
            self.known(calendar, self.calendars, f"{path}/calendar", "unknown_calendar", "calendar")
            assign = value.get("assign", "none")
            if assign not in MODES:
                self.wrong(f"{path}/assign", "value", f"expected one of {', '.join(MODES)}")
            handover = value.get("handover", "keep")
            if handover not in HANDOVERS:
                self.wrong(f"{path}/handover", "value", f"expected one of {', '.join(HANDOVERS)}")
            skills = self.read_skills(value.get("skills", []), f"{path}/skills")
            targets = self.read_targets(value.get("targets", {}), f"{path}/targets")
            named = None if group is None else str(group)
            self.queues[name] = Queue(name, named, str(calendar), str(assign), skills, str(handover), targets)

    def read_targets(self, value: Any, path: str) -> tuple[tuple[str, timedelta], ...]:
        """Within which time, in the queue's calendar, its cases shall be acknowledged and resolved."""
        if not self.mapping(value, path, TARGETS):
            return ()
        found = {name: duration(text) for name, text in value.items()}
        for name, within in sorted(found.items()):
            if within is None or not timedelta(0) < within <= LONGEST:
                self.wrong(f"{path}/{escape(name)}", "duration", "expected a duration up to 30 days, like 15m")
        return tuple((name, within) for name, within in sorted(found.items()) if within is not None)

    def read_skills(self, value: Any, path: str) -> Pairs:
        """Skills, each with the least level that is asked for: a list of words asks for any."""
        if isinstance(value, list) and all(isinstance(skill, str) for skill in value):
            return tuple((skill, 1) for skill in sorted(set(value)))
        if not isinstance(value, Mapping):
            self.unlike(path, "a list of words, or levels by word", value)
            return ()
        for skill, level in value.items():
            if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= MAX_LEVEL:
                self.wrong(f"{path}/{escape(str(skill))}", "range", f"expected a level from 1 to {MAX_LEVEL}")
                return ()
        return tuple(sorted((str(skill), level) for skill, level in value.items()))

    def read_linking(self) -> tuple[timedelta, timedelta]:
        """The window of linking, and how long calls are quiet before they rest."""
        value = self.document.get("linking")
        if value is None or not self.mapping(value, "/linking", ("window", "calls_rest_after")):
            return DEFAULT_WINDOW, DEFAULT_REST
        window = duration(value["window"]) if "window" in value else DEFAULT_WINDOW
        rest = duration(value["calls_rest_after"]) if "calls_rest_after" in value else DEFAULT_REST
        if window is None or window > LONGEST:
            self.wrong("/linking/window", "duration", "expected a duration up to 30 days, like 24h")
            window = DEFAULT_WINDOW
        if rest is None or not SHORTEST_REST <= rest <= LONGEST:
            self.wrong("/linking/calls_rest_after", "duration", "expected a duration from 1 hour to 30 days, like 72h")
            rest = DEFAULT_REST
        return window, rest
