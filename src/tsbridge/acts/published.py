"""Versions of rulebooks and of rosters as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

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

    @classmethod
    def of(cls, one: Version, *more: Any) -> Self:
        return cls(str(one.version), one.version, one.hash, one.published_at, one.published_by, one.note, *more)


@dataclass(frozen=True, slots=True)
class VersionWhole(VersionShown):
    document: dict[str, Any]


def whole(one: Version) -> VersionWhole:
    return VersionWhole.of(one, one.document)
