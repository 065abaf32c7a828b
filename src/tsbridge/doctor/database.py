"""What `tsbridge doctor` says of the database: whether it can be reached and written, keeps what it is told, and has room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tsbridge.doctor import encryption
from tsbridge.doctor.checks import Line
from tsbridge.doctor.contents import contents, talkdesk_times
from tsbridge.store import database_info, schema, sqlite
from tsbridge.store.availability import BadDatabase
from tsbridge.store.db import Database, parse
from tsbridge.store.keyfile import UnusableKey
from tsbridge.store.sealkey import SealKeys
from tsbridge.store.views import DATABASE_FAILURES


def database(
    url: str,
    guessed_zone: str | None = None,
    setting: str = "live",
    seal_keys: Sequence[str] = (),
    data_keys: Sequence[str] = (),
    restricted: Sequence[str] = (),
) -> list[Line]:
    """Whether the database can be reached and written, has our schema, keeps what it is told and has room.

    `guessed_zone`: in which Talkdesk's times are read that name none, while no setting says so; a kept mapping may.
    `seal_keys`, `data_keys`: those that settings give. `restricted`: categories of which viewers get no words.
    """
    try:
        path = sqlite.path_of(parse(url)) if parse(url).get_backend_name() == "sqlite" else None
        if path is not None and not path.exists():
            return [*_no_file_yet(path), *talkdesk_times(guessed_zone, [])]
        with Database.open(url, seal_keys, data_keys) as opened:
            return [
                *_schema(opened),
                *_contents(opened, guessed_zone, setting, restricted),
                *_seal_key(opened.seal_keys),
                *([] if schema.current(opened) != schema.head() else encryption.data_key(opened)),
                *([] if path is None else _room(path)),
            ]
    except UnusableKey as refused:
        return [Line("data key", "bad", f"{refused}.", "Until it is back nothing starts, and nothing is lost.")]
    except BadDatabase as refused:
        return [Line("database", "bad", f"{refused}.", "Correct TSBRIDGE_DATABASE_URL or the server's settings.")]
    except sqlite.UnsafeSqlite as refused:
        return [Line("database", "bad", f"{refused}.", "Run `make install`, or use PostgreSQL.")]
    except (*DATABASE_FAILURES, OSError) as failure:
        return [
            Line(
                "database",
                "bad",
                f"The database cannot be reached ({type(failure).__name__}).",
                "Check TSBRIDGE_DATABASE_URL, that the server runs, and the permissions of the file.",
            )
        ]


def _no_file_yet(path: Path) -> list[Line]:
    if not path.parent.is_dir():
        return [Line("database", "bad", f"The directory {path.parent} does not exist.", "Make it, or correct TSBRIDGE_DATABASE_URL.")]
    return [
        Line("database", "warn", f"{path.name} is not there yet.", "`tsbridge serve` or `tsbridge migrate` makes it."),
        *_library(),
        *_room(path),
    ]


def _library() -> list[Line]:
    try:
        version = sqlite.library().sqlite_version
    except sqlite.UnsafeSqlite as refused:
        return [Line("sqlite", "bad", f"{refused}.", "Run `make install`, or use PostgreSQL.")]
    return [Line("sqlite", "ok", f"SQLite {version}, free of the write-ahead-log bug.")]


def _schema(opened: Database) -> list[Line]:
    found, newest = schema.current(opened), schema.head()
    if found == newest:
        return [Line("schema", "ok", f"The newest schema ({newest}).")]
    try:
        schema.check(opened)
    except schema.SchemaTooNew as refused:
        return [Line("schema", "bad", f"{refused}.", "Install that newer version of tsbridge.")]
    except RuntimeError:
        pass
    return [Line("schema", "bad", f"The schema is {found or 'not there yet'}, this version needs {newest}.", "Run `tsbridge migrate`.")]


def _contents(opened: Database, guessed_zone: str | None, setting: str, restricted: Sequence[str]) -> list[Line]:
    kind = "SQLite" if opened.dialect == "sqlite" else "PostgreSQL"
    found = opened.read_now(database_info.about)
    lines = _library() if opened.dialect == "sqlite" else []
    lines.append(Line("database", "ok", f"{kind} {found.version} answers; {found.size_bytes / 1e6:.1f} MB."))
    if found.unsafe:
        words = f"The database may lose what it has confirmed: {', '.join(found.unsafe)}."
        lines.append(Line("database durability", "bad", words, "Switch fsync and synchronous_commit on."))
    if schema.current(opened) != schema.head():
        return lines
    try:
        opened.write_now(database_info.try_writing)
        lines.append(Line("database writable", "ok", "It can be written."))
    except DATABASE_FAILURES as failure:
        words = f"The database cannot be written ({type(failure).__name__})."
        lines.append(Line("database writable", "bad", words, "Look at the disk's room and the permissions of the file and its directory."))
    return [*lines, *contents(opened, guessed_zone, setting, restricted)]


_SOURCES: Final = {
    "setting": Line("seal key", "ok", "TSBRIDGE_SEAL_KEY vouches for decisions until they are sealed."),
    "password": Line(
        "seal key",
        "warn",
        "The database's password vouches for decisions until they are sealed: whoever knows it can write to the database, too.",
        "Set TSBRIDGE_SEAL_KEY to 32 random characters or more, the same for all processes.",
    ),
    "nothing": Line(
        "seal key",
        "warn",
        "Nothing secret vouches for decisions until they are sealed: the database is reached without a password.",
        "Set TSBRIDGE_SEAL_KEY to 32 random characters or more, the same for all processes.",
    ),
}


def _seal_key(keys: SealKeys) -> list[Line]:
    """What vouches for decisions in the second before they get their place in the proof chain."""
    file = keys.file
    if file is None:
        return [_SOURCES[keys.source]]
    if not file.exists():
        return [Line("seal key", "ok", f"{file.name} vouches for decisions until they are sealed; it is made with the first one.")]
    try:
        keys.ready()
    except UnusableKey as refused:
        return [Line("seal key", "bad", f"{refused}.", "Bring it back from where the backups are, or remove it: then it is made anew.")]
    if file.stat().st_mode & 0o077:
        return [Line("seal key", "warn", f"{file.name} can be read by others.", f"chmod 600 {file.name}")]
    return [Line("seal key", "ok", f"{file.name} vouches for decisions until they are sealed; keep it beside the backups.")]


def _room(path: Path) -> list[Line]:
    found = database_info.room(path.parent)
    if found.share < database_info.ROOM_NEEDED:
        return [Line("disk", "bad", f"{found}.", "Make room now: without it nothing can be kept.")]
    scarce = found.share < database_info.ROOM_WANTED
    return [Line("disk", "warn" if scarce else "ok", f"{found}.", "Make room." if scarce else "")]
