"""Links that acknowledge: `<public address>/a/<token>`. A token is for one person and one case, message or way, and for nothing else.

`<period>.<what it is for>.<proof>`: base64url, the proof 128 bits of HMAC-SHA256 over all before it under the period's key. Whoever has
it may press the button of that page as that person; it says nothing else and cannot be made, changed or guessed without the key.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from tsbridge.core.moments import instant_text, read_instant
from tsbridge.core.signed import base64url, proof, unbase64url

LONGEST: Final = 1_000
_SHAPE: Final = re.compile(r"([1-9]\d{0,5})\.([A-Za-z0-9_-]{8,900})\.([A-Za-z0-9_-]{22})", re.ASCII)
_PURPOSE: Final = b"tsbridge acknowledge link\x00"
_KINDS: Final = ("case", "group", "proof")


@dataclass(frozen=True, slots=True)
class AckLink:
    """What a token is for. `agent`: whose it is; for a way that was told itself, that way. `way`: by which the link was sent.

    `about`: of a `case` its id, of a `group` that of the message that carries its cases, of a `proof` the way. `policy`: what asked,
    None where a rule did. `since`: when it was asked, or sent.
    """

    kind: Literal["case", "group", "proof"]
    agent: str
    way: str
    about: str
    policy: str | None
    since: datetime


def sign(link: AckLink, period: int, key: bytes) -> str:
    """The token. `period` (1 and up) names the key."""
    value = [link.kind, link.agent, link.way, link.about, link.policy, instant_text(link.since)]
    said = f"{period}.{base64url(json.dumps(value, ensure_ascii=False, separators=(',', ':')).encode())}"
    token = f"{said}.{proof(_PURPOSE, said, key)}"
    if len(token) > LONGEST:
        raise ValueError("expected short keys of a person, a way and a policy")
    return token


def read(token: str, keys: Mapping[int, bytes]) -> AckLink | None:
    """What a token is for; None for everything that was not signed with one of `keys`, to the letter."""
    found = _SHAPE.fullmatch(token) if len(token) <= LONGEST else None
    key = keys.get(int(found[1])) if found is not None else None
    if found is None or key is None:
        return None
    said = f"{found[1]}.{found[2]}"
    if not hmac.compare_digest(proof(_PURPOSE, said, key), found[3]):  # as text: bits that base64 does not use count, too
        return None
    kind, agent, way, about, policy, since = json.loads(unbase64url(found[2]))
    return AckLink(_kind(kind), agent, way, about, policy, read_instant(since))


def address(public_url: str, token: str) -> str:
    return f"{public_url}/a/{token}"


def _kind(value: Any) -> Any:
    if value not in _KINDS:
        raise ValueError("a token of ours has another kind than ours have")
    return value
