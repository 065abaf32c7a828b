"""Settings: from the environment, from `.env`, secrets also from files. The only module that reads the environment.

What is set in the environment wins over `.env`. A secret may be given as `NAME_FILE`, the path of a file that holds it.
An unknown `TSBRIDGE_` name is refused, with the nearest known one, so that a slip of the pen never goes unseen. No
error text repeats a value.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource

from tsbridge.settings.model import NAMES, PREFIX, SECRET_NAMES, BadSettings, Settings, name_of

FILE: Final = "_FILE"
ENV_FILE: Final = Path(".env")
WAY: Final = re.compile(r"TSBRIDGE_WAY_[A-Z0-9_]{1,60}", re.ASCII)
"""Variables that a way of the roster may name; any number of them."""


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = ENV_FILE) -> Settings:
    """The settings in force. `environ` is the process's own unless given. Raises `BadSettings`, naming everything wrong at once."""
    environment = os.environ if environ is None else environ
    from_file = _env_file(env_file)
    problems = [*_unknown(environment, "in the environment"), *_unknown(from_file, f"in {env_file}")]
    given: dict[str, Any] = {"ways": {}}
    for source in (from_file, environment):
        ways, wrong = _ways(source)
        given["ways"].update(ways)
        problems += wrong
        found, wrong = _gather(source)
        given.update(found)
        problems += wrong
    try:
        settings = Settings(**given)
    except ValidationError as refused:
        problems += _explained(refused)
    if problems:
        raise BadSettings(problems)
    return settings


def _env_file(path: Path | None) -> Mapping[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        source = DotEnvSettingsSource(Settings, env_file=path, env_file_encoding="utf-8", case_sensitive=True)
        return {name: value for name, value in source.env_vars.items() if value is not None}
    except (OSError, UnicodeDecodeError):
        raise BadSettings([f"{path}: expected a readable file of NAME=value lines in UTF-8"]) from None


def _unknown(source: Mapping[str, str], where: str) -> list[str]:
    known = [*NAMES, *(name + FILE for name in SECRET_NAMES)]
    problems = []
    for name in sorted(source):
        if not name.upper().startswith(PREFIX) or name in known or WAY.fullmatch(name):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        problems.append(f"{name} {where} is not a setting{hint}")
    return problems


def _gather(source: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Values by field; an empty one counts as not set."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, field in NAMES.items():
        value, problem = _value(source, name, secret=name in SECRET_NAMES)
        problems += [problem] if problem else []
        if value:
            found[field] = value
    return found, problems


def _ways(source: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Values of the variables that ways may name, by the whole name."""
    found: dict[str, str] = {}
    problems: list[str] = []
    for name in sorted({name.removesuffix(FILE) for name in source if WAY.fullmatch(name)}):
        value, problem = _value(source, name, secret=True)
        problems += [problem] if problem else []
        if value:
            found[name] = value
    return found, problems


def _value(source: Mapping[str, str], name: str, *, secret: bool) -> tuple[str, str | None]:
    """What is set, an empty text for nothing, and what is wrong with it. `secret`: it may stand in a file."""
    value, path = source.get(name, "").strip(), source.get(name + FILE, "").strip() if secret else ""
    if value and path:
        return "", f"{name} and {name + FILE} are both set; expected one of them"
    if not path:
        return value, None
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "", f"{name + FILE}: expected the path of a readable text file"
    return content, None if content else f"{name + FILE}: the file is empty"


def _explained(refused: ValidationError) -> list[str]:
    """One line per problem, without the value."""
    lines = []
    for error in refused.errors(include_input=False, include_url=False, include_context=False):
        what = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        expected = what if what.startswith(("expected", "this", PREFIX)) else f"expected {what}"
        lines.append(f"{name_of(str(error['loc'][0]))}: {expected}" if error["loc"] else expected)
    return lines
