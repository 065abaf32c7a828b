"""Agents as the live roster names them: their keys and the Zendesk users they are."""

from __future__ import annotations

from sqlalchemy import Connection

from tsbridge.core.rules.text import fold
from tsbridge.store import rosters


def users(conn: Connection) -> dict[str, str | None]:
    """By key of the live roster, the Zendesk user's id; empty without a roster."""
    live = rosters.live(conn)
    agents = {} if live is None else live.document.get("agents") or {}
    return {key: None if (id_ := (told or {}).get("zendesk_user_id")) is None else str(id_) for key, told in agents.items()}


def keys(conn: Connection) -> dict[str, str]:
    """The other way round."""
    return {user: key for key, user in users(conn).items() if user is not None}


def meant(conn: Connection, word: str) -> tuple[str, ...]:
    """What decisions and cases may name an agent by whom somebody names by key or by Zendesk id."""
    user = users(conn).get(word)
    return (word,) if user is None else (word, user)


def names(conn: Connection) -> dict[str, tuple[str, ...]]:
    """By what decisions may name an agent by, key or Zendesk id: what people call them, key and name, folded."""
    live = rosters.live(conn)
    agents = {} if live is None else live.document.get("agents") or {}
    found: dict[str, tuple[str, ...]] = {}
    for key, told in agents.items():
        called = (fold(key), fold(str((told or {}).get("name") or "")))
        found.update(dict.fromkeys((key, *([] if (id_ := (told or {}).get("zendesk_user_id")) is None else [str(id_)])), called))
    return found
