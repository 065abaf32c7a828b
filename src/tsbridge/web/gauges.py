"""The figures of `/metrics` that the database tells, as gauges. Labels are bounded and hold nobody's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tsbridge.core.drift import POLICY
from tsbridge.core.proved_ways import Reach
from tsbridge.core.retention import CLASSES
from tsbridge.core.unusual import KINDS as PATTERN_KINDS
from tsbridge.core.watch import KINDS
from tsbridge.store import gauges, warnings, writemode
from tsbridge.web.counters import SOURCES

STATUSES: Final = ("pending", "applied", "ignored", "quarantined", "dead", "duplicate")
WISH_STATUSES: Final = ("waiting", "sending", "confirmed", "unneeded", "parked", "refused", "dry_run")
TELLING_STATUSES: Final = ("waiting", "sent", "failed", "superseded", "nobody")


class Kept(NamedTuple):
    """What was read at one instant. `waiting`: work, by queue; `ways`: to people; `feeds_failing`: how many feeds cannot be read."""

    figures: gauges.Figures
    waiting: Mapping[str, int]
    ways: Sequence[Reach]
    feeds_failing: int


class Figures(Collector):
    """What one look at the database found."""

    def __init__(self, kept: Kept, now: datetime, version: str) -> None:
        self._figures = kept.figures
        self._waiting = kept.waiting
        self._feeds_failing = kept.feeds_failing
        self._ways = Counter("proved" if one.good else "unproved" for one in kept.ways)
        self._now = now
        self._version = version

    def collect(self) -> Iterator[Metric]:
        yield from self._deliveries()
        yield _by_label("tsbridge_writebacks", "Wishes for tickets by state.", "status", self._figures.wishes, WISH_STATUSES)
        words = "1 for the mode of write-back that is in force."
        yield _by_label("tsbridge_writeback_mode", words, "mode", {self._figures.mode: 1}, writemode.CAREFUL)
        yield GaugeMetricFamily("tsbridge_rules_paused", "Rules of which nothing is written.", self._figures.paused_rules)
        words = "What tickets read otherwise than we saw to, by cause."
        yield _by_label("tsbridge_drift", words, "cause", self._figures.drift, tuple(POLICY))
        words = "1 while Zendesk refuses our credentials: nothing is written or read."
        yield GaugeMetricFamily("tsbridge_credentials_refused", words, int(self._figures.refused))
        words = "1 while Zendesk fails: it is probed, all else waits."
        yield GaugeMetricFamily("tsbridge_zendesk_in_trouble", words, int(self._figures.in_trouble))
        reasons = ("part_refused", "rule_paused", "loop_suspected", "gave_up")
        yield _by_label("tsbridge_writebacks_parked", "Parked wishes by reason.", "reason", self._figures.parked, reasons)
        yield self._age("tsbridge_oldest_wish_age_seconds", "Age of the oldest wish not yet written.", self._figures.oldest_waiting)
        yield _by_label("tsbridge_cases", "Cases by state.", "status", self._figures.cases, ("open", "resolved"))
        words = "Open cases of severity 1 that nobody has in hand."
        yield GaugeMetricFamily("tsbridge_cases_severe_unacknowledged", words, self._figures.severe)
        tellings = CounterMetricFamily(
            "tsbridge_notifications", "Tellings by what became of them; nobody: there was nobody to tell, or to reach.", labels=["status"]
        )
        for status in TELLING_STATUSES:
            tellings.add_metric([status], self._figures.told.get(status, 0))
        yield tellings
        late = "For how long what should have gone to somebody by now waits, or is tried again and again."
        yield self._age("tsbridge_notifications_overdue_seconds", late, self._figures.overdue_since)
        yield _by_label(
            "tsbridge_escalation_steps",
            "Escalation steps by state.",
            "status",
            self._figures.escalations,
            ("armed", "paused", "fired", "passed", "acknowledged", "stopped"),
        )
        yield _by_label(
            "tsbridge_delivery_warnings",
            "What deliveries held that could not be taken as it was said, by kind.",
            "kind",
            self._figures.warnings,
            warnings.KINDS,
        )
        words = "Ids, and interactions by all their ids, that stand for more than three people and therefore join nobody."
        yield _by_label("tsbridge_shared_ids", words, "kind", self._figures.shared_ids, ("ticket", "call", "zendesk", "talkdesk"))
        waiting = GaugeMetricFamily("tsbridge_queue_waiting", "Work that waits for somebody, by queue.", labels=["queue"])
        for queue, count in sorted(self._waiting.items()):
            waiting.add_metric([queue], count)
        yield waiting
        yield GaugeMetricFamily("tsbridge_assignments", "How often the desk gave work to somebody.", self._figures.assignments)
        words = "What the watchdog finds late or missing, by kind."
        yield _by_label("tsbridge_watch_findings", words, "kind", self._figures.watched.counts, KINDS)
        words = "How old the watchdog's last walk over all open cases is."
        yield GaugeMetricFamily("tsbridge_watch_walk_age_seconds", words, self._figures.watched.age(self._now))
        words = "What stands out in what is counted, by kind."
        yield _by_label("tsbridge_patterns", words, "kind", self._figures.patterns, PATTERN_KINDS)
        words = "How old the last look at patterns is; 0 before the first."
        yield self._age("tsbridge_patterns_age_seconds", words, self._figures.patterns_at)
        silent = dict.fromkeys(self._figures.silent, 1)
        yield _by_label("tsbridge_source_silent", "1 for a source that says nothing for improbably long.", "source", silent, tuple(SOURCES))
        words = "Ways to people of the roster: proved by a press of a button within thirty days, or not."
        yield _by_label("tsbridge_ways", words, "state", self._ways, ("proved", "unproved"))
        removed = CounterMetricFamily("tsbridge_retention_removed", "What was kept long enough and went, by class.", labels=["class"])
        for kind in CLASSES:
            removed.add_metric([kind], self._figures.removed.get(kind, 0))
        yield removed
        words = "People who are, or are being, erased, by who asked: people, whichever way they came, or Zendesk, which deleted the user."
        erased = CounterMetricFamily("tsbridge_erasures", words, labels=["asked"])
        for asked in ("people", "zendesk"):
            erased.add_metric([asked], self._figures.erased.get(asked, 0))
        yield erased
        yield GaugeMetricFamily("tsbridge_erasures_unfinished", "Erasures without a certificate yet.", self._figures.erasing)
        words = "For how long the oldest unfinished erasure is asked for."
        yield self._age("tsbridge_oldest_erasure_age_seconds", words, self._figures.erasing_since)
        words = "Keys that something of people may be encrypted under; 0: nothing is encrypted; 2 or more: a new one is not everywhere yet."
        yield GaugeMetricFamily("tsbridge_data_keys", words, self._figures.data_keys)
        words = "Rows that were rewritten under the newest data key since it is the newest."
        yield GaugeMetricFamily("tsbridge_rows_rewritten", words, self._figures.rewritten)
        yield GaugeMetricFamily("tsbridge_decisions", "Decisions kept.", self._figures.decisions)
        yield GaugeMetricFamily("tsbridge_cover_holes", "Times of the next 14 days at which nobody is on call.", self._figures.holes)
        yield GaugeMetricFamily("tsbridge_feeds_failing", "Feeds of the roster that cannot be read.", self._feeds_failing)
        yield GaugeMetricFamily("tsbridge_rulebook_version", "The live version of the rulebook.", self._figures.rulebook_version)
        yield GaugeMetricFamily(
            "tsbridge_roster_version", "The live version of the roster; 0: there is none.", self._figures.roster_version
        )
        words = "Tickets that rang and whose audits are still to be read."
        yield GaugeMetricFamily("tsbridge_tickets_unread", words, self._figures.unread)
        info = GaugeMetricFamily("tsbridge_build_info", "Always 1; the label names the version.", labels=["version"])
        info.add_metric([self._version], 1)
        yield info

    def _deliveries(self) -> Iterator[Metric]:
        by_status = GaugeMetricFamily(
            "tsbridge_deliveries",
            "Deliveries by source and what became of them; duplicates are repeats of kept ones.",
            labels=["source", "status"],
        )
        received = GaugeMetricFamily(
            "tsbridge_deliveries_received", "Deliveries heard, by source, counted as they came.", labels=["source"]
        )
        dead = 0
        for source in sorted(SOURCES | {name for name, _ in self._figures.deliveries}):
            counts = {status: self._figures.deliveries.get((source, status), 0) for status in STATUSES}
            for status, count in counts.items():
                by_status.add_metric([source, status], count)
            received.add_metric([source], self._figures.received.get(source, 0))
            dead += counts["dead"]
        yield by_status
        yield received
        yield GaugeMetricFamily("tsbridge_deliveries_dead", "Deliveries given up on: look at them.", dead)
        yield self._age(
            "tsbridge_oldest_pending_age_seconds", "Age of the oldest delivery not yet worked on.", self._figures.oldest_pending
        )

    def _age(self, name: str, words: str, since: datetime | None) -> Metric:
        seconds = 0.0 if since is None else max(0.0, (self._now - since).total_seconds())
        return GaugeMetricFamily(name, words, seconds)


def _by_label(name: str, words: str, label: str, counts: Any, always: tuple[str, ...]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value in always:
        family.add_metric([value], counts.get(value, 0))
    return family
