"""What is known of holes in the days ahead, kept for whoever asks without looking itself: `/readyz`, `/metrics`, the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import stored_values

NAME: Final = "cover"


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the last look found. `known`: what of roster and rulebook it was made of. `holes`: the first, as `/v1/coverage`."""

    looked_at: datetime
    known: tuple[int, int]
    count: int = 0
    holes: tuple[dict[str, Any], ...] = ()


def save(conn: Connection, ahead: Ahead) -> None:
    looked, holes = instant_text(ahead.looked_at), list(ahead.holes)
    stored_values.put(conn, NAME, {"looked_at": looked, "known": list(ahead.known), "count": ahead.count, "holes": holes})


def load(conn: Connection) -> Ahead | None:
    """None before the first look."""
    told = stored_values.get(conn, NAME)
    if told is None:
        return None
    return Ahead(read_instant(told["looked_at"]), (told["known"][0], told["known"][1]), told["count"], tuple(told["holes"]))
