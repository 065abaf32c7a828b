"""Files of rulebooks and rosters: YAML (1.2, of which JSON is a part) to plain JSON values and back.

The text is read into nodes, which know their lines, and values are made of the nodes here: so every refusal has its line, and
what anchors and merged keys unfold into is counted while it unfolds, not afterwards.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter
from ruamel.yaml.resolver import implicit_resolvers

from tsbridge.core import strict_json
from tsbridge.core.errors import Malformed

BIGGEST: Final = 8 << 20
DEEPEST: Final = 64
MOST: Final = 500_000
TAG: Final = "tag:yaml.org,2002:"
MERGE: Final = TAG + "merge"
BASE_LINE: Final = "# tsbridge: based on version {version}"
"""In the file and not beside it: so it goes where its text goes, through git and by mail, and is merged with it."""

_BASE: Final = re.compile(rb"(?:^|(?<=^\xef\xbb\xbf))# tsbridge: based on version (\d{1,9})(?=\r?$)", re.MULTILINE)
_COMMENTS: Final = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\n)*")

_WHY: Final = (
    ("'\\t'", "a tab stands where only spaces may"),
    ("undefined alias", "an alias has no anchor above it"),
    ("another document", "a second document begins here"),
    ("mapping values are not allowed", "a colon stands where none may; text with one needs quotes"),
    ("expected ',' or", "a comma or a closing bracket is missing"),
    ("could not find expected ':'", "a colon is missing"),
    ("unexpected end of stream", "a quote is not closed"),
    ("expected <block end>", "the indentation does not fit"),
)
"""What the reader's words mean for somebody who writes rules; its own words would quote the file."""


class BadFile(ValueError):
    """A file that holds no document. `words` and `line` (from 1, where one is to blame) say where and why, and quote nothing of it."""

    def __init__(self, words: str, line: int | None = None) -> None:
        super().__init__(words if line is None else f"{words} (line {line})")
        self.words = words
        self.line = line


def load_file(path: Path, *, dates: bool = False) -> Any:
    """The document in a file. Raises `BadFile`; whether it is a rulebook is another question. `dates`: as of `load_text`."""
    return load_text(read_file(path), dates=dates)


def read_file(path: Path) -> bytes:
    """The bytes of a file, up to a limit. Raises `BadFile`."""
    try:
        with path.open("rb") as file:
            raw = file.read(BIGGEST + 1)
    except OSError:
        raise BadFile("cannot be read; expected a YAML or JSON file") from None
    return bounded(raw)


def bounded(raw: bytes) -> bytes:
    """The same bytes. Raises `BadFile` when they are too many for a document."""
    if len(raw) > BIGGEST:
        raise BadFile(f"is larger than {BIGGEST >> 20} MiB")
    return raw


def load_text(raw: bytes, *, dates: bool = False) -> Any:
    """The document in a text. Raises `BadFile`, also for one whose anchors unfold into more than anybody writes.

    `dates`: a date without quotes is its text; otherwise it is refused, as what it stands for is not sure.
    """
    bare = raw[len(_head(raw)) :].removeprefix(codecs.BOM_UTF8)
    if bare[:1] in (b"{", b"["):  # JSON has letters and escapes that YAML does not; whatever else it is, YAML's reader says with its line
        with suppress(Malformed):
            return strict_json.read(bare, BIGGEST, DEEPEST)
    node = _composed(raw)
    return None if node is None else _Plain(dates).value(node, 0)


@lru_cache(maxsize=2)
def _composed(raw: bytes) -> Node | None:
    """The text as nodes; an alias is the very node of the nearest anchor of that name above it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML lets an anchor stand twice
            return YAML(typ="safe", pure=True).compose(io.StringIO(raw.decode("utf-8")))  # type: ignore[no-any-return]
    except UnicodeDecodeError as wrong:
        raise BadFile("is not UTF-8", raw.count(b"\n", 0, wrong.start) + 1) from None
    except MarkedYAMLError as wrong:
        why = next((f": {words}" for sign, words in _WHY if sign in str(wrong.problem)), "")
        raise BadFile(f"is no sound YAML{why}", None if wrong.problem_mark is None else wrong.problem_mark.line + 1) from None
    except RecursionError:
        raise BadFile(f"is nested deeper than {DEEPEST} levels") from None
    except (YAMLError, ValueError):
        raise BadFile("is no sound YAML") from None


def based_on(raw: bytes) -> int | None:
    """The published version that a file says it was begun from, in a comment of its own above everything else."""
    found = _BASE.search(_head(raw))
    return None if found is None else int(found[1])


def with_base(raw: bytes, version: int) -> bytes:
    """The same file saying so: its own comment changed, or one more line at the top."""
    line = BASE_LINE.format(version=version).encode()
    if (found := _BASE.search(_head(raw))) is not None:
        return raw[: found.start()] + line + raw[found.end() :]
    mark = codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""
    end = b"\r\n" if raw.partition(b"\n")[0].endswith(b"\r") else b"\n"
    return mark + line + end + raw[len(mark) :]


def _head(raw: bytes) -> bytes:
    """The comments and blank lines a file begins with."""
    found = _COMMENTS.match(raw)
    return b"" if found is None else found[0]


class Lines:
    """On which line of a text the part behind a JSON pointer stands; of a part that is not there, what it would stand in.

    An alias leads to its anchor, a merged key to where it is written.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __call__(self, pointer: str) -> int | None:
        """The line, counted from 1; None for a text that cannot be read."""
        try:
            node = _composed(self.raw)
        except BadFile:
            return None
        if node is None:
            return None
        line = node.start_mark.line
        for step in pointer.split("/")[1:]:
            found = _child(node, step.replace("~1", "/").replace("~0", "~"), 0)
            if found is None:
                break
            line, node = found
        return int(line) + 1


def _child(node: Node, name: str, depth: int) -> tuple[int, Node] | None:
    """(line, node) of a member: the line of its key where it has one."""
    if isinstance(node, SequenceNode):
        if name.isdigit() and int(name) < len(node.value):
            item = node.value[int(name)]
            return item.start_mark.line, item
        return None
    if not isinstance(node, MappingNode) or depth > DEEPEST:
        return None
    for key, value in node.value:
        if key.value == name:
            return key.start_mark.line, value
    return next((found for part in _merged(node) if (found := _child(part, name, depth + 1)) is not None), None)


def _merged(node: MappingNode) -> Iterator[Node]:
    """What `<<` merges into a mapping, the first one first."""
    for key, value in node.value:
        if key.tag == MERGE:
            yield from value.value if isinstance(value, SequenceNode) else [value]


class _Quoting(SafeRepresenter):
    """Texts that YAML 1.1 takes for something else (`on`, `no`, `12:30:00`) in quotes: most other readers still go by it."""


def _text(of: SafeRepresenter, text: str) -> ScalarNode:
    return of.represent_scalar(TAG + "str", text, style="'" if any([one.match(text) for one in _NO_TEXT]) else None)


_NO_TEXT: Final = [pattern for versions, _, pattern, _ in implicit_resolvers if (1, 1) in versions]
_Quoting.add_representer(str, _text)


def dump(document: Any) -> str:
    """The document as YAML, in its own order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Quoting
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 140
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(json.loads(json.dumps(document)), out)
    return out.getvalue()


class _Plain:
    """Only what JSON has: no dates, no sets, no keys but text, nothing that holds itself, and not too much of it."""

    def __init__(self, dates: bool) -> None:
        self._left = MOST
        self._dates = dates
        self._scalars = YAML(typ="safe", pure=True).constructor

    def value(self, node: Node, depth: int) -> Any:
        self._spend(1, node)
        if depth > DEEPEST:
            raise BadFile(f"is nested deeper than {DEEPEST} levels", _line(node))
        kind = str(node.tag).removeprefix(TAG)
        if self._dates and kind == "timestamp":
            kind = "str"
        if isinstance(node, ScalarNode) and kind in ("null", "bool", "int", "float", "str"):
            return self._scalar(node, kind)
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self.value(one, depth + 1) for one in node.value]
        if isinstance(node, MappingNode) and kind == "map":
            return {name: self.value(one, depth + 1) for name, one in self._members(node, 0).items()}
        raise BadFile("has a date; put it in quotes" if kind == "timestamp" else "has a tag (!…) that no document needs", _line(node))

    def _scalar(self, node: ScalarNode, kind: str) -> Any:
        try:
            value = node.value if kind == "str" else self._scalars.construct_object(node)
        except (YAMLError, ValueError, LookupError):
            raise BadFile(f"has a value that is no {kind}", _line(node)) from None
        if isinstance(value, str):
            self._spend(len(value) >> 6, node)
            if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
                raise BadFile("has a character that no text can hold", _line(node))
        if isinstance(value, float) and not math.isfinite(value):
            raise BadFile("has a number that is not finite", _line(node))
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise BadFile("has a whole number of more than 64 bits; put it in quotes", _line(node))
        return value

    def _members(self, node: MappingNode, depth: int) -> dict[str, Node]:
        """The values by their keys; a mapping's own keys win over merged ones, and those merged first over later ones."""
        if depth > DEEPEST:
            raise BadFile(f"merges deeper than {DEEPEST} levels", _line(node))
        own: dict[str, Node] = {}
        for key, value in node.value:
            if key.tag == MERGE:
                continue
            if key.tag != TAG + "str" or not isinstance(self._scalar(key, "str"), str):
                raise BadFile("has a key that is not text; put it in quotes", _line(key))
            if key.value in own:
                raise BadFile("has a key that stands there twice", _line(key))
            own[key.value] = value
        merged: dict[str, Node] = {}
        for part in _merged(node):
            if not isinstance(part, MappingNode):
                raise BadFile("merges what is no mapping", _line(part))
            inherited = self._members(part, depth + 1)
            self._spend(1 + len(inherited), node)
            merged = inherited | merged
        return merged | own

    def _spend(self, values: int, node: Node) -> None:
        self._left -= values
        if self._left < 0:
            raise BadFile(f"unfolds into more than {MOST} values; use fewer anchors", _line(node))


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
