"""The options of Zendesk's drop-downs, as they were last read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.store import stored_values

NAME: Final = "zendesk_choices"
"""Kept: `{"at": when it was read, "fields": {<id of the field>: [<tag>, …]}}`."""


def load(conn: Connection) -> Mapping[str, frozenset[str]]:
    """The tags of each drop-down's options; nothing before they were read for the first time."""
    kept = stored_values.get(conn, NAME) or {}
    return {id_: frozenset(tags) for id_, tags in kept.get("fields", {}).items()}


def read_at(conn: Connection) -> datetime | None:
    kept = stored_values.get(conn, NAME)
    return None if kept is None else read_instant(kept["at"])


def put(conn: Connection, fields: Mapping[str, frozenset[str]], now: datetime) -> None:
    stored_values.put(conn, NAME, {"at": instant_text(now), "fields": {id_: sorted(tags) for id_, tags in sorted(fields.items())}})
