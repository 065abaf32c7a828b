"""What `tsbridge doctor` says of the keys that personal values are encrypted under, and of how far a new one has got (ADR 24)."""

from __future__ import annotations

from collections.abc import Sequence

from tsbridge.doctor.checks import Line
from tsbridge.store import datakeys, rekeying
from tsbridge.store.datakeys import SETTING
from tsbridge.store.db import Database
from tsbridge.store.rekeying import Progress

WHAT = "Names, numbers and words of people"


def data_key(opened: Database) -> list[Line]:
    """Under what personal values of a database of our schema are encrypted, and whether older keys are still needed."""
    ids, gone = opened.read_now(lambda conn: (datakeys.on_record(conn), rekeying.progress(conn)))
    keys = opened.data_keys
    if (newest := keys.vault.newest) is None:
        words = f"{WHAT} are not encrypted: {SETTING} is not set."
        return [Line("data key", "warn", words, f"Set {SETTING} (`tsbridge encryption key` makes one), the same for all processes.")]
    file = keys.file
    if file is None or not file.exists():
        line = Line("data key", "ok", f"{WHAT} are encrypted under {SETTING}, key {newest.id}.")
    elif file.stat().st_mode & 0o077:
        line = Line("data key", "warn", f"{file.name} can be read by others.", f"chmod 600 {file.name}")
    else:
        line = Line("data key", "ok", f"{WHAT} are encrypted, key {newest.id}; keep {file.name} beside the backups.")
    step = "Look what `tsbridge audit verify` says." if gone.unreadable else ""
    return [line, Line("encryption", "bad" if gone.unreadable else "ok", in_words(ids, gone), step)]


def in_words(ids: Sequence[str], gone: Progress) -> str:
    """How far everything is under the newest key."""
    if not ids:
        return "Nothing is encrypted."
    broken = f" {gone.unreadable} rows cannot be decrypted." if gone.unreadable else ""
    if gone.is_over(ids):
        return f"All of it is under key {ids[-1]}; no other one is needed.{broken}"
    if gone.under != ids[-1]:
        return f"Rewriting what is not under key {ids[-1]} has not begun; it is done while the service runs.{broken}"
    older = f" The keys before, {', '.join(ids[:-1])}, are still needed." if ids[:-1] else ""
    far = f"{gone.behind} of {rekeying.TABLES} tables, {gone.rewritten} rows"
    return f"What is not under key {ids[-1]} is being rewritten: {far}.{older}{broken}"
