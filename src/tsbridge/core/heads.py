"""Heads of the chain that were signed, to be kept elsewhere: what shows later that the chain up to there is still the one that was.

One head is a line of JSON: `type`, `seq`, `hash`, `at`, `public_key` and `signature` (Ed25519, hex). Signed is `SIGNED` and the canonical
text of the first four.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tsbridge.core.moments import canonical_text

TYPE: Final = "tsbridge.head"
COPIED: Final = "heads"
"""Under which name it is stored what went where last."""
FAILING: Final = "heads_failing"
"""And which places a head did not get to, since when (RFC 3339)."""
SIGNED: Final = "tsbridge head\n"
Proves = Callable[[bytes, bytes, bytes], bool]
"""Whether the owner of a public key signed a message: key, message, signature."""


@dataclass(frozen=True, slots=True)
class Head:
    """An entry's place and hash, and when it was the newest. `at`: RFC 3339."""

    seq: int
    hash: str
    at: str

    def message(self) -> bytes:
        """What is signed."""
        return (SIGNED + canonical_text(self._told())).encode()

    def signed(self, public_key: str, signature: str) -> dict[str, Any]:
        return {**self._told(), "public_key": public_key, "signature": signature}

    def _told(self) -> dict[str, Any]:
        return {"type": TYPE, "seq": self.seq, "hash": self.hash, "at": self.at}


def read(line: str) -> tuple[Head, str, str]:
    """A head, the public key and the signature of a line. Raises ValueError for one that is none."""
    told = json.loads(line)
    if not isinstance(told, dict) or told.get("type") != TYPE or type(told.get("seq")) is not int:
        raise ValueError("expected a signed head")
    texts = [told.get(name) for name in ("hash", "at", "public_key", "signature")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("expected a signed head")
    hash_, at, key, signature = (str(text) for text in texts)
    return Head(told["seq"], hash_, at), key, signature


def faults(lines: Iterable[str], hashes: Mapping[int, str], keys: frozenset[str], proves: Proves) -> Iterator[dict[str, Any]]:
    """What is wrong about heads that were kept: `{"seq", "why"}`. `hashes`: by place those of the chain; `keys`: public keys that are
    trusted, hex; none: whichever signed the first head."""
    for number, line in enumerate(lines, 1):
        try:
            head, key, signature = read(line)
            good = proves(bytes.fromhex(key), head.message(), bytes.fromhex(signature))
        except (ValueError, RecursionError):
            yield {"seq": None, "why": f"line {number} is no signed head"}
            continue
        keys = keys or frozenset((key,))
        if not good:
            yield {"seq": head.seq, "why": f"the head of line {number} is not signed by the key that it names"}
        elif key not in keys:
            yield {"seq": head.seq, "why": f"the head of line {number} is signed by another key"}
        elif hashes.get(head.seq) != head.hash:
            why = "the chain ends before it" if head.seq not in hashes else "another entry stands in its place"
            yield {"seq": head.seq, "why": f"the head of line {number} is not in the chain: {why}"}


def places(lines: Iterable[str]) -> frozenset[int]:
    """The places in the chain that these heads are about; lines that are none are passed over."""
    found = set()
    for line in lines:
        try:
            found.add(read(line)[0].seq)
        except (ValueError, RecursionError):
            continue
    return frozenset(found)
