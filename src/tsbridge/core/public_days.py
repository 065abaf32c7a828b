"""What a country's calendar says of its days: public holidays, and free days that are worked instead of others."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Final

_REMARK: Final = re.compile(r"\s*\([^)]*\)")
_APART: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class PublicDays:
    """One year of a country. `names`: the holidays of a day; `worked`: free days of the week that are worked, like HU 2026-08-08."""

    names: Mapping[date, tuple[str, ...]]
    worked: frozenset[date]
    moves: bool
    """Whether the country moves working days in any year at all."""


@cache
def library() -> str:
    """Who says so, shown with the days."""
    from holidays.version import __version__

    return f"holidays {__version__}"


@lru_cache(maxsize=512)
def public_days(country: str, subdivision: str | None, year: int) -> PublicDays:
    """Raises LookupError for a country or subdivision that the library does not know."""
    import holidays  # with every country of the world; what is published has its days beside it and needs none

    try:
        # Names in one language: else each country's are in its own.
        with warnings.catch_warnings(action="ignore"):  # it warns of years in which it knows not all of a country's holidays
            found = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    except NotImplementedError:  # what `holidays` raises for a country or subdivision that it does not have
        raise LookupError(country, subdivision) from None
    worked = frozenset(getattr(found, "weekend_workdays", ()))
    names = {day: tuple(found.get_list(day)) for day in tuple(found) if day.year == year}
    return PublicDays(
        names, frozenset(day for day in worked if day.year == year), bool(worked) or getattr(found, "has_substituted_holidays", False)
    )


def folded(name: str) -> str:
    """A holiday's name as it is compared: `columbus_day`, `Columbus Day` and `Columbus Day (observed)` are the same."""
    plain = _REMARK.sub("", name).casefold().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    return _APART.sub("_", plain).strip("_")
