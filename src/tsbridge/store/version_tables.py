"""Tables of rulebooks: versions, the draft, and the days and clocks that versions go by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from tsbridge.store.columns import Instant, Json, metadata


def versions_of(name: str, document: TypeEngine[Any]) -> Table:
    """The versions of a document that is published as a whole (`store.versions`), and how the document is kept."""
    return Table(
        name,
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("hash", Text, nullable=False),
        Column("document", document, nullable=False),
        Column("note", Text, nullable=False),
        Column("published_at", Instant, nullable=False),
        Column("published_by", Text, nullable=False),
        Column("almanac", Text),  # the days and clocks it goes by; none: those of the installed libraries
    )


almanacs = Table(
    "almanacs",  # what the installed libraries said of holidays and time zones when a version was published
    metadata,
    Column("hash", Text, primary_key=True),
    Column("data", Json, nullable=False),
    Column("kept_at", Instant, nullable=False),
)

rulebooks = versions_of("rulebooks", Json())

draft = Table(
    "draft",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("document", Json, nullable=False),
    Column("based_on", Integer, nullable=False),  # the published version it was begun from
    Column("revision", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
)
