"""Why something was decided: one decision with its reasons in words, the steps that decided lit, and what would have been if."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from tsbridge.acts import cases
from tsbridge.acts.errors import Refused
from tsbridge.acts.explained import Explained, explained
from tsbridge.acts.what_if import WhatIf, fields, what_if
from tsbridge.acts.words import is_severe
from tsbridge.console.frame import Visit
from tsbridge.core.rules import vocabulary

DIFFERENCES: Final = ("severity", "category", "queue", "priority", "tags_added", "tags_removed", "escalations")


@dataclass(frozen=True, slots=True)
class Why:
    """What the panel shows. `in_words`: nothing where they would quote what is withheld. `withheld`: texts are not sent."""

    explained: Explained
    in_words: tuple[str, ...]
    withheld: bool

    def actual(self, step: dict[str, Any]) -> Any:
        """The value seen; None of a text that is withheld."""
        return None if self.withheld and is_text(str(step["field"])) else step.get("actual")


def why_of(found: Explained, *, withheld: bool) -> Why:
    """The panel. A pattern may find anything; a word that was found is the rule's own."""
    quotes = any(step["operator"].endswith("matches") for rule in found.rules for step in rule.get("because", ()))
    return Why(found, () if withheld and quotes else found.in_words, withheld)


def is_text(name: str) -> bool:
    known = vocabulary.field_named(name)
    return known is not None and known.type == "text"


async def decision(visit: Visit) -> Response:
    """One decision."""
    decision_id, console = visit.in_path("id"), visit.console
    name, value = visit.word("field"), visit.word("value")

    def read(conn: Any) -> tuple[Explained, int | None, WhatIf | None, str]:
        found = explained(conn, console.live, decision_id)
        severity = cases.show(conn, found.case_id).severity
        if name is None or not visit.may("ops"):
            return found, severity, None, ""
        try:
            return found, severity, what_if(conn, console.live, decision_id, name, value or ""), ""
        except Refused as refused:
            return found, severity, None, str(refused)

    found, severity, otherwise, wrong = await console.database.read(read)
    worst = min((one for one in (severity, found.outcome.get("severity")) if one is not None), default=None)
    return visit.show(
        "decision.html",
        here="audit",
        why=why_of(found, withheld=is_severe(worst)),
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
