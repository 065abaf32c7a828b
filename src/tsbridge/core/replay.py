"""Two ways to decide the same history, compared: what was recorded, and what another rulebook makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple, Protocol

from tsbridge.core.contacts import Contact, counts_at
from tsbridge.core.moments import Interaction, Value
from tsbridge.core.quiet import Done
from tsbridge.core.rules.judge import Judge
from tsbridge.core.rules.judgement import Judgement
from tsbridge.core.staff import About, Staff
from tsbridge.core.story import Judged, Told, judge_story
from tsbridge.core.track import EMPTY, key_of

SAMPLES: Final = 5
NAMED: Final = 100


class Kept(NamedTuple):
    """A recorded decision in force. `seq`: its place in the audit, None until it has one; `first_seq`: that of the first decision about
    this moment; `held`: what it judged of words that are gone since, which no rulebook can judge again."""

    id: str
    moment: str
    at: datetime
    subject: Interaction
    version: int
    outcome: Mapping[str, Any]
    matched: tuple[tuple[str, str], ...]
    seq: int | None = 0
    first_seq: int | None = 0
    held: Judgement | None = None


class Stand(NamedTuple):
    """What stands of a case after a decision, as far as a queue of people would notice.

    `of_each`: severity (9: none) and queue of every thread decided about, by what names it; the case is shown by the worst.
    """

    queue: str | None = None
    severity: int | None = None
    tags: tuple[str, ...] = ()
    escalations: tuple[str, ...] = ()
    of_each: tuple[tuple[str, int, str | None], ...] = ()

    def after(self, outcome: Mapping[str, Any], thread: str) -> Stand:
        """`thread`: what names the interactions that are joined with the one decided about: its outcome says what stands for them all."""
        tags, armed = self.tags, self.escalations
        if outcome["tags_added"] or outcome["tags_removed"]:
            tags = tuple(sorted(({*tags} | {*outcome["tags_added"]}) - {*outcome["tags_removed"]}))
        if outcome["escalations"]:
            armed = tuple(sorted({*armed, *outcome["escalations"]}))
        severity = 9 if outcome["severity"] is None else outcome["severity"]
        each = (*((name, v, q) for name, v, q in self.of_each if name != thread), (thread, severity, outcome["queue"]))
        _, worst, queue = min(each, key=lambda one: one[1])
        return Stand(queue, None if worst == 9 else worst, tags, armed, each)

    def to_json(self) -> dict[str, Any]:
        return {"queue": self.queue, "severity": self.severity, "tags": list(self.tags), "escalations": list(self.escalations)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Stand:
        return cls(data["queue"], data["severity"], tuple(data["tags"]), tuple(data["escalations"]))


class Compared(NamedTuple):
    """One decision both ways. `decision_id` is None where only the other rulebook decides anything.

    `mismatch`: the same rulebook should have decided the same, and did not.
    """

    decision_id: str | None
    moment: str
    at: datetime
    subject: Interaction
    before: Stand
    after: Stand
    changed: bool
    mismatch: bool

    @property
    def telling(self) -> bool:
        """Whether anybody would want to see it."""
        return self.changed or self.mismatch


def compare(
    story: Sequence[Told],
    recorded: Iterable[Kept],
    judged: Iterable[Judged],
    same_book: Callable[[int], bool],
    since: datetime | None,
    until: datetime,
    joined: Mapping[str, str] = EMPTY,
) -> list[Compared]:
    """The decisions of one case between `since` and `until` (exclusive), in the order of their moments.

    `same_book(version)`: whether that version is the rulebook being replayed. Only where every moment so far was judged by
    it must the outcome be the recorded one, byte for byte. `joined`: as `CaseState.joined`.
    """
    was = {one.moment: one for one in recorded if one.at < until}
    now = {one.moment: one for one in judged}
    other_book = min([told.moment.at for told in story if not same_book(told.version)], default=None)
    before = after = Stand()
    found: list[Compared] = []
    for at, moment in sorted({(one.at, one.moment) for side in (was, now) for one in side.values()}):
        kept, made = was.get(moment), now.get(moment)
        same_outcome = _outcome(kept) == _outcome(made)
        together = same_outcome and before is after and kept is not None
        subject = kept.subject if kept is not None else made.subject  # type: ignore[union-attr]  # one of the two is there
        thread = joined.get(key_of(subject), key_of(subject))
        before = before if kept is None else before.after(kept.outcome, thread)
        after = before if together else after if made is None else after.after(made.outcome, thread)
        if since is not None and at < since:
            continue
        agree = same_outcome and kept is not None and made is not None and kept.matched == made.judgement.matched
        owed = kept is not None and (other_book is None or at < other_book) and same_book(kept.version)
        found.append(
            Compared(
                None if kept is None else kept.id,
                moment,
                at,
                subject,
                before,
                after,
                not same_outcome,
                owed and not agree,
            )
        )
    return found


class Stored(Protocol):
    """A case of the past: its moments, who was in touch, what is joined by name, what had been done before moments were made quiet, what
    each moment saw of people and queues."""

    @property
    def id(self) -> str: ...
    @property
    def story(self) -> Sequence[Told]: ...
    @property
    def contacts(self) -> Sequence[Contact]: ...
    @property
    def joined(self) -> Mapping[str, str]: ...
    @property
    def done(self) -> Mapping[str, Done]: ...
    @property
    def saw(self) -> Mapping[str, Mapping[str, Value]]: ...


def as_seen(saw: Mapping[str, Mapping[str, Value]]) -> Staff:
    """People and queues as each moment saw them. What it did not look at then is not known: nobody asks again."""

    def staff(moment: str, about: About, fields: Set[str]) -> Mapping[str, Value]:
        return saw.get(moment, EMPTY)

    return staff


def contested(cases: Iterable[Stored], one: Judge, other: Judge, until: datetime, zone: tzinfo, *, counted: bool) -> Tally:
    """What moves between two rulebooks, each judging as if it had always been live. `counted`: how often people were in touch matters."""
    tally = Tally(zone)
    for case in cases:
        story, case_id, contacts = case.story, case.id, case.contacts if counted else ()
        was, now = (
            judge_story(
                case_id,
                [told for told in story if told.moment.at <= until],
                until,
                lambda _, judge=judge: judge,
                lambda at, told=contacts: counts_at(told, at),
                clock_version=lambda _: 0,
                joined=case.joined,
                for_good=True,
                done=case.done,
                staff=as_seen(case.saw),
            )[1]
            for judge in (one, other)
        )
        kept = [Kept(made.moment, made.moment, made.at, made.subject, 0, made.outcome, made.judgement.matched) for made in was]
        tally.add(case_id, compare(story, kept, now, lambda _: False, None, until + timedelta(microseconds=1), case.joined))
    return tally


def _outcome(decision: Kept | Judged | None) -> Mapping[str, Any] | None:
    """What a decision changed; a due time that changed nothing is as good as none."""
    if decision is None or (decision.moment.startswith("clock:") and decision.outcome.get("changes_nothing")):
        return None
    return decision.outcome


class Tally:
    """What moved, counted case by case. Its summary is all it holds, so it can be kept and taken up again."""

    def __init__(self, zone: tzinfo, summary: Mapping[str, Any] | None = None) -> None:
        summary = summary or {}
        self._zone = zone
        self.decisions = int(summary.get("decisions", 0))
        self.changed = int(summary.get("changed", 0))
        self.mismatches = int(summary.get("mismatches", 0))
        self._mismatched: list[str] = list(summary.get("mismatched", []))
        self._queues = {(row["from"], row["to"]): dict(row) for row in summary.get("queue_moves", [])}
        self._severities = {(row["from"], row["to"]): dict(row) for row in summary.get("severity_moves", [])}
        self._tags = {row["tag"]: dict(row) for row in summary.get("tag_moves", [])}
        self._policies = {row["policy"]: dict(row) for row in summary.get("escalations", {}).get("policies", [])}
        self._load = {(row["queue"], row["hour"]): dict(row) for row in summary.get("load", [])}

    def add(self, case_id: str, compared: Sequence[Compared]) -> None:
        """Count one case; `compared` in the order of its moments."""
        if not compared:
            return
        self.decisions += len(compared)
        for one in compared:
            self.changed += one.changed
            self.mismatches += one.mismatch
            if one.mismatch and one.decision_id is not None and len(self._mismatched) < NAMED:
                self._mismatched.append(one.decision_id)
        self._count_load(compared)
        was, now = compared[-1].before, compared[-1].after
        if was.queue != now.queue:
            _count(self._queues, (was.queue, now.queue), case_id, {"from": was.queue, "to": now.queue})
        if was.severity != now.severity:
            _count(self._severities, (was.severity, now.severity), case_id, {"from": was.severity, "to": now.severity})
        self._differences(self._tags, "tag", was.tags, now.tags, case_id)
        self._differences(self._policies, "policy", was.escalations, now.escalations, case_id)

    def summary(self) -> dict[str, Any]:
        """Contract section 7, with samples and the load of each queue by the hour of the team's day."""
        policies = [self._policies[name] for name in sorted(self._policies)]
        return {
            "decisions": self.decisions,
            "changed": self.changed,
            "mismatches": self.mismatches,
            "mismatched": self._mismatched,
            "queue_moves": _most_first(self._queues),
            "severity_moves": _most_first(self._severities),
            "escalations": {
                "gained": sum(row["gained"] for row in policies),
                "lost": sum(row["lost"] for row in policies),
                "policies": policies,
            },
            "tag_moves": [self._tags[tag] for tag in sorted(self._tags)],
            "load": [self._load[place] for place in sorted(self._load)],
        }

    def _count_load(self, compared: Sequence[Compared]) -> None:
        queues: list[str | None] = [None, None]
        for one in compared:
            hour = one.at.astimezone(self._zone).hour
            for side, (name, queue) in enumerate((("from", one.before.queue), ("to", one.after.queue))):
                if queue is not None and queue != queues[side]:
                    row = self._load.setdefault((queue, hour), {"queue": queue, "hour": hour, "from": 0, "to": 0})
                    row[name] += 1
                    queues[side] = queue

    @staticmethod
    def _differences(rows: dict[str, dict[str, Any]], name: str, was: Iterable[str], now: Iterable[str], case_id: str) -> None:
        for word, side in (*((w, "lost") for w in {*was} - {*now}), *((w, "gained") for w in {*now} - {*was})):
            row = rows.setdefault(word, {name: word, "gained": 0, "lost": 0, "samples": []})
            row[side] += 1
            _sample(row, case_id)


def _count(rows: dict[Any, dict[str, Any]], place: Any, case_id: str, names: Mapping[str, Any]) -> None:
    row = rows.setdefault(place, {**names, "cases": 0, "samples": []})
    row["cases"] += 1
    _sample(row, case_id)


def _sample(row: dict[str, Any], case_id: str) -> None:
    if len(row["samples"]) < SAMPLES:
        row["samples"].append(case_id)


def _most_first(rows: Mapping[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows.values(), key=lambda row: (-row["cases"], str(row["from"]), str(row["to"])))
