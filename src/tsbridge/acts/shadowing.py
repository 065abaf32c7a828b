"""The shadow: a second rulebook beside the live one, asked about everything, deciding nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal

from sqlalchemy import Connection

from tsbridge.acts.documents import Document
from tsbridge.acts.ledger import Entry
from tsbridge.acts.moves import Summary
from tsbridge.core.replay import Tally
from tsbridge.store import shadow


@dataclass(frozen=True, slots=True)
class NoShadow:
    on: Literal[False] = False
    summary: None = None


@dataclass(frozen=True, slots=True)
class ShadowShown:
    """`summary`: what it would have done otherwise since it was switched on, in counts."""

    on: Literal[True]
    hash: str
    started_at: datetime
    started_by: str
    summary: Summary


def start(conn: Connection, entry: Entry, document: Document, digest: str) -> None:
    """Shadow from now on by a document without faults, whose hash is `digest`. What an earlier one found is forgotten."""
    before = shadow.find(conn)
    shadow.begin(conn, document, digest, entry.at, entry.by)
    entry.change(conn, "shadow.start", "shadow", None if before is None else {"hash": before.hash}, {"hash": digest})


def stop(conn: Connection, entry: Entry) -> bool:
    """Switch it off and forget what it found; whether there was one."""
    found = shadow.find(conn)
    if found is not None:
        shadow.end(conn)
        entry.change(conn, "shadow.stop", "shadow", {"hash": found.hash}, None)
    return found is not None


def show(conn: Connection, zone: tzinfo) -> ShadowShown | NoShadow:
    found = shadow.find(conn)
    if found is None:
        return NoShadow()
    tally = Tally(zone)
    for case_id, compared in shadow.by_case(conn):
        tally.add(case_id, compared)
    summary: Any = tally.summary()
    return ShadowShown(True, found.hash, found.started_at, found.started_by, summary)
