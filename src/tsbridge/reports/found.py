"""What was found unusual, in a sentence; and the rule that would mark such cases from now on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.unusual import BURST, CATEGORY, CHANNEL, LINKED_CLAIMS, OVERLOAD, REPEAT_PARTY, REPEATS, RISING_WORD, RULE_DRIFT

_NO_KEY: Final = re.compile(r"[^a-z0-9]+")


def sentence(kind: str, figures: Mapping[str, Any]) -> str:
    """One sentence, without anybody's names or numbers; of what people said only the one phrase that more and more of them use."""
    if kind in (BURST, RULE_DRIFT, OVERLOAD):
        return _of_series(kind, figures)
    if kind == REPEAT_PARTY:
        by = ", ".join(_many(figures[name], name) for name in ("tickets", "calls") if figures[name])
        return f"Somebody was in touch {figures['contacts']} times within {figures['days']} days: {by}, {_many(figures['cases'], 'cases')}."
    if kind == RISING_WORD:
        word = f'"{figures["word"]}"' if figures.get("word") else "A word whose texts are not kept any more"
        within = "a day" if figures["days"] == 1 else f"{figures['days']} days"
        return f"{word} stands in {figures['cases']} of {figures['texts']} new cases of {within}, where {_usual(figures)}."
    within = "an hour" if figures["hours"] <= 1 else f"{_plain(figures['hours'])} hours"
    known = f"{figures['identities']} identities, {_many(figures['shared'], 'addresses, users or numbers')} in common"
    return f"{figures['claims']} claims within {within} belong together by what those who made them share: {known}."


def draft_rule(kind: str, figures: Mapping[str, Any]) -> dict[str, Any] | None:
    """A rule of ours that marks cases of this kind by a tag; None where none makes sense. It goes behind those that set categories."""
    if kind == BURST and figures["series"] == CATEGORY and figures["cases"] > figures["usual"]:
        return _rule(f"burst-{figures['of']}", "Cases of a category that bursts", {"case.category": ("is", figures["of"])})
    if kind == BURST and figures["series"] == CHANNEL and figures["cases"] > figures["usual"]:
        return _rule(f"burst-{figures['of']}", "Cases of a channel that bursts", {"channel": ("is", figures["of"])})
    if kind == REPEAT_PARTY:
        return _rule("repeat-party", "Somebody who is in touch again and again", {"requester.contacts_30d": ("at_least", REPEATS)})
    if kind == RISING_WORD and figures.get("word"):
        return _rule("rising-word", "Cases with words that rise", {"text": ("contains_any", [figures["word"]])})
    if kind == LINKED_CLAIMS and figures["categories"]:
        again = {"case.category": ("in", list(figures["categories"])), "requester.contacts_30d": ("at_least", 2)}
        return _rule("linked-claims", "A claim of somebody who was in touch before", again)
    return None


def _of_series(kind: str, figures: Mapping[str, Any]) -> str:
    of, within = figures["of"], "a day" if figures["days"] == 1 else f"{figures['days']} days"
    count = figures["cases"]
    what = {
        BURST: f"{_many(count, 'cases')} of {figures['series']} {of}",
        RULE_DRIFT: f"Rule {of} matched in {_many(count, 'cases')}",
        OVERLOAD: f"{of} got {_many(count, 'cases')}",
    }
    times = f" ({_plain(figures['times_usual'])} times)" if count > figures["usual"] > 0 else ""
    also = ", ".join(f"{one['series']} {one['of']}" for one in figures.get("also", ()))
    same = f", largely the same of {also}" if also else ""
    return f"{what[kind]} within {within}, where {_usual(figures)}{times}{same}."


def _rule(name: str, title: str, when: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    plain = _NO_KEY.sub("-", name.lower()).strip("-")[:60]
    leaves = [{"field": field, "operator": operator, "value": value} for field, (operator, value) in when.items()]
    tag = f"ts_{plain.replace('-', '_')}"
    return {"key": plain, "kind": "escalation", "title": title, "when": {"all": leaves}, "then": [{"add_tags": [tag]}]}


def _many(count: int, what: str) -> str:
    return f"{count} {what.removesuffix('s') if count == 1 and ',' not in what else what}"


def _usual(figures: Mapping[str, Any]) -> str:
    return f"{_plain(figures['usual'])} {'is' if figures['usual'] == 1 else 'are'} usual"


def _plain(number: float) -> str:
    return f"{number:g}"
