"""What is wrong with a document: found all at once, each with its place and a way out."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tsbridge.core.rules.language import content_hash

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
DIGITS: Final = re.compile(r"[0-9]{1,20}")
WORD_BITS: Final = 64
MOST: Final = 1_000
"""Errors that are told of one document. Nobody reads on, and a large body made of nothing but errors must not cost minutes."""
GUESSES: Final = 200
"""Names among which the one that was meant is looked for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a document. `severity`: error, warning or info; `path`: JSON pointer; `witness`: an example event."""

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


class DocumentError(ValueError):
    """A document that cannot be used; `findings` are all its errors."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(f"{f.path or '/'}: {f.message}" for f in self.findings[:5]))


class RulebookError(DocumentError):
    """A document that is no rulebook."""


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then warnings; each by its place in the document."""
    return tuple(sorted(findings, key=_order))


_STEP: Final = re.compile(r"[0-9]{1,9}")
"""A place in a list; anything else, other digits too, is somebody's name for something."""


def _order(finding: Finding) -> tuple[int, tuple[object, ...]]:
    place = tuple((0, int(step), "") if _STEP.fullmatch(step) else (1, 0, step) for step in finding.path.split("/"))
    return ("error", "warning", "info").index(finding.severity), (place, finding.code, finding.message)


class Findings:
    """The document being read and what was found wrong with it so far. `rule`: the key of the rule being read.

    Gives up with `refusal` when there are too many errors to be of use.
    """

    refusal: type[DocumentError] = RulebookError

    def __init__(self, document: Any) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.rule: str | None = None

    def section(self, name: str) -> dict[str, Any]:
        value = self.document.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.unlike(f"/{name}", "a mapping", value)
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
            self.unlike(path, "a mapping", value)
            return False
        for name in value:
            if name not in keys:
                hint = (
                    "; a reader of YAML 1.1 makes it of `on`: put that in quotes"
                    if name == "true" and "on" in keys
                    else nearest(name, keys)
                )
                self.wrong(f"{path}/{escape(name)}", "unknown_key", f"expected one of {', '.join(keys)}{hint}")
        return True

    def known(self, name: Any, among: Iterable[str], where: str, code: str, what: str) -> bool:
        names = list(among)
        if isinstance(name, str) and name in names:
            return True
        self.wrong(where, code, f"there is no such {what}{nearest(name, names)}")
        return False

    def wrong(self, path: str, code: str, message: str) -> None:
        self.findings.append(Finding("error", code, message, path, self.rule))
        if len(self.findings) == MOST:
            raise self.refusal([*self.findings, Finding("error", "too_many", f"more than {MOST} errors: what follows was not looked at")])

    def unlike(self, path: str, expected: str, value: Any) -> None:
        """Something of another type than what was expected."""
        self.wrong(path, "type", f"expected {expected}, got {kind_of(value)}")

    def words(self, value: Mapping[str, Any], path: str, *names: str) -> None:
        """Parts that are words for people: text, or left out."""
        for name in names:
            if value.get(name) is not None and not isinstance(value[name], str):
                self.unlike(f"{path}/{name}", "text", value[name])

    def named(self) -> str:
        """The document's hash; what cannot be written down cannot be named."""
        try:
            return content_hash(self.document)
        except UnicodeEncodeError:
            for place in unwritable(self.document):
                self.wrong(place, "text", "expected text that can be written as UTF-8, without halves of characters")
        except (RecursionError, ValueError, TypeError):
            self.wrong("", "type", "expected plain JSON values, not nested without end")
        return ""


def nearest(word: Any, known: Iterable[str]) -> str:
    """The name that was likely meant, said in words; nothing when none is near, or when there are too many to compare."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, 1) if isinstance(word, str) and len(names) <= GUESSES else []
    return f"; did you mean {close[0]}?" if close else ""


def scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or number_like(value)


def number_like(value: Any) -> bool:
    """A number that can be compared and stored: finite, a whole one of at most 64 bits."""
    if isinstance(value, int):
        return not isinstance(value, bool) and value.bit_length() < WORD_BITS
    return isinstance(value, float) and math.isfinite(value)


def numeric_id(value: Any) -> bool:
    """A vendor's id, as a number or as its digits."""
    return (isinstance(value, str) or (isinstance(value, int) and number_like(value))) and DIGITS.fullmatch(str(value)) is not None


def unwritable(value: Any, path: str = "") -> Iterator[str]:
    """Where in a document a text stands that no UTF-8 can hold."""
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            yield path
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from unwritable(str(name), path)
            yield from unwritable(part, f"{path}/{escape(name)}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from unwritable(part, f"{path}/{place}")


def kind_of(value: Any) -> str:
    if value is None:
        return "nothing"
    if value == [] or value == {}:
        return "an empty list" if value == [] else "an empty mapping"
    return {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}.get(
        type(value), "something else"
    )


def escape(name: Any) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
