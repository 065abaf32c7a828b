"""Actions of rules and of policies' steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.core.rules import vocabulary
from tsbridge.core.rules.findings import nearest, numeric_id, scalar
from tsbridge.core.rules.language import PLACEHOLDER, Action
from tsbridge.core.rules.parts import Parts

MAX_ACTIONS: Final = 50
NOTE_LENGTH: Final = 4_000
TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")


class Actions(Parts):
    """Reads actions; `policy_names` are those that `escalate` may name."""

    def __init__(self, document: Any) -> None:
        super().__init__(document)
        self.policy_names: set[str] = set()

    def actions(self, value: Any, path: str, kind: str) -> tuple[Action, ...]:
        if not isinstance(value, list) or not value:
            self.unlike(path, "a list of actions", value)
            return ()
        if len(value) > MAX_ACTIONS:
            self.wrong(path, "too_many", f"more than {MAX_ACTIONS} actions")
            return ()
        found = []
        for place, raw in enumerate(value):
            where = f"{path}/{place}"
            bare = isinstance(raw, str)
            if bare:
                raw = {raw: True}
            if not isinstance(raw, Mapping) or len(raw) != 1:
                self.unlike(where, "one action, like {add_tags: [ts_injury]}", raw)
                continue
            ((name, given),) = raw.items()
            action = vocabulary.action_named(name) if isinstance(name, str) else None
            if action is None:
                self.wrong(where, "unknown_action", f"no such action{nearest(name, (a.name for a in vocabulary.ACTIONS))}")
            elif kind not in action.where and not (kind == "routing" and name != "escalate" and name != "stop"):
                self.wrong(where, "action_place", f"{name} has no place in a {kind}{' rule' if kind != 'step' else ''}")
            else:
                found.append(Action(name, self.argument(action, given, where if bare else f"{where}/{name}")))
        return tuple(found)

    def argument(self, action: vocabulary.Action, given: Any, where: str) -> Any:
        shape = action.value
        if shape == "tags":
            return self.tags(given, where)
        if shape == "priority" and given not in vocabulary.PRIORITIES:
            self.wrong(where, "value", "expected low, normal, high or urgent")
        elif shape == "severity" and (not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= 4):
            self.wrong(where, "value", "expected a severity from 1 (worst) to 4")
        elif shape == "queue":
            self.known(given, self.queues, where, "unknown_queue", "queue")
        elif shape == "policy":
            self.known(given, self.policy_names, where, "unknown_policy", "policy")
        elif shape == "word" and (not isinstance(given, str) or not 0 < len(given) <= 200):
            self.unlike(where, "a word of up to 200 characters", given)
        elif shape == "true" and given not in (True, None, {}):
            self.wrong(where, "value", "expected stop: true")
        elif shape == "agent":
            if not numeric_id(given):
                self.unlike(where, "the Zendesk id of an agent", given)
            return str(given)
        elif shape == "note":
            self.note(given, where)
        elif shape == "custom_field":
            return self.custom_field(given, where)
        return given

    def tags(self, given: Any, where: str) -> tuple[str, ...]:
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not words:
            self.unlike(where, "a list of tags", given)
            return ()
        for place, word in enumerate(words):
            if not isinstance(word, str) or not TAG.fullmatch(word):
                at = where if words is not given else f"{where}/{place}"
                self.wrong(at, "tag", "expected a tag of a-z 0-9 _ - in lower case, up to 80 characters")
        return tuple(sorted({str(word) for word in words}))

    def note(self, given: Any, where: str) -> None:
        if not isinstance(given, str) or not 0 < len(given) <= NOTE_LENGTH:
            self.unlike(where, f"a text of up to {NOTE_LENGTH} characters", given)
            return
        for name in PLACEHOLDER.findall(given):
            if vocabulary.field_named(name) is None:
                near = nearest(name, (f.name for f in vocabulary.FIELDS))
                self.wrong(where, "unknown_field", f"no field to fill in here{near}")

    def custom_field(self, given: Any, where: str) -> tuple[str, Any]:
        if isinstance(given, Mapping) and set(given) == {"id", "value"} and numeric_id(given["id"]) and scalar(given["value"]):
            return str(given["id"]), given["value"]
        self.unlike(where, "{id: <number of the field>, value: <text, number or true/false>}", given)
        return "0", None
