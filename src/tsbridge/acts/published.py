"""Versions of rulebooks and of rosters as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tsbridge.acts.shape import like
from tsbridge.store.versions import Version


@dataclass(frozen=True, slots=True)
class VersionShown:
    """A published version without its document. `id`: its number as text, as lists have ids."""

    id: str
    version: int
    hash: str
    published_at: datetime
    published_by: str
    note: str


@dataclass(frozen=True, slots=True)
class VersionWhole(VersionShown):
    document: dict[str, Any]


def shown(one: Version) -> VersionShown:
    return like(VersionShown, one, id=str(one.version))


def whole(one: Version) -> VersionWhole:
    return like(VersionWhole, one, id=str(one.version))
