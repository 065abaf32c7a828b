"""tsbridge: the incident desk behind Zendesk and Talkdesk.

Whoever imports it reads the packaged rules of time zones, never the machine's: these may be years old and go before by default.
"""

import zoneinfo

from tzdata import IANA_VERSION  # type: ignore[import-untyped]  # it brings no types

__version__ = "0.1.0"

ZONE_RULES: str = IANA_VERSION
"""The version of the rules of time zones in use, like 2026f."""

zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()
