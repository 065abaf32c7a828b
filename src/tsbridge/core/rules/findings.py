"""What is wrong with a document: found all at once, each with its place and a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a rulebook. `severity`: error, warning or info; `path`: JSON pointer; `witness`: an example event."""

    severity: str
    code: str
    message: str
    path: str = ""
    rule: str | None = None
    witness: Any = field(default=None, hash=False)

    def to_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "code": self.code,
            "rule": self.rule,
            "path": self.path,
            "message": self.message,
            "witness": self.witness,
        }


class RulebookError(ValueError):
    """A document that is no rulebook; `findings` are all its errors."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f"{f.path or '/'}: {f.message}" for f in self.findings[:5]))


class Findings:
    """The document being read and what was found wrong with it so far. `rule`: the key of the rule being read."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.rule: str | None = None

    def section(self, name: str) -> dict[str, Any]:
        value = self.document.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.wrong(f"/{name}", "type", f"expected a mapping, got {kind_of(value)}")
            return {}
        good = {}
        for key, part in value.items():
            if not isinstance(key, str) or not NAME.fullmatch(key):
                self.wrong(f"/{name}/{escape(key)}", "key", "expected a short name of letters, digits, - _ .")
            else:
                good[key] = part
        return good

    def mapping(self, value: Any, path: str, keys: tuple[str, ...]) -> bool:
        if not isinstance(value, Mapping):
            self.wrong(path, "type", f"expected a mapping, got {kind_of(value)}")
            return False
        for name in value:
            if name not in keys:
                self.wrong(f"{path}/{escape(name)}", "unknown_key", f"expected one of {', '.join(keys)}{nearest(str(name), keys)}")
        return True

    def known(self, name: Any, among: Iterable[str], where: str, code: str, what: str) -> bool:
        names = list(among)
        if isinstance(name, str) and name in names:
            return True
        self.wrong(where, code, f"there is no such {what}{nearest(str(name), names)}")
        return False

    def wrong(self, path: str, code: str, message: str) -> None:
        self.findings.append(Finding("error", code, message, path, self.rule))


def nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def scalar(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) and not (isinstance(value, float) and value != value)


def number_like(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    return {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}.get(
        type(value), "something else"
    )


def escape(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
