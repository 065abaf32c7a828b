"""tsbridge: the incident desk behind Zendesk and Talkdesk.

Whoever imports it reads the packaged rules of time zones, never the machine's: these may be years old and go before by default.
"""

import io
import pkgutil
import zoneinfo
from functools import lru_cache

from tzdata import IANA_VERSION  # type: ignore[import-untyped]  # it brings no types

__version__ = "0.1.0"

ZONE_RULES: str = IANA_VERSION
"""The version of the rules of time zones in use, like 2026f."""

zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()


class KeptZone(zoneinfo.ZoneInfo):
    """A zone by rules that were kept, whatever is packaged. It goes to other processes with its rules."""

    rules: bytes

    def __reduce__(self) -> tuple[object, ...]:
        return zone_by_rules, (self.key, self.rules)


@lru_cache(maxsize=1024)
def zone_by_rules(key: str, rules: bytes) -> KeptZone:
    """The zone of these rules, as TZif has them; the same one every time. Raises ValueError for rules that cannot be read."""
    made = KeptZone.from_file(io.BytesIO(rules), key)
    made.rules = rules
    return made


def zone_table(key: str) -> bytes:
    """The packaged rules of a zone of IANA's, as TZif has them (RFC 9636). Raises LookupError for one that is not there."""
    zoneinfo.ZoneInfo(key)  # so that no name leads out of the table
    found = pkgutil.get_data("tzdata", f"zoneinfo/{key}")
    if found is None:
        raise LookupError(key)
    return found
