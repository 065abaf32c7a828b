"""The roster: the live document, its versions, whole or entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from tsbridge.acts import documents, rostering
from tsbridge.acts.documents import CheckResult, Document
from tsbridge.core.rules.findings import NAME, Finding
from tsbridge.roster.check import check
from tsbridge.roster.diff import NAMED, diff
from tsbridge.store import feeds
from tsbridge.store import rosters as store
from tsbridge.store.rosters import NoRoster
from tsbridge.store.versions import Version
from tsbridge.web.asked import aside, asked_for
from tsbridge.web.auth import Ops, Viewer
from tsbridge.web.desk import Desk, Made
from tsbridge.web.etags import IfMatch, content_tag, need_match
from tsbridge.web.inputs import Body, Id, version_number
from tsbridge.web.pages import Paged
from tsbridge.web.problems import Problem, invalid, not_found
from tsbridge.web.route import DocumentRoute
from tsbridge.web.shapes import version_item, version_whole

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/roster", tags=["roster"])

NOTE: Final = 2000
LISTS: Final = ("cover", "calendars")
"""Parts whose entries have no keys: they are edited whole."""
TRIES: Final = 3
NOTHING: Final[Document] = {"schema": 1}
"""What the first entry is put into."""

Note = Annotated[str, StringConstraints(max_length=NOTE)]
NoteQuery = Annotated[str, Query(max_length=NOTE, description="What changes and why, for those who read the versions later.")]
Named = Annotated[str, Query(max_length=20, description="A version's number, or `live`.")]


class WholeRoster(Body):
    """`note`: what changes and why, for those who read the versions later."""

    document: Document
    note: Note = ""


class Entry(Body):
    """An entry of the roster as it stands in the document, or a whole part that has no keys."""

    value: Any
    note: Note = ""


class Restored(Body):
    note: Note = ""


def roster_tag(version: int) -> str:
    """The ETag of a version; `"0"` where there is none."""
    return f'"{version}"'


@routes.get("")
async def show_roster(desk: Made, by: Viewer, response: Response) -> dict[str, Any]:
    """The live version with its document; version 0 and no document where there is none yet."""
    live = await desk.database.read(store.live)
    response.headers["ETag"] = roster_tag(0 if live is None else live.version)
    if live is None:
        return {"version": 0, "hash": None, "published_at": None, "published_by": None, "note": None, "document": None}
    return version_whole(live)


@routes.put("", status_code=201)
async def replace_roster(desk: Made, by: Ops, body: WholeRoster, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Make a document the live roster. `If-Match` names the version that was looked at, `"0"` the first time."""
    need_match(if_match)
    return await _publish(desk, response, by.name, body.note, partial(_instead, body.document), if_match=if_match)


@routes.post("/check")
@asked_for()
async def check_roster(desk: Made, by: Ops, body: Document) -> CheckResult:
    """What is to say of a document (the body itself, or `{"document": …}`; `{}`: the live one): faults, advice, holes of four weeks."""
    document = await _meant(desk, body)
    findings = await _findings(desk, document)
    return documents.checked(findings)


@routes.get("/versions")
async def list_roster_versions(desk: Made, by: Viewer, page: Paged) -> dict[str, Any]:
    """All versions, newest first, without their documents."""
    before = page.after_number("roster_versions")
    rows = await desk.database.read(lambda conn: store.versions(conn, page.limit + 1, before))
    return page.answer("roster_versions", rows, lambda row: (row.version,), version_item)


@routes.get("/versions/diff")
async def diff_roster_versions(
    desk: Made, by: Viewer, since: Annotated[Named, Query(alias="from")], until: Annotated[Named, Query(alias="to")] = "live"
) -> dict[str, Any]:
    """What changed from one version to another, entry by entry, in words."""
    one, other = _number("from", since), _number("to", until)
    before, after = await desk.database.read(lambda conn: (_version(conn, one), _version(conn, other)))
    return {"from": before.version, "to": after.version, **diff(before.document, after.document)}


@routes.get("/versions/{version}")
async def show_roster_version(desk: Made, by: Viewer, version: Id) -> dict[str, Any]:
    """One version with its document."""
    number = version_number("path", "version", version)
    found = await desk.database.read(lambda conn: _version(conn, number))
    return version_whole(found)


@routes.post("/versions/{version}/restore", status_code=201)
async def restore_roster_version(desk: Made, by: Ops, version: Id, response: Response, body: Restored | None = None) -> dict[str, Any]:
    """Publish an earlier version's content again, as a new version, live at once."""
    number = version_number("path", "version", version)
    note = (body.note.strip() if body else "") or f"restored from version {number}"
    found = await desk.database.read(lambda conn: _version(conn, number))
    return await _publish(desk, response, by.name, note, partial(_instead, found.document), action="roster.restore")


# Entry by entry: each edit is a version of its own, live at once


@routes.get("/{part}/{key}")
async def show_roster_entry(desk: Made, by: Viewer, part: Id, key: Id, response: Response) -> dict[str, Any]:
    """One agent, way, shift, rotation, limit or list. Its ETag is its own, so editors of different entries do not meet."""
    _is_part(part)
    live = await desk.database.read(store.live)
    value = _entry({} if live is None else live.document, part, key)
    response.headers["ETag"] = content_tag(value)
    return {"part": part, "key": key, "value": value, "version": 0 if live is None else live.version}


@routes.put("/{part}/{key}", status_code=201)
async def replace_roster_entry(
    desk: Made, by: Ops, part: Id, key: Id, body: Entry, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Put an entry in, or another one in its place: a new version, live at once. `If-Match` names the entry, or the roster."""
    _is_part(part)
    need_match(if_match)
    if not NAME.fullmatch(key):
        raise invalid("path", "key", "Expected a key: up to 80 letters, digits, - _ . that begin with a letter or digit.", code="key")

    def changed(live: Version | None) -> Document:
        document = NOTHING if live is None else live.document
        entries = _entries(document, part)
        own = [content_tag(entries[key])] if key in entries else []
        need_match(if_match, roster_tag(0 if live is None else live.version), *own)
        return {**document, part: {**entries, key: body.value}}

    return await _publish(desk, response, by.name, body.note, changed)


@routes.delete("/{part}/{key}")
async def remove_roster_entry(
    desk: Made, by: Ops, part: Id, key: Id, response: Response, note: NoteQuery = "", if_match: IfMatch = None
) -> dict[str, Any]:
    """Take an entry out: a new version, live at once. Refused with findings while something else names it."""
    _is_part(part)
    need_match(if_match)

    def changed(live: Version | None) -> Document:
        document = NOTHING if live is None else live.document
        value = _entry(document, part, key)
        need_match(if_match, content_tag(value), roster_tag(0 if live is None else live.version))
        return {**document, part: {name: one for name, one in _entries(document, part).items() if name != key}}

    return await _publish(desk, response, by.name, note, changed)


@routes.get("/{part}")
async def show_roster_part(desk: Made, by: Viewer, part: Id, response: Response) -> dict[str, Any]:
    """A whole part of the live roster: `agents`, `cover` and the like."""
    _is_part(part, *LISTS)
    live = await desk.database.read(store.live)
    value = _whole({} if live is None else live.document, part)
    response.headers["ETag"] = content_tag(value)
    return {"part": part, "value": value, "version": 0 if live is None else live.version}


@routes.put("/{part}", status_code=201)
async def replace_roster_part(desk: Made, by: Ops, part: Id, body: Entry, response: Response, if_match: IfMatch = None) -> dict[str, Any]:
    """Put a whole part in the live one's place: a new version, live at once. `If-Match` names the part, or the roster."""
    _is_part(part, *LISTS)
    need_match(if_match)

    def changed(live: Version | None) -> Document:
        document = NOTHING if live is None else live.document
        need_match(if_match, content_tag(_whole(document, part)), roster_tag(0 if live is None else live.version))
        return {**document, part: body.value}

    return await _publish(desk, response, by.name, body.note, changed)


def _is_part(part: str, *more: str) -> None:
    if part not in (*NAMED, *more):
        raise not_found("part of the roster")


def _whole(document: Document, part: str) -> Any:
    return document.get(part, [] if part in LISTS else {})


def _entries(document: Document, part: str) -> Document:
    found = document.get(part)
    return found if isinstance(found, dict) else {}


def _entry(document: Document, part: str, key: str) -> Any:
    try:
        return _entries(document, part)[key]
    except KeyError:
        raise not_found("entry of the roster") from None


def _instead(document: Document, _: Version | None) -> Document:
    return document


async def _publish(
    desk: Desk,
    response: Response,
    by: str,
    note: str,
    changed: Callable[[Version | None], Document],
    *,
    action: str = "roster.publish",
    if_match: str | None = None,
) -> dict[str, Any]:
    """Make what `changed` makes of the live version live. Raises 422 with findings when it has faults, 412 when it was changed."""
    for attempt in range(1, TRIES + 1):
        live = await desk.database.read(store.live)
        base = 0 if live is None else live.version
        if if_match is not None:
            need_match(if_match, roster_tag(base))
        document = changed(live)
        roster = await aside(rostering.sound, document)
        entry = desk.entry(by)
        write = partial(rostering.publish, document=document, roster=roster, note=note.strip(), entry=entry, action=action, base=base)
        try:
            version = await desk.database.write(write, urgent=True)
            break
        except rostering.Moved as moved:  # by an edit of another entry perhaps, with which this one has nothing to do
            if attempt == TRIES:
                raise Problem(412, "This was changed meanwhile; read it again.", headers={"ETag": roster_tag(moved.version)}) from None
    response.headers["ETag"] = roster_tag(version)
    response.headers["Location"] = f"/v1/roster/versions/{version}"
    return {"version": version, "hash": roster.hash}


async def _findings(desk: Desk, document: Any) -> tuple[Finding, ...]:
    now = desk.clock.now()

    def known(conn: Connection) -> tuple[Any, ...]:
        return rostering.rulebook_of(conn), now, store.standing(conn, now), feeds.said(conn, feeds.marks(conn, feeds.looks(conn)))

    found: tuple[Finding, ...] = await aside(check, document, *await desk.database.read(known))
    return found


async def _meant(desk: Desk, body: Document) -> Any:
    """The document that a check is about: the live one for an empty body."""
    if not body:
        live = await desk.database.read(store.live)
        if live is None:
            raise not_found("roster")
        return live.document
    return body["document"] if set(body) == {"document"} else body


def _number(parameter: str, text: str) -> int | None:
    return None if text == "live" else version_number("query", parameter, text)


def _version(conn: Connection, version: int | None) -> Version:
    try:
        return store.get(conn, store.newest(conn) if version is None else version)
    except NoRoster:
        raise not_found("version") from None
