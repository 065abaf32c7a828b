"""Rulebook files: YAML (1.2, of which JSON is a part) to plain JSON values and back."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

BIGGEST: Final = 8 << 20
DEEPEST: Final = 64


class BadFile(ValueError):
    """A file that holds no document. The text says where and why, and quotes nothing of it."""


def load_file(path: Path) -> Any:
    """The document in a file. Raises `BadFile`; whether it is a rulebook is another question."""
    try:
        raw = path.read_bytes()
    except OSError:
        raise BadFile("cannot be read; expected a YAML or JSON file") from None
    if len(raw) > BIGGEST:
        raise BadFile(f"is larger than {BIGGEST >> 20} MiB")
    return load_text(raw)


def load_text(raw: bytes) -> Any:
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
    return _plain(document, "", 0)


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


def _plain(value: Any, where: str, depth: int) -> Any:
    """Only what JSON has: no dates, no sets, no keys but text, nothing that holds itself."""
    if depth > DEEPEST:
        raise BadFile(f"is nested deeper than {DEEPEST} levels")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadFile(f"has a number that is not finite at {where or '/'}")
        return value
    if isinstance(value, list):
        return [_plain(one, f"{where}/{place}", depth + 1) for place, one in enumerate(value)]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise BadFile(f"has a key that is not text at {where or '/'}; put it in quotes")
        return {key: _plain(one, f"{where}/{key}", depth + 1) for key, one in value.items()}
    raise BadFile(f"has a {type(value).__name__} at {where or '/'}; put it in quotes")
