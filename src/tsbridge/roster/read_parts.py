"""What every part of the roster is read with: names, numbers, days, hours, zones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from tsbridge.core import zones
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.calendar import Hours
from tsbridge.core.opening import read_hours
from tsbridge.core.roster import Pairs
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.rules.findings import NAME, DocumentError, Findings, escape, nearest, numeric_id

LONGEST: Final = 200
"""Characters of a line."""
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ADDRESS: Final = re.compile(r"[^\s@<>,;\"\x00-\x1f\x7f]{1,64}@[^\s@<>,;\"\x00-\x1f\x7f]{1,190}")


class RosterError(DocumentError):
    """A document that is no roster."""


class Parts(Findings):
    """Reads what the parts have in common; `zone` is the roster's own, `almanac` knows the zones."""

    refusal = RosterError

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.almanac: Almanac = INSTALLED
        self.zone: tzinfo = ZoneInfo("UTC")
        self.agent_keys: frozenset[str] = frozenset()
        self.way_keys: frozenset[str] = frozenset()
        self.turns: frozenset[str] = frozenset()
        self.shift_keys: frozenset[str] = frozenset()

    def entries(self, name: str, most: int) -> dict[str, Any]:
        """A part of the document by its keys, sorted: a database keeps no order of them."""
        found = self.section(name)
        if len(found) > most:
            self.wrong(f"/{name}", "too_large", f"more than {most} {name}")
            return {}
        return dict(sorted(found.items()))

    def listed(self, name: str, most: int) -> list[Any]:
        value = self.document.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.unlike(f"/{name}", "a list", value)
            return []
        if len(value) > most:
            self.wrong(f"/{name}", "too_large", f"more than {most} entries")
            return []
        return value

    def read_zone(self, value: Mapping[str, Any], path: str) -> tzinfo:
        """The zone an entry names, the roster's where it names none."""
        name = value.get("timezone")
        if name is None:
            return self.zone
        if isinstance(name, str) and len(name) <= LONGEST:
            try:
                return self.almanac.zone(name)
            except LookupError:
                near = nearest(name, _ZONES)
        else:
            near = ""
        self.wrong(f"{path}/timezone", "timezone", f"there is no such time zone; expected one like America/Los_Angeles{near}")
        return self.zone

    def line(self, value: Any, path: str) -> str | None:
        """A line of text; None where there is none."""
        if value is None:
            return None
        if not isinstance(value, str):
            self.unlike(path, "a line of text", value)
        elif not value.strip() or len(value) > LONGEST or not _LINE.fullmatch(value):
            self.wrong(path, "text", f"expected a line of 1 to {LONGEST} characters")
        else:
            return value.strip()
        return None

    def address(self, value: Any, path: str) -> str | None:
        if value is not None and (not isinstance(value, str) or not _ADDRESS.fullmatch(value)):
            self.wrong(path, "email", "expected an e-mail address")
            return None
        return value

    def user_id(self, value: Any, path: str) -> int | None:
        if value is None:
            return None
        if not numeric_id(value) or int(value).bit_length() >= 64:
            self.wrong(path, "value", "expected the number of a Zendesk user")
            return None
        return int(value)

    def names(self, value: Any, path: str, what: str, most: int) -> tuple[str, ...]:
        """Keys, each once, in the order they are written in."""
        if not isinstance(value, list) or len(value) > most:
            self.wrong(path, "type", f"expected a list of up to {most} {what}")
            return ()
        found = []
        for place, one in enumerate(value):
            if not isinstance(one, str) or not NAME.fullmatch(one):
                self.wrong(f"{path}/{place}", "key", "expected a short name of letters, digits, - _ .")
            elif one in found:
                self.wrong(f"{path}/{place}", "duplicate", "this stands there already")
            else:
                found.append(one)
        return tuple(found)

    def known_names(self, value: Any, path: str, among: Iterable[str], code: str, what: str) -> tuple[str, ...]:
        """A list of keys that are there, in the order they are written in."""
        able = sorted(among)
        if not isinstance(value, list) or len(value) > LONGEST:
            self.wrong(path, "type", f"expected a list of up to {LONGEST} keys, each of a {what}")
            return ()
        return tuple(one for place, one in enumerate(value) if self.known(one, able, f"{path}/{place}", code, what))

    def numbers(self, value: Any, path: str, what: str, least: int, most: int) -> Pairs:
        """A mapping to whole numbers, sorted."""
        if not isinstance(value, Mapping) or len(value) > LONGEST:
            self.wrong(path, "type", f"expected a mapping to numbers, each {what}")
            return ()
        found = []
        for name, number in value.items():
            if not isinstance(name, str) or not NAME.fullmatch(name):
                self.wrong(f"{path}/{escape(name)}", "key", "expected a short name of letters, digits, - _ .")
            elif type(number) is not int or not least <= number <= most:
                self.wrong(f"{path}/{escape(name)}", "range", f"expected {what}: a number from {least} to {most}")
            else:
                found.append((name, number))
        return tuple(sorted(found))

    def day(self, value: Mapping[str, Any], name: str, path: str) -> date | None:
        text = value.get(name)
        if text is None:
            return None
        try:
            found = date.fromisoformat(text) if isinstance(text, str) and _DATE.fullmatch(text) else None
        except ValueError:
            found = None
        if found is None or found.year not in YEARS:
            self.wrong(f"{path}/{name}", "date", "expected a date like 2026-12-24")
            return None
        return found

    def hours(self, value: Any, path: str) -> Hours:
        """Spans of the day; one that ends before it starts goes over midnight, one that ends as it starts is refused."""
        parts = [value] if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
            self.wrong(path, "hours", 'expected hours like "09:00-17:00"')
            return ()
        text = ",".join(parts)
        for part in text.split(","):
            start, _, end = part.partition("-")
            if start.strip() == end.strip():
                self.wrong(path, "hours", "these hours end as they start; a whole day is 00:00-24:00")
                return ()
        try:
            found = read_hours(text)
        except ValueError as refused:
            self.wrong(path, "hours", str(refused))
            return ()
        if not found:
            self.wrong(path, "hours", "expected hours; leave it out where there are none")
        return found


_ZONES: Final = sorted(set(zones.RAILS.values()) | set(zones.WINDOWS.values()))
"""Zones among which the one that was meant is looked for."""
