"""Why something was decided: one decision with its reasons in words, the steps that decided lit, and what would have been if."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from tsbridge.acts.errors import Refused
from tsbridge.acts.explained import Explained, explained
from tsbridge.acts.what_if import WhatIf, fields, what_if
from tsbridge.acts.words import are_guarded, is_severe
from tsbridge.console.frame import Visit
from tsbridge.core.redaction import personal
from tsbridge.core.words import TEXT_FIELDS

DIFFERENCES: Final = ("severity", "category", "queue", "priority", "tags_added", "tags_removed", "escalations")


@dataclass(frozen=True, slots=True)
class Why:
    """What the panel shows. `in_words`: nothing where they would quote what is withheld. `withheld`: neither texts nor what
    tells of a person is sent."""

    explained: Explained
    in_words: tuple[str, ...]
    withheld: bool

    def actual(self, step: dict[str, Any]) -> Any:
        """The value seen; None of one that is withheld."""
        return None if self.withheld and personal(str(step.get("field"))) else step.get("actual")


def why_of(found: Explained, *, withheld: bool) -> Why:
    """The panel. A pattern may find anything, and who it is about is said as it was; a word that was found is the rule's own."""
    steps = [step for rule in found.rules for step in rule.get("because", ()) if "field" in step]
    quotes = any(step["operator"].endswith("matches") or (personal(step["field"]) and step["field"] not in TEXT_FIELDS) for step in steps)
    return Why(found, () if withheld and quotes else found.in_words, withheld)


async def decision(visit: Visit) -> Response:
    """One decision."""
    decision_id, console = visit.in_path("id"), visit.console
    name, value = visit.word("field"), visit.word("value")

    def read(conn: Any) -> tuple[Explained, bool, WhatIf | None, str]:
        found = explained(conn, console.live, decision_id, reader=visit.reader)
        guarded = is_severe(found.outcome.get("severity")) or are_guarded(conn, visit.reader, found.case_id)
        if name is None or not visit.may("ops"):
            return found, guarded, None, ""
        try:
            return found, guarded, what_if(conn, console.live, decision_id, name, value or ""), ""
        except Refused as refused:
            return found, guarded, None, str(refused)

    found, guarded, otherwise, wrong = await console.database.read(read)
    return visit.show(
        "decision.html",
        here="audit",
        why=why_of(found, withheld=guarded),
        otherwise=otherwise,
        differs=[] if otherwise is None else _differences(found, otherwise),
        wrong=wrong,
        field=name or "",
        value=value or "",
        fields=fields(),
    )


def _differences(found: Explained, otherwise: WhatIf) -> list[tuple[str, Any, Any]]:
    """What of the outcome would be another: what it is, what it would be."""
    was, would = found.outcome, otherwise.outcome
    return [(name, was.get(name), would.get(name)) for name in DIFFERENCES if (was.get(name) or None) != (would.get(name) or None)]
