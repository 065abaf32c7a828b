"""For how long what is kept stays: by class, each with a time or for ever."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final, NamedTuple

FOREVER: Final = "forever"
BODIES: Final = "bodies"
TEXTS: Final = "texts"
CLASSES: Final = (BODIES, TEXTS)
_DAYS: Final = re.compile(r"([1-9][0-9]{0,4})d", re.ASCII)


class Retention(NamedTuple):
    """None: for ever. `bodies`: the bytes of deliveries, since they were settled; `texts`: what people said, since its case is at rest."""

    bodies: timedelta | None = None
    texts: timedelta | None = None

    def spans(self) -> list[tuple[str, timedelta | None]]:
        """Each class with its time."""
        return [(BODIES, self.bodies), (TEXTS, self.texts)]


def read(text: str) -> timedelta | None:
    """A time as settings have it: days such as `30d`, or `forever`. Raises ValueError."""
    if text == FOREVER:
        return None
    found = _DAYS.fullmatch(text)
    if found is None:
        raise ValueError("expected days such as 30d, or forever")
    return timedelta(days=int(found[1]))


def kept_for(span: timedelta | None) -> str:
    """Back from `read`."""
    return FOREVER if span is None else f"{span.days}d"
