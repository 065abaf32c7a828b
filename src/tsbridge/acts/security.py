"""What the keepers of a service want to know at once: who was refused, who signed in, who read or erased what is private.

Counted in one place (`tsbridge_security_events_total{kind}`) and logged, without a value that somebody typed, a name, an address or a
secret. Who did what is in the audit.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tsbridge.core.ports import Clock

log = logging.getLogger("tsbridge.security")

KINDS: Final = (
    "key_missing",
    "key_refused",
    "key_locked",
    "role_refused",
    "signature_refused",
    "link_refused",
    "form_refused",
    "signed_in",
    "sign_in_refused",
    "words_read",
    "erased",
    "export_ended",
    "turned_away",
)
MINUTE: Final = timedelta(minutes=1)
LINES_A_MINUTE: Final = 10
"""Of one kind in the log. A flood is told by its count."""


class Security:
    """One per process. `count(kind)` counts for `/metrics`."""

    def __init__(self, clock: Clock, count: Callable[[str], None] = lambda kind: None) -> None:
        self._clock = clock
        self._count = count
        self._since: datetime | None = None
        self._seen: Counter[str] = Counter()

    def saw(self, kind: str, **about: str) -> None:
        """Something of this kind happened. `about`: a source, a role, a reason: a few words of our own."""
        self._count(kind)
        now = self._clock.now()
        if self._since is None or not timedelta(0) <= now - self._since < MINUTE:
            self._tell_the_rest()
            self._since = now
        self._seen[kind] += 1
        if self._seen[kind] <= LINES_A_MINUTE:
            log.warning("security", extra={"kind": kind, **about})

    def _tell_the_rest(self) -> None:
        for kind, seen in sorted(self._seen.items()):
            if seen > LINES_A_MINUTE:
                log.warning("security", extra={"kind": kind, "count": seen - LINES_A_MINUTE})
        self._seen.clear()
