"""A decision with its reasons: recomputed from what it saw and the rulebook version that made it, so it cannot drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from tsbridge.acts import audit
from tsbridge.acts.audit import Decided, RuleMatched
from tsbridge.acts.errors import NotFound
from tsbridge.acts.reasons import NearMiss, without_words
from tsbridge.acts.shape import like
from tsbridge.acts.words import EVERYTHING, Reader
from tsbridge.core.rules.judge import Near
from tsbridge.core.rules.sentences import Author, Spoken, sentences
from tsbridge.core.rules.shown import NEAR, near_misses, rule_shown
from tsbridge.store import change_log, decisions, routing
from tsbridge.store.decisions import Decision
from tsbridge.store.rulebooks import LiveRulebook

Part = Mapping[str, Any]
LOOK_BACK: Final = 50
"""Decisions of a case."""


@dataclass(frozen=True, slots=True)
class RuleAuthor:
    """Who changed a rule last before it was judged by; `version`: by which publish."""

    rule: str
    version: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Explained(Decided):
    """Contract section 6, whole. `rules`: with their reasons where they are known; `near_misses`: those that nearly matched; `in_words`:
    the same as sentences.

    Once what it saw has been erased, `inputs_erased` is true and no reason is known. Once words that it saw are gone at the vendor,
    `redacted_since` says since when, and the reasons are those that were true then, without the values. `withheld`: what it saw is not for
    whoever asks: the conditions stand there without the values, and nothing is said in words.
    """

    near_misses: tuple[NearMiss, ...] = field(hash=False)
    inputs_erased: bool
    redacted_since: str | None
    last_changed: tuple[RuleAuthor, ...]
    in_words: tuple[str, ...]
    withheld: bool

    @property
    def authors(self) -> Mapping[str, RuleAuthor]:
        """By rule."""
        return {one.rule: one for one in self.last_changed}


def explained(conn: Connection, live: LiveRulebook, decision_id: str, near: Near = NEAR, reader: Reader = EVERYTHING) -> Explained:
    """With the rules that came `near`. Raises `NotFound`."""
    decided, loaded = audit.decision(conn, decision_id), decisions.load(conn, decision_id)
    if decided is None or loaded is None:
        raise NotFound("decision")
    found = _reasons(conn, live, decided, loaded, near)
    rules, missed, erased, since = found or (decided.rules, [], not decided.retracted, None)
    authors = _authors(conn, decided)
    written = {rule.key: rule for rule in live.version(conn, decided.rulebook.version).book.rules}
    told = Spoken(rules, missed, decided.outcome.get("queue"), decided.rulebook.version, written, authors)
    whole = like(
        Explained,
        decided,
        rules=rules,
        near_misses=tuple(NearMiss(**one) for one in missed),
        inputs_erased=erased,
        redacted_since=since,
        last_changed=tuple(RuleAuthor(rule, one.version, one.by, one.at) for rule, one in authors.items()),
        in_words=() if decided.retracted else sentences(told),
        withheld=False,
    )
    denied = reader.is_denied(conn, decided.case_id, loaded.subject, decided.outcome.get("category"))
    return _without_words(whole) if denied else whole


def latest(conn: Connection, live: LiveRulebook, case_id: str, reader: Reader = EVERYTHING) -> Explained | None:
    """The standing decision of a case by which rules set something last, else its latest; None where there is none."""
    standing = routing.decisions_of_case(conn, case_id, LOOK_BACK)
    chosen = next((row for row in standing if row["matched"]), standing[0] if standing else None)
    return None if chosen is None else explained(conn, live, chosen["id"], reader=reader)


def _without_words(whole: Explained) -> Explained:
    rules: list[RuleMatched] = [{**rule, "because": without_words(rule["because"])} if "because" in rule else rule for rule in whole.rules]
    missed = tuple(replace(miss, missing=without_words(miss.missing)) for miss in whole.near_misses)
    return replace(whole, rules=rules, near_misses=missed, in_words=(), withheld=True)


def _reasons(
    conn: Connection, live: LiveRulebook, decided: Decided, loaded: Decision, near: Near
) -> tuple[Sequence[RuleMatched], Sequence[Part], bool, str | None] | None:
    """The rules with their reasons, the near misses, whether what it saw is erased, since when words are gone; None: nothing is known."""
    held, seen = loaded.held, loaded.seen
    if held is not None:
        return held.reasons["rules"], held.reasons["near_misses"][: near.shown], False, held.since
    if decided.retracted or seen is None:
        return None
    built, books = live.version(conn, decided.rulebook.version), live.books(conn, decided.rulebook.version)
    asked = built.judge.explain(seen.given, seen.previous, seen.standing, seen.at, loaded.subject, near=near, books=books)
    matched = {rule["key"] for rule in decided.rules}
    shown: list[Any] = [rule_shown(rule) for rule in asked if rule.key in matched]
    return shown, near_misses((rule for rule in asked if rule.key not in matched), near), False, None


def _authors(conn: Connection, decided: Decided) -> Mapping[str, Author]:
    rows = change_log.rule_authors(conn, [rule["key"] for rule in decided.rules], decided.rulebook.version)
    return {key: Author(*row) for key, row in rows.items()}
