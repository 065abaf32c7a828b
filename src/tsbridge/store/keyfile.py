"""Files that hold a secret beside a SQLite database: made when first needed, their owner's alone, never over another's."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from tsbridge.core.chain import SHORTEST_KEY


class UnusableKey(RuntimeError):
    """A key cannot be used. The text names the file or the setting and what is wrong, nothing of what it holds."""


def read_or_make(file: Path, what: str) -> str:
    """What the file holds; it is made first where there is none. Several processes may come at once: one makes it, all read it."""
    if not file.exists():
        draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"{secrets.token_hex(32)}\n".encode())
            os.fsync(descriptor)
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)  # whole or not at all, and never over another's
        finally:
            os.close(descriptor)
            draft.unlink()
        _keep_names_of(file.parent)
    return read(file, what)


def read(file: Path, what: str) -> str:
    """What a file that is there holds. Raises UnusableKey."""
    try:
        key = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise UnusableKey(f"{file}: expected a readable file that holds {what}") from None
    if len(key) < SHORTEST_KEY:
        raise UnusableKey(f"{file}: expected a key of at least {SHORTEST_KEY} characters")
    return key


def _keep_names_of(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
