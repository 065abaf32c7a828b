"""Rulebooks and moments like those of a large incident desk, from a seed: about 4.5 mixed conditions a rule, 47 facts, 1.3 kB of text."""

from __future__ import annotations

from random import Random
from typing import Any

CHANNELS = ["email", "chat", "messaging", "sms", "social", "web", "api", "voice"]
STATUSES = ["new", "open", "pending", "hold", "solved"]
PRIORITIES = ["low", "normal", "high", "urgent"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
FILLER = (
    "hello the sitter came late again and did not answer my messages please call me back about the booking that we made for next week",
    "my neighbour saw it all and there are pictures which i can send you if you want them thank you very much for looking into this",
)
FILLERS = " ".join(FILLER).split()


class World:
    """The words of one desk: the more rules, the more words and values they name. `apart`: what keeps its names from another's."""

    def __init__(self, seed: int, rules: int, apart: str = "") -> None:
        self.rng = Random(seed)  # noqa: S311  # reproducible, not secret
        self.plain = False
        size = max(40, rules // 2)
        self.words = sorted({"".join(self.rng.choices(LETTERS, k=self.rng.randint(4, 10))) for _ in range(size)})
        self.tags = [f"{apart}tag_{n}" for n in range(size)]
        self.domains = [f"{word}.example" for word in self.words[: max(20, size // 4)]]
        self.groups = [f"{apart}{61_000_000_000 + n}" for n in range(max(10, size // 8))]
        self.forms = [f"{apart}{71_000_000_000 + n}" for n in range(12)]
        self.customs = [f"ticket.custom.{360_000_000_000 + n}" for n in range(20)]
        self.custom_values = [f"{apart}value_{n}" for n in range(max(10, size // 10))]
        self.countries = ["US", "GB", "DE", "FR", "ES", "PT", "IT", "NL", "SE", "JP", "BR", "IN"]

    def document(self, rules: int, *, routing: int = 0, plain: bool = False) -> dict[str, Any]:
        """A rulebook of `rules` escalation rules, `routing` routing rules and the catch-all. `plain`: nothing about the time of day."""
        self.plain = plain
        made = [self.rule(f"rule-{n}", "escalation") for n in range(rules)] + [self.rule(f"route-{n}", "routing") for n in range(routing)]
        last = {"key": "rest", "kind": "routing", "when": {}, "then": [{"route": "intake"}]}
        return {"schema": 1, "queues": {"intake": {}, "safety": {}, "claims": {}}, "rules": [*made, last]}

    def rule(self, key: str, kind: str) -> dict[str, Any]:
        rng = self.rng
        parts = [self.leaf() for _ in range(rng.choice([2, 3, 4, 4, 5]))]
        if rng.random() < 0.3:
            parts.append({"any": [self.leaf(), self.leaf()]})
        if rng.random() < 0.1:
            parts.append({"none": [self.leaf()]})
        then: list[dict[str, Any]] = [{"add_tags": [f"ts_{key}"]}]
        if kind == "routing":
            then = [{"route": rng.choice(["safety", "claims"])}]
        elif rng.random() < 0.2:
            then.append({"set_severity": rng.randint(1, 4)})
        return {"key": key, "kind": kind, "when": {"all": parts}, "then": then}

    def leaf(self) -> dict[str, Any]:
        rng = self.rng
        kind = rng.choices(["word", "tag", "text", "number", "pattern", "present", "domain", "custom"], [5, 3, 4, 3, 1, 1, 2, 3])[0]
        if kind == "tag":
            return leaf("tags", "includes", rng.choice(self.tags))
        if kind == "text":
            if rng.random() < 0.5:
                return leaf("text", "contains", rng.choice(self.words))
            return leaf("text", "contains_any", rng.sample(self.words, 4))
        if kind == "number":
            if rng.random() < 0.1 and not self.plain:
                return leaf("time.hour", "between", sorted(rng.sample(range(24), 2)))
            field = rng.choice(["requester.contacts_24h", "requester.contacts_30d", "call.talk_seconds", "call.wait_seconds"])
            if rng.random() < 0.4:
                low = rng.randint(0, 90)
                return leaf(field, "between", [low, low + rng.randint(1, 20)])
            return leaf(field, rng.choice(["at_least", "at_most"]), rng.randint(0, 100))
        if kind == "pattern":
            return leaf("subject", "matches", rf"(?i)\b{rng.choice(self.words)[:5]}[a-z]*\b")
        if kind == "present":
            return leaf(
                rng.choice(["requester.phone", "ticket.external_id", "ticket.assignee_id"]), rng.choice(["present", "not_present"]), None
            )
        if kind == "domain":
            return leaf("requester.domain", "in", rng.sample(self.domains, min(5, len(self.domains))))
        if kind == "custom":
            return leaf(rng.choice(self.customs), "is", rng.choice(self.custom_values))
        field, values = rng.choice(
            [
                ("channel", CHANNELS),
                ("ticket.status", STATUSES),
                ("ticket.priority", PRIORITIES),
                ("ticket.group_id", self.groups),
                ("ticket.form_id", self.forms),
                ("requester.country", self.countries),
            ]
        )
        if rng.random() < 0.3:
            return leaf(field, "in", rng.sample(values, 2))
        return leaf(field, "is", rng.choice(values))

    def facts(self) -> dict[str, Any]:
        """The facts of one moment; about 47, text included."""
        rng = self.rng
        found: dict[str, Any] = {
            "source": "zendesk",
            "event": rng.choice(["ticket.created", "ticket.commented", "ticket.updated"]),
            "channel": rng.choice(CHANNELS),
            "text": self.text(1_300),
            "subject": self.text(60),
            "tags": tuple(sorted(rng.sample(self.tags, 4))),
            "ticket.status": rng.choice(STATUSES),
            "ticket.priority": rng.choice(PRIORITIES),
            "ticket.type": "incident",
            "ticket.group_id": rng.choice(self.groups),
            "ticket.form_id": rng.choice(self.forms),
            "ticket.brand_id": "1",
            "ticket.is_public": True,
            "requester.email": f"ana@{rng.choice(self.domains)}",
            "requester.domain": rng.choice(self.domains),
            "requester.country": rng.choice(self.countries),
            "requester.name": "Ana",
            "requester.id": str(rng.randint(1, 10_000)),
            "requester.contacts_24h": rng.randint(0, 4),
            "requester.contacts_30d": rng.randint(0, 40),
            "requester.cases_90d": rng.randint(0, 40),
            "call.talk_seconds": rng.randint(0, 100),
            "case.interactions": 1,
            "case.channels": ("email",),
            "case.acknowledged": False,
            "call.wait_seconds": rng.randint(0, 100),
            **{name: rng.choice(self.custom_values) for name in self.customs},
        }
        if rng.random() < 0.5:
            found["requester.phone"] = "+14155550123"
        return found

    def text(self, size: int) -> str:
        rng = self.rng
        words: list[str] = []
        length = 0
        while length < size:
            word = rng.choice(self.words) if rng.random() < 0.02 else rng.choice(FILLERS)
            words.append(word)
            length += len(word) + 1
        return " ".join(words)


def leaf(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator} | ({} if value is None else {"value": value})
