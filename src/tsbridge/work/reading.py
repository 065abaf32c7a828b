"""A claimed delivery read by its vendor's reader: its moments, or why it cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from tsbridge.core.errors import Malformed
from tsbridge.core.failed_at import failed_at
from tsbridge.core.moments import Moment
from tsbridge.store import claiming
from tsbridge.work.bound import TookTooLong
from tsbridge.work.rings import Read

READER_FAILED: Final = "reader_failed"
LAST_WORDS: Final = ("ticket.deleted", "ticket.merged")

log = logging.getLogger("tsbridge.reading")


class Reading(Protocol):
    """What a vendor's normalizer makes of a delivery."""

    @property
    def event_type(self) -> str: ...
    @property
    def moments(self) -> tuple[Moment, ...]: ...
    @property
    def ignored(self) -> str | None: ...
    @property
    def account(self) -> str | None: ...
    @property
    def merged(self) -> tuple[str, str] | None: ...
    @property
    def deleted(self) -> str | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


Reader = Callable[[claiming.Claimed, Any], Reading]
"""Reads one claimed delivery, by the kept mappings of its source if there are any; raises `Malformed`. Made by wiring."""


def read(row: claiming.Claimed, reader: Reader, mappings: Any, *, impressions: bool) -> Read:
    """What a claimed delivery says. `impressions`: the tickets' audits can be asked, so that it is only a first impression.

    A reader that fails is this delivery's own affair: it is kept, quarantined, and can be retried when our fault is mended.
    """
    try:
        reading = reader(row, mappings)
    except Malformed as refused:
        return Read(row, None, (), malformed=refused.code)
    except TookTooLong:
        raise
    except Exception as failure:
        return Read(row, None, (), malformed=READER_FAILED, fault=(type(failure).__name__, failed_at(failure)))
    moments = reading.moments
    if row.source == "zendesk" and impressions and not reading.event_type.startswith("messaging_ticket."):
        # Audits tell all of it, but not that a ticket is gone or where it went, nor messages before the conversation ends.
        moments = tuple(m if m.event in LAST_WORDS else replace(m, impression=True) for m in moments)
    ignored, account, warnings = reading.ignored, reading.account, reading.warnings
    merged, deleted = reading.merged, reading.deleted
    return Read(row, reading.event_type, moments, ignored, account=account, merged=merged, deleted=deleted, warnings=warnings)


def tell_fault(one: Read) -> Read:
    """Have the log say where a reader failed."""
    if one.fault is not None:
        kind, where = one.fault
        log.error("a delivery could not be read", extra={"event_id": one.row.id, "kind": kind, "where": where})
    return one
