"""What the demo prints: the figures, the expectations, one decision in plain words. Text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Figures = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
"""Samples of `/metrics` by name and sorted labels."""


def read_metrics(text: str) -> Figures:
    found = {}
    for line in text.splitlines():
        if match := _SAMPLE.match(line):
            found[(match["name"], tuple(sorted(_LABEL.findall(match["labels"] or ""))))] = float(match["value"])
    return found


def figure(figures: Figures, name: str, **labels: str) -> int:
    """The sum of all samples of `name` that carry these labels."""
    wanted = set(labels.items())
    return int(sum(value for (sample, has), value in figures.items() if sample == name and wanted <= set(has)))


@dataclass(frozen=True, slots=True)
class Result:
    """Everything the last page says."""

    figures: Figures
    tickets: int
    calls: int
    refused_by_door: int
    tags_wanted: int
    tags_confirmed: int
    checks: int
    unmet: Sequence[str]
    gave_up: Sequence[str]
    mails: int
    posts: int
    seconds: float
    median_to_tag_s: float | None = None

    @property
    def good(self) -> bool:
        return not self.unmet and self.tags_confirmed == self.tags_wanted


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    rows = list(rows)
    wide = max(len(name) for name, _, _ in rows)
    right = max(len(value) for _, value, _ in rows)
    return "\n".join(f"  {name:<{wide}}  {value:>{right}}  {remark}".rstrip() for name, value, remark in rows)


def page(result: Result) -> str:
    """The table of results and what is missing, if anything."""
    f = result.figures

    def deliveries(status: str) -> int:
        return figure(f, "tsbridge_deliveries", status=status)

    def wishes(status: str) -> int:
        return figure(f, "tsbridge_writebacks", status=status)

    parked = wishes("parked") + wishes("refused")
    rows = [
        ("weekend played", f"{result.tickets}", f"tickets and {result.calls} calls"),
        ("events received", str(figure(f, "tsbridge_deliveries_received")), "signed webhooks of both vendors"),
        ("  applied", str(deliveries("applied")), "became part of a case"),
        ("  ignored", str(deliveries("ignored")), "nothing the desk needs to know"),
        ("  duplicate", str(deliveries("duplicate")), "heard before"),
        ("  quarantined", str(deliveries("quarantined")), "proven, but unreadable: kept for a look"),
        ("  dead", str(deliveries("dead")), ""),
        ("  pending", str(deliveries("pending")), ""),
        ("refused at the door", str(result.refused_by_door), ""),
        ("cases", str(figure(f, "tsbridge_cases")), f"{figure(f, 'tsbridge_cases', status='open')} open"),
        ("decisions", str(figure(f, "tsbridge_decisions")), "each with its reasons, chained"),
        ("escalation steps", str(figure(f, "tsbridge_escalation_steps", status="fired")), "fired, nobody had moved in time"),
        (
            "people told",
            f"{result.mails + result.posts}",
            f"messages, {result.mails} by mail and {result.posts} in a chat",
        ),
        ("write-backs confirmed", str(wishes("confirmed")), f"{wishes('unneeded')} unneeded, {parked} parked or refused"),
        ("tags confirmed in Zendesk", f"{result.tags_confirmed}/{result.tags_wanted}", "expected by the stories"),
        ("tickets as expected", f"{result.checks - len(result.unmet)}/{result.checks}", "tags there, none too many, right group"),
        ("time taken", f"{result.seconds:.0f} s", "from nothing to settled"),
    ]
    lines = [table(rows)]
    if result.unmet:
        lines += ["", "  Not as expected:", *(f"    {line}" for line in result.unmet[:40])]
        lines += [f"    … and {len(result.unmet) - 40} more"] if len(result.unmet) > 40 else []
    if result.gave_up:
        lines += ["", f"  {len(result.gave_up)} people waited for a tag in vain: {', '.join(result.gave_up[:10])}"]
    return "\n".join(lines)


def in_plain_words(decision: Mapping[str, Any]) -> str:
    """One decision of the audit: who decided what about whom, because of which words, and what came of it."""
    subject, outcome = decision["interaction"], decision["outcome"]
    kind = "ticket" if subject["source"] == "zendesk" else "call"
    lines = [
        f"  Decision {decision['id']} about {kind} {subject['id']} ({decision['event']}, {decision['at']})",
        f"  was made by rulebook version {decision['rulebook']['version']}, {decision['rulebook']['hash'][:19]}…",
    ]
    for rule in decision["rules"]:
        why = "; ".join(_because(leaf) for leaf in rule.get("because", ()) if leaf.get("outcome", True)) or "it matches everything"
        lines.append(f"    rule {rule['key']!r} ({rule['kind']}) applied because {why}")
    done = []
    if outcome.get("severity"):
        done.append(f"severity {outcome['severity']}")
    if outcome.get("category"):
        done.append(f"category {outcome['category']}")
    if outcome.get("queue"):
        done.append(f"routed to {outcome['queue']}")
    if outcome.get("priority"):
        done.append(f"priority {outcome['priority']}")
    if outcome.get("tags_added"):
        done.append(f"tags {', '.join(outcome['tags_added'])}")
    if outcome.get("escalations"):
        done.append(f"escalation {', '.join(outcome['escalations'])} armed")
    lines.append(f"  So: {'; '.join(done) or 'nothing changed'}.")
    nearly = decision.get("near_misses", ())[:1]
    lines += [f"  Nearly: rule {near['key']!r} would have applied, too, had {_missing(near['missing'])}." for near in nearly]
    if writeback := decision.get("writeback"):
        attempts = "one attempt" if writeback["attempts"] == 1 else f"{writeback['attempts']} attempts"
        lines.append(f"  In Zendesk: {writeback['status']} after {attempts}.")
    lines.append(f"  Proof: {decision['hash']}, following {(decision['previous_hash'] or 'nothing')[:16]}…")
    return "\n".join(lines)


def one_minute(ticket_id: str, off: str, status: str, tags: Sequence[str], case: Mapping[str, Any]) -> str:
    """What an agent did to a severe ticket within one minute, and how ticket and case stand now. `off`: the tag of ours they took off."""
    return "\n".join(
        (
            f"  At ticket {ticket_id} an agent took {off} off, answered with a macro full of alarming words, added a tag of their own and",
            "  set it pending, open and solved. Deliveries came with times to the minute, twice and out of order.",
            f"  In Zendesk it is {status} and reads {', '.join(tags)}: {off} stays off, no step of the policy came.",
            f"  Case {case['id']} is {case['status']}, severity {case['severity']}, {case['category']}, queue {case['queue']}.",
        )
    )


DONE: Final = {
    "contains": "contained",
    "contains_any": "contained one of",
    "contains_all": "contained all of",
    "not_contains": "not contained",
    "starts_with": "started with",
    "matches": "matched",
    "includes": "included one of",
    "includes_all": "included all of",
    "not_includes": "not included",
    "changed": "changed",
    "changed_to": "changed to",
    "changed_from": "changed from",
    "not_changed": "not changed",
    "is": "been",
    "is_not": "not been",
}


def _because(leaf: Mapping[str, Any]) -> str:
    expected, actual = leaf.get("expected"), leaf.get("actual")
    if isinstance(expected, list) and isinstance(actual, str):
        found = [word for word in expected if re.search(rf"(?<!\w){re.escape(str(word))}(?!\w)", actual, re.IGNORECASE)]
        words = " and ".join(f'"{word}"' for word in found) or f"one of {len(expected)} words"
        return f"{words} was found in {leaf['field']} ({_short(actual, found)})"
    return f"{leaf['field']} {str(leaf['operator']).replace('_', ' ')} {_value(expected)} (it was {_value(actual)})"


def _missing(leaves: Sequence[Mapping[str, Any]]) -> str:
    return " and ".join(
        f"{leaf['field']} {'' if leaf.get('wanted', True) else 'not '}{_done(str(leaf['operator']))} {_value(leaf.get('expected'))}"
        for leaf in leaves
    )


def _done(operator: str) -> str:
    """An operator as what a field would have done: `contains_any` is "contained one of"."""
    return DONE.get(operator) or f"been {operator.replace('_', ' ')}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(str(item) for item in value[:4])
        return f"[{shown}{', …' if len(value) > 4 else ''}]"
    return "empty" if value is None else str(value)


def _short(text: str, words: Sequence[Any]) -> str:
    """The text around the first word found."""
    at = max(0, text.casefold().find(str(words[0]).casefold()) - 30) if words else 0
    cut = " ".join(text[at : at + 70].split())
    return f"“{'…' if at else ''}{cut}{'…' if at + 70 < len(text) else ''}”"
