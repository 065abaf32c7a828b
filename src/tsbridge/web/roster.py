"""The roster: the live document, its versions, whole or entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints
from sqlalchemy import Connection

from tsbridge.acts import documents, published, rostering
from tsbridge.acts.callers import Caller
from tsbridge.acts.documents import KEY_WORDS, CheckResult, Document
from tsbridge.acts.errors import Changed
from tsbridge.acts.published import VersionShown, VersionWhole, whole
from tsbridge.acts.rostering import NoRoster, RosterDiff, RosterEntry, RosterMade, RosterPart
from tsbridge.core.rules.findings import NAME, Finding
from tsbridge.roster.check import check
from tsbridge.roster.diff import diff
from tsbridge.store import feeds
from tsbridge.store import rosters as store
from tsbridge.store.versions import Version
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.etags import IfMatch, content_tag, need_match
from tsbridge.web.inputs import Body, Id, version_number
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import invalid, not_found, refuses
from tsbridge.web.roles import Ops, Viewer
from tsbridge.web.route import DocumentRoute, Made
from tsbridge.web.services import Services

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/roster", tags=["roster"])

NOTE: Final = 2000
TRIES: Final = 3
EDITED: Final = refuses(412, 428)

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


@routes.get("")
async def show_roster(services: Made, by: Viewer, response: Response) -> VersionWhole | NoRoster:
    """The live version with its document; version 0 and no document where there is none yet."""
    live = await services.ask(store.live)
    response.headers["ETag"] = roster_tag(live)
    return NoRoster() if live is None else whole(live)


@routes.put("", status_code=201, responses=EDITED)
async def replace_roster(services: Made, by: Ops, body: WholeRoster, response: Response, if_match: IfMatch = None) -> RosterMade:
    """Make a document the live roster. `If-Match` names the version that was looked at, `"0"` the first time."""
    need_match(if_match)

    def changed(live: Version | None) -> Document:
        need_match(if_match, roster_tag(live))
        return body.document

    return await _publish(services, response, by, body.note, changed)


@routes.post("/check", responses=refuses(404))
@asked_for()
async def check_roster(services: Made, by: Ops, body: Document) -> CheckResult:
    """What is to say of a document (the body itself, or `{"document": …}`; `{}`: the live one): faults, advice, holes of four weeks."""
    return documents.checked(await _findings(services, await _meant(services, body)))


@routes.get("/versions")
async def list_roster_versions(services: Made, by: Viewer, page: Paged) -> Listed[VersionShown]:
    """All versions, newest first, without their documents."""
    found = await services.ask(store.versions, page.limit + 1, page.after_number("roster_versions"))
    return page.of("roster_versions", [published.shown(one) for one in found], lambda one: (one.version,))


@routes.get("/versions/diff", responses=refuses(404))
async def diff_roster_versions(
    services: Made, by: Viewer, since: Annotated[Named, Query(alias="from")], until: Annotated[Named, Query(alias="to")] = "live"
) -> RosterDiff:
    """What changed from one version to another, entry by entry, in words."""
    one, other = _number("from", since), _number("to", until)
    before, after = await services.database.read(lambda conn: (rostering.version(conn, one), rostering.version(conn, other)))
    return RosterDiff(before.version, after.version, **diff(before.document, after.document))


@routes.get("/versions/{version}")
async def show_roster_version(services: Made, by: Viewer, version: Id) -> VersionWhole:
    """One version with its document."""
    return whole(await services.ask(rostering.version, version_number("path", "version", version)))


@routes.post("/versions/{version}/restore", status_code=201, responses=refuses(412))
async def restore_roster_version(services: Made, by: Ops, version: Id, response: Response, body: Restored | None = None) -> RosterMade:
    """Publish an earlier version's content again, as a new version, live at once."""
    number = version_number("path", "version", version)
    note = (body.note.strip() if body else "") or f"restored from version {number}"
    document: Document = (await services.ask(rostering.version, number)).document
    return await _publish(services, response, by, note, lambda live: document, "roster.restore")


# Entry by entry: each edit is a version of its own, live at once


@routes.get("/{part}/{key}")
async def show_roster_entry(services: Made, by: Viewer, part: Id, key: Id, response: Response) -> RosterEntry:
    """One agent, way, shift, rotation, limit or list. Its ETag is its own, so editors of different entries do not meet."""
    found = rostering.entry_of(await services.ask(store.live), part, key)
    response.headers["ETag"] = content_tag(found.value)
    return found


@routes.put("/{part}/{key}", status_code=201, responses=EDITED)
async def replace_roster_entry(
    services: Made, by: Ops, part: Id, key: Id, body: Entry, response: Response, if_match: IfMatch = None
) -> RosterMade:
    """Put an entry in, or another one in its place: a new version, live at once. `If-Match` names the entry, or the roster."""
    rostering.entries_of(None, part)
    need_match(if_match)
    if not NAME.fullmatch(key):
        raise invalid("path", "key", KEY_WORDS, code="key")

    def changed(live: Version | None) -> Document:
        entries = rostering.entries_of(live, part)
        need_match(if_match, roster_tag(live), *([content_tag(entries[key])] if key in entries else []))
        return rostering.with_part(live, part, {**entries, key: body.value})

    return await _publish(services, response, by, body.note, changed)


@routes.delete("/{part}/{key}", responses=EDITED)
async def remove_roster_entry(
    services: Made, by: Ops, part: Id, key: Id, response: Response, note: NoteQuery = "", if_match: IfMatch = None
) -> RosterMade:
    """Take an entry out: a new version, live at once. Refused with findings while something else names it."""
    rostering.entries_of(None, part)
    need_match(if_match)

    def changed(live: Version | None) -> Document:
        need_match(if_match, content_tag(rostering.entry_of(live, part, key).value), roster_tag(live))
        return rostering.with_part(live, part, {name: one for name, one in rostering.entries_of(live, part).items() if name != key})

    return await _publish(services, response, by, note, changed)


@routes.get("/{part}")
async def show_roster_part(services: Made, by: Viewer, part: Id, response: Response) -> RosterPart:
    """A whole part of the live roster: `agents`, `cover` and the like."""
    found = rostering.part_of(await services.ask(store.live), part)
    response.headers["ETag"] = content_tag(found.value)
    return found


@routes.put("/{part}", status_code=201, responses=EDITED)
async def replace_roster_part(services: Made, by: Ops, part: Id, body: Entry, response: Response, if_match: IfMatch = None) -> RosterMade:
    """Put a whole part in the live one's place: a new version, live at once. `If-Match` names the part, or the roster."""
    rostering.part_of(None, part)
    need_match(if_match)

    def changed(live: Version | None) -> Document:
        need_match(if_match, content_tag(rostering.part_of(live, part).value), roster_tag(live))
        return rostering.with_part(live, part, body.value)

    return await _publish(services, response, by, body.note, changed)


def roster_tag(live: Version | None) -> str:
    """The ETag of a version; `"0"` where there is none."""
    return f'"{0 if live is None else live.version}"'


async def _publish(
    services: Services,
    response: Response,
    by: Caller,
    note: str,
    changed: Callable[[Version | None], Document],
    action: str = "roster.publish",
) -> RosterMade:
    """Make what `changed` makes of the live version live. Raises `Faulty`, and 412 when it was changed."""
    for attempt in range(1, TRIES + 1):
        live = await services.ask(store.live)
        document = changed(live)
        roster = await aside(rostering.sound, document)
        try:
            version = await services.act(
                by, rostering.publish, document, roster, note.strip(), action, base=0 if live is None else live.version
            )
            break
        except rostering.Moved as moved:  # by an edit of another entry perhaps, with which this one has nothing to do
            if attempt == TRIES:
                raise Changed(now=[f'"{moved.version}"']) from None
    response.headers["ETag"] = f'"{version}"'
    response.headers["Location"] = f"/v1/roster/versions/{version}"
    return RosterMade(version, roster.hash)


async def _findings(services: Services, document: Any) -> tuple[Finding, ...]:
    now = services.clock.now()

    def known(conn: Connection) -> tuple[Any, ...]:
        return rostering.rulebook_of(conn), now, store.standing(conn, now), feeds.said(conn, feeds.marks(conn, feeds.looks(conn)))

    found: tuple[Finding, ...] = await aside(check, document, *await services.database.read(known))
    return found


async def _meant(services: Services, body: Document) -> Any:
    """The document that a check is about: the live one for an empty body."""
    if not body:
        live = await services.ask(store.live)
        if live is None:
            raise not_found("roster")
        return live.document
    return body["document"] if set(body) == {"document"} else body


def _number(parameter: str, text: str) -> int | None:
    return None if text == "live" else version_number("query", parameter, text)
