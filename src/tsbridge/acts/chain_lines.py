"""The chain as lines of NDJSON, to be kept elsewhere and proven there without a database: entries hold no personal data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.core import heads
from tsbridge.core.chain import broken_links
from tsbridge.core.heads import Proves
from tsbridge.core.moments import canonical_text
from tsbridge.store import chain

PIECE: Final = 2_000
"""Entries read at once."""

Entry = tuple[int, str, str, str]


class Entries:
    """All entries, oldest first, as of when it ends: a chain only grows."""

    def __init__(self) -> None:
        self.count = 0
        self.over = False
        self._after = 0

    def piece(self, conn: Connection) -> bytes:
        """The next lines. May be tried again when the connection broke."""
        rows = chain.entries(conn, self._after, PIECE)
        lines = [
            f'{{"seq":{seq},"kind":{json.dumps(kind)},"id":{json.dumps(id_)},"previous_hash":"{previous}","hash":"{hashed}","record":{record}}}\n'
            for seq, kind, id_, previous, hashed, record in rows
        ]
        self._after = rows[-1][0] if rows else self._after
        self.count, self.over = self.count + len(rows), len(rows) < PIECE
        return "".join(lines).encode()


def verify_export(lines: Iterable[str], kept: Sequence[str], keys: frozenset[str], proves: Proves) -> dict[str, Any]:
    """Prove an exported chain by itself: `{"ok", "entries", "head", "broken"}` as of `store.proof.verify`. `kept`: lines of signed heads,
    each of which has to be in it; `keys`: as of `core.heads.faults`."""
    wanted, hashes, unread = heads.places(kept), dict[int, str](), set[int]()
    broken, count, head = broken_links(_noted(_read(lines, unread), wanted, hashes))
    told = {fault["seq"] for fault in broken}
    broken += [{"seq": seq, "why": "a line stands there that is no entry of a chain"} for seq in sorted(unread - told)]
    broken += heads.faults(kept, hashes, keys, proves)
    return {"ok": not broken, "entries": count, "head": head, "broken": broken}


def hashes_of(lines: Iterable[str], places: frozenset[int]) -> dict[int, str]:
    """The hashes of the entries at these places of an exported chain that is whole; none of one that is broken."""
    found, unread = dict[int, str](), set[int]()
    broken, _, _ = broken_links(_noted(_read(lines, unread), places, found))
    return {} if broken or unread else found


def verify_heads(conn: Connection, kept: Sequence[str], keys: frozenset[str], proves: Proves) -> list[dict[str, Any]]:
    """What is wrong about heads that were kept elsewhere, held against the chain here."""
    return list(heads.faults(kept, chain.hashes(conn, heads.places(kept)), keys, proves))


def _read(lines: Iterable[str], unread: set[int]) -> Iterator[Entry]:
    """Entries of lines. `unread`: is filled with the places of lines that are none, such as the last one of a file that was cut."""
    after = 0
    for line in lines:
        try:
            told = json.loads(line)
            entry = int(told["seq"]), str(told["previous_hash"]), str(told["hash"]), canonical_text(told["record"])
        except (ValueError, LookupError, TypeError, RecursionError):
            if line.strip():
                unread.add(after + 1)
            continue
        after = entry[0]
        yield entry


def _noted(entries: Iterable[Entry], wanted: frozenset[int], hashes: dict[int, str]) -> Iterator[Entry]:
    for entry in entries:
        if entry[0] in wanted:
            hashes[entry[0]] = entry[2]
        yield entry
