"""What `tsbridge doctor` says of the database: whether it can be reached and written, keeps what it is told, and has room."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tsbridge.doctor import Line
from tsbridge.doctor_desk import desk, talkdesk_times
from tsbridge.store import about, schema, sqlite
from tsbridge.store.db import BadDatabase, Database, parse
from tsbridge.store.views import DATABASE_FAILURES

ROOM_WANTED: Final = 0.10
ROOM_NEEDED: Final = 0.02


def database(url: str, guessed_zone: str | None = None, setting: str = "live") -> list[Line]:
    """Whether the database can be reached and written, has our schema, keeps what it is told and has room.

    `guessed_zone`: in which Talkdesk's times are read that name none, while no setting says so; a kept mapping may.
    """
    try:
        path = sqlite.path_of(parse(url)) if parse(url).get_backend_name() == "sqlite" else None
        if path is not None and not path.exists():
            return [*_no_file_yet(path), *talkdesk_times(guessed_zone, [])]
        with Database.open(url) as opened:
            return [*_schema(opened), *_contents(opened, guessed_zone, setting), *([] if path is None else _room(path))]
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


def _contents(opened: Database, guessed_zone: str | None, setting: str) -> list[Line]:
    kind = "SQLite" if opened.dialect == "sqlite" else "PostgreSQL"
    found = opened.read_now(about.about)
    lines = _library() if opened.dialect == "sqlite" else []
    lines.append(Line("database", "ok", f"{kind} {found.version} answers; {found.size_bytes / 1e6:.1f} MB."))
    if found.unsafe:
        words = f"The database may lose what it has confirmed: {', '.join(found.unsafe)}."
        lines.append(Line("database durability", "bad", words, "Switch fsync and synchronous_commit on."))
    if schema.current(opened) != schema.head():
        return lines
    try:
        opened.write_now(about.try_writing)
        lines.append(Line("database writable", "ok", "It can be written."))
    except DATABASE_FAILURES as failure:
        words = f"The database cannot be written ({type(failure).__name__})."
        lines.append(Line("database writable", "bad", words, "Look at the disk's room and the permissions of the file and its directory."))
    return [*lines, *desk(opened, guessed_zone, setting)]


def _room(path: Path) -> list[Line]:
    disk = shutil.disk_usage(path.parent)
    share = disk.free / disk.total
    words = f"{disk.free / 1e9:.1f} GB free where the database lies ({share:.0%})."
    if share < ROOM_NEEDED:
        return [Line("disk", "bad", words, "Make room now: without it nothing can be kept.")]
    return [Line("disk", "warn" if share < ROOM_WANTED else "ok", words, "Make room." if share < ROOM_WANTED else "")]
