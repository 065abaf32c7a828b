"""What this process counts as it goes: answers of the door and of the API. Labels are bounded and hold nobody's data."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from tsbridge.acts.security import KINDS

SOURCES: Final = frozenset({"zendesk", "talkdesk"})
NOT_KEPT: Final = ("no_secret", "cannot_store")
"""Why the door answers 503."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counters:
    """One per process. `registry` is what `/metrics` renders besides the figures from the database."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        # Finding a counter by its labels costs more than counting; the combinations are few.
        self._known: dict[tuple[str, int, str], Counter] = {}
        self._pairs: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._answers = Counter(
            "tsbridge_door_answers",
            "Answers of the webhook door by source, HTTP status and reason.",
            ("source", "status", "reason"),
            registry=self.registry,
        )
        for source in sorted(SOURCES):  # from 0 on: of a count that begins with its first, nobody sees that it grew
            for reason in NOT_KEPT:
                self._answers.labels(source, "503", reason)
        self._links = Counter(
            "tsbridge_links",
            "Pages behind the links of messages: looks and presses of the button, and what came of them.",
            ("act", "outcome"),
            registry=self.registry,
        )
        self._security = Counter(
            "tsbridge_security_events",
            "Refused keys, roles, signatures and links, sign-ins, reads of what people wrote, erasures, by kind.",
            ("kind",),
            registry=self.registry,
        )
        for kind in KINDS:  # what never happened is nought, and the first of it is more than that
            self._security.labels(kind)
        self._requests = Counter(
            "tsbridge_http_requests",
            "Requests answered, by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tsbridge_http_request_seconds", "Time to answer, by route template.", ("route",), buckets=_SECONDS, registry=self.registry
        )

    def door(self, source: str, status: int, reason: str) -> None:
        """An answer of the door. `reason` is one of the door's own few words: accepted, duplicate, bad_signature …"""
        counter = self._known.get((source, status, reason))
        if counter is None:
            counter = self._answers.labels(source if source in SOURCES else "other", str(status), reason)
            if source in SOURCES:
                self._known[source, status, reason] = counter
        counter.inc()

    def link(self, act: str, outcome: str) -> None:
        """A page behind a link of a message was looked at, or its button pressed. Both are few words of the page's own."""
        self._links.labels(act, outcome).inc()

    def security(self, kind: str) -> None:
        """Something that `acts.security` tells of."""
        self._security.labels(kind).inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is done. `route` is the template of the route that took it, or `other`."""
        key = (method if method in _METHODS else "other", route, status)
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = (self._requests.labels(key[0], route, str(status)), self._seconds.labels(route))
        pair[0].inc()
        pair[1].observe(seconds)
