"""Everything there is to say about a document before it is published, out of its text: what a process of its own is handed whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, Final, NamedTuple

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import Finding, RulebookError
from tsbridge.rulebook.check import check
from tsbridge.rulebook.staffed import ReadRoster, unread
from tsbridge.rulebook.staffing import staffing
from tsbridge.rulebook.targets import targets
from tsbridge.rulebook.zendesk_names import Named

SEVERITIES: Final = ("error", "warning", "info")
NOTHING: Final = b"null"


class Examined(NamedTuple):
    """Findings about the document by itself, and `beside` the live roster. `named`: what Zendesk may be asked about; None: no rulebook."""

    own: tuple[Finding, ...]
    beside: tuple[Finding, ...]
    named: Named | None


class Sheet(NamedTuple):
    """An `Examined` as JSON: for each severity the findings of its own and those beside the roster, each joined by commas."""

    own: Mapping[str, bytes]
    beside: Mapping[str, bytes]
    named: Named | None


def examine(content: bytes, zone: tzinfo, roster: bytes, read_roster: ReadRoster, triggers: bytes = NOTHING) -> Examined:
    """`content`, `roster` (null: there is none) and `triggers` (null, or Zendesk's) are JSON.

    Raises `ValueError` for triggers that are none.

    Ten thousand rules take many seconds: never on the event loop.
    """
    return _examined(json.loads(content), zone, json.loads(roster), read_roster, json.loads(triggers))


def examine_body(body: bytes, cap: int, zone: tzinfo, roster: bytes, read_roster: ReadRoster) -> Sheet | None:
    """The same of a body that is the document, or `{"document": …}`; None for any other, or what is no strict JSON: let it be refused."""
    try:
        told = strict_json.read(body, cap)
    except Malformed:
        return None
    document = told["document"] if isinstance(told, dict) and set(told) == {"document"} else told
    if not isinstance(document, dict) or not document or "triggers" in document:
        return None
    found = _examined(document, zone, json.loads(roster), read_roster, None)
    return Sheet(_joined(found.own), _joined(found.beside), found.named)


def _examined(document: Any, zone: tzinfo, roster: Any, read_roster: ReadRoster, triggers: Any) -> Examined:
    own = (*check(document, zone, triggers=triggers), *unread(document, read_roster))
    return Examined(own, (*staffing(document, roster), *targets(document, roster)), _named(document))


def _named(document: Any) -> Named | None:
    try:
        return Named.by(read(document))
    except RulebookError:
        return None


def _joined(found: tuple[Finding, ...]) -> dict[str, bytes]:
    return {severity: joined(one for one in found if one.severity == severity) for severity in SEVERITIES}


def joined(found: Any) -> bytes:
    """Findings as the items of a JSON list."""
    return json.dumps([one.to_json() for one in found], ensure_ascii=False, separators=(",", ":")).encode()[1:-1]
