"""The arithmetic of the audit chain: hashes, commitments, and finding where a chain is broken."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tsbridge.core.moments import canonical_text

GENESIS = "0" * 64
"""The hash before the first entry."""
SHORTEST_KEY: Final = 32
"""Characters of a key that vouches for records which are not in the chain yet."""


def link_hash(seq: int, previous: str, record: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over 0x00 and the canonical entry; the 0x00 sets leaves apart from tree nodes (RFC 6962)."""
    return link_hash_of(seq, previous, canonical_text(record))


def link_hash_of(seq: int, previous: str, record: str) -> str:
    """`link_hash` of a record that is canonical text already: nothing is read or written again."""
    return hashlib.sha256(f'\x00{{"previous_hash":"{previous}","record":{record},"seq":{seq}}}'.encode()).hexdigest()


def commitment(salt: str, value: Any) -> str:
    """HMAC-SHA-256 of a value under its salt: says nothing once the salt is destroyed, binds for ever."""
    return commitment_of(salt, canonical_text(value))


def commitment_of(salt: str, text: str) -> str:
    """`commitment` to a value by its canonical text."""
    return hmac.digest(salt.encode(), text.encode(), "sha256").hex()


def broken_links(
    entries: Iterable[Sequence[Any]], known_head: Mapping[str, Any] | None = None
) -> tuple[list[dict[str, Any]], int, dict[str, Any]]:
    """Check entries (seq, previous hash, hash, canonical text of the record) in order of seq.

    Returns what is broken as [{"seq", "why"}], the number of entries and the head reached. Every edit, deletion,
    insertion and swap shows at its place; a cut tail or a chain written anew shows against `known_head` only.
    """
    broken: list[dict[str, Any]] = []
    expected, before, count = 1, GENESIS, 0
    hash_at_known = None
    for seq, previous, hashed, record in entries:
        count += 1
        if seq != expected:
            broken.append({"seq": expected, "why": f"entries {expected} to {seq - 1} are missing"})
        elif previous != before:
            broken.append({"seq": seq, "why": "does not follow from the entry before it"})
        if link_hash_of(seq, previous, record) != hashed:
            broken.append({"seq": seq, "why": "its content was changed"})
        expected, before = seq + 1, hashed
        if known_head is not None and seq == known_head["seq"]:
            hash_at_known = hashed
    if known_head is not None and known_head["seq"] > 0 and hash_at_known != known_head["hash"]:
        why = "the chain ends before it" if hash_at_known is None else "another entry stands in its place"
        broken.append({"seq": known_head["seq"], "why": f"the head known from outside is not here: {why}"})
    return broken, count, {"seq": expected - 1, "hash": before}
