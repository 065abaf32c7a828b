"""Files that hold secrets beside a SQLite database: made when first needed, their owner's alone; a key in one is never lost by us."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from tsbridge.core.chain import SHORTEST_KEY


class UnusableKey(RuntimeError):
    """A key cannot be used. The text names the file or the setting and what is wrong, nothing of what it holds."""


def read_or_make(file: Path, what: str) -> str:
    """The key that the file holds; it is made first where there is none. Several processes may come at once: one makes it, all read it."""
    return all_or_make(file, what)[0]


def all_or_make(file: Path, what: str) -> list[str]:
    """The keys that the file holds, one a line, the newest first."""
    if not file.exists():
        draft = _draft(file, [secrets.token_hex(32)])
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)  # whole or not at all, and never over another's
        draft.unlink()
        _keep_names_of(file.parent)
    try:
        keys = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        raise UnusableKey(f"{file}: expected a readable file that holds {what}") from None
    if not keys or any(len(key) < SHORTEST_KEY for key in keys):
        raise UnusableKey(f"{file}: expected a key of at least {SHORTEST_KEY} characters")
    return keys


def replace(file: Path, keys: Sequence[str]) -> None:
    """Have the file hold these keys, whatever happens on the way: those of before or these. Raises OSError."""
    _draft(file, keys).replace(file)
    _keep_names_of(file.parent)


def _draft(file: Path, keys: Sequence[str]) -> Path:
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, "".join(f"{key}\n" for key in keys).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return draft


def _keep_names_of(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
