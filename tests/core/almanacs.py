"""An almanac as a later release of the libraries might be: one country keeps another day, one zone stops changing its clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from tsbridge import zone_by_rules
from tsbridge.core import zones
from tsbridge.core.almanac import INSTALLED
from tsbridge.core.public_days import PublicDays


@dataclass(frozen=True)
class Later:
    """`also`: days that are holidays now, too; `gone`: those that are none any more; `like`: zones that go by another one's rules."""

    also: dict[date, str] = field(default_factory=dict)
    gone: frozenset[date] = frozenset()
    like: dict[str, str] = field(default_factory=dict)
    hash: None = None
    library: str = "holidays 99"
    zone_rules: str = "2099a"

    def days(self, country: str, subdivision: str | None, year: int) -> PublicDays:
        found = INSTALLED.days(country, subdivision, year)
        names = {day: called for day, called in found.names.items() if day not in self.gone}
        names |= {day: (called,) for day, called in self.also.items() if day.year == year}
        return PublicDays(names, found.worked, found.moves)

    def zone(self, name: str) -> ZoneInfo:
        return zones.zone(name, lambda key: zone_by_rules(key, self.rules(key)))

    def rules(self, key: str) -> bytes:
        return INSTALLED.rules(self.like.get(key, key))
