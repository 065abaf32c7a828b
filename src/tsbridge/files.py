"""Rulebook files: YAML (1.2, of which JSON is a part) to plain JSON values and back."""

from __future__ import annotations

import io
import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

BIGGEST: Final = 8 << 20
DEEPEST: Final = 64
MOST: Final = 500_000


class BadFile(ValueError):
    """A file that holds no document. The text says where and why, and quotes nothing of it."""


def load_file(path: Path) -> Any:
    """The document in a file. Raises `BadFile`; whether it is a rulebook is another question."""
    return load_text(read_file(path))


def read_file(path: Path) -> bytes:
    """The bytes of a file, up to a limit. Raises `BadFile`."""
    try:
        with path.open("rb") as file:
            raw = file.read(BIGGEST + 1)
    except OSError:
        raise BadFile("cannot be read; expected a YAML or JSON file") from None
    if len(raw) > BIGGEST:
        raise BadFile(f"is larger than {BIGGEST >> 20} MiB")
    return raw


def load_text(raw: bytes) -> Any:
    """The document in a text. Raises `BadFile`, also for one whose anchors unfold into more than anybody writes."""
    try:
        document = YAML(typ="safe", pure=True).load(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadFile("is not UTF-8") from None
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        where = "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"
        raise BadFile(f"is no sound YAML{where}") from None
    except (YAMLError, RecursionError, ValueError):
        raise BadFile("is no sound YAML") from None
    return _Plain().value(document, "", 0)


class Lines:
    """On which line of a text the part behind a JSON pointer stands; of a part that is not there, what it would stand in.

    An alias leads to its anchor, a merged key to where it is written.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    @cached_property
    def _root(self) -> Node | None:
        try:
            found = YAML(typ="safe", pure=True).compose(io.StringIO(self._raw.decode("utf-8")))
        except (YAMLError, RecursionError, ValueError):
            return None
        return found if isinstance(found, Node) else None

    def __call__(self, pointer: str) -> int | None:
        """The line, counted from 1; None for a text that cannot be read."""
        node = self._root
        if node is None:
            return None
        line = node.start_mark.line
        for step in pointer.split("/")[1:]:
            found = _child(node, step.replace("~1", "/").replace("~0", "~"))
            if found is None:
                break
            line, node = found
        return int(line) + 1


def _child(node: Node, name: str) -> tuple[int, Node] | None:
    """(line, node) of a member: the line of its key where it has one."""
    if isinstance(node, SequenceNode):
        if name.isdigit() and int(name) < len(node.value):
            item = node.value[int(name)]
            return item.start_mark.line, item
        return None
    if not isinstance(node, MappingNode):
        return None
    for key, value in node.value:
        if key.value == name:
            return key.start_mark.line, value
    merges = [value for key, value in node.value if key.value == "<<"]
    merged = [part for value in merges for part in (value.value if isinstance(value, SequenceNode) else [value])]
    return next((found for part in merged if (found := _child(part, name)) is not None), None)


def dump(document: Any) -> str:
    """The document as YAML, in its own order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 140
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(json.loads(json.dumps(document)), out)
    return out.getvalue()


class _Plain:
    """Only what JSON has: no dates, no sets, no keys but text, nothing that holds itself, and not too much of it."""

    def __init__(self) -> None:
        self._left = MOST

    def value(self, value: Any, where: str, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise BadFile(f"unfolds into more than {MOST} values; use fewer anchors")
        if depth > DEEPEST:
            raise BadFile(f"is nested deeper than {DEEPEST} levels")
        if isinstance(value, str):
            self._left -= len(value) >> 6
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise BadFile(f"has a number that is not finite at {where or '/'}")
            return value
        if isinstance(value, list):
            return [self.value(one, f"{where}/{place}", depth + 1) for place, one in enumerate(value)]
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise BadFile(f"has a key that is not text at {where or '/'}; put it in quotes")
            return {key: self.value(one, f"{where}/{key}", depth + 1) for key, one in value.items()}
        raise BadFile(f"has a {type(value).__name__} at {where or '/'}; put it in quotes")
