"""The rulebook: the live one, its versions, the draft that ops edit, and the way from draft to live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from sqlalchemy import Connection

from tsbridge.acts import documents, effects, going_live, published, publishing, rostering, trial
from tsbridge.acts.callers import Caller
from tsbridge.acts.documents import CheckResult, Document
from tsbridge.acts.published import VersionShown, VersionWhole, whole
from tsbridge.acts.publishing import Diff, VersionMade
from tsbridge.acts.trial import TestResult, Tried
from tsbridge.core.almanac import INSTALLED, Almanac
from tsbridge.core.rules.document import read
from tsbridge.core.rules.facts import YEARS
from tsbridge.core.rules.language import Rulebook
from tsbridge.core.times import read_date
from tsbridge.rulebook.calendar_days import CalendarDays, calendar_days
from tsbridge.rulebook.examine import SEVERITIES, Sheet, joined
from tsbridge.rulebook.generate import GeneratedTests
from tsbridge.store import almanacs
from tsbridge.store import rulebooks as store
from tsbridge.store.rulebooks import Draft
from tsbridge.store.versions import BIGGEST_VERSION
from tsbridge.web.admission import aside, asked_for
from tsbridge.web.draft import draft_tag
from tsbridge.web.etags import IfMatch, need_match, tag
from tsbridge.web.explained import Nearby
from tsbridge.web.inputs import Body, Id, Line, Time, version_number, whole_number
from tsbridge.web.pages import Listed, Paged
from tsbridge.web.problems import Problem, invalid, refuses
from tsbridge.web.roles import Ops, Viewer
from tsbridge.web.route import DocumentRoute, Made
from tsbridge.web.services import Services

routes = APIRouter(route_class=DocumentRoute, prefix="/v1/rulebook", tags=["rulebook"])

NOTE: Final = 2000
MOST_STORIES: Final = 500
MOST_DAYS: Final = 3 * 366
"""Days of calendars that one request shows."""
GENERATED: Final = 200
"""Tests that one request makes; once they are kept, the next request makes the next."""

Before = Annotated[str, Query(alias="from", max_length=20, description="A version's number, `live`, or for ops `draft`.")]
After = Annotated[str, Query(alias="to", max_length=20, description="As `from`.")]
Stories = Annotated[str, Query(max_length=20, json_schema_extra={"type": "integer"})]
Which = Annotated[str, Query(max_length=20, description="A version's number, `live`, or for ops `draft`.")]
From = Annotated[str | None, Query(alias="from", max_length=10, json_schema_extra={"format": "date"})]
To = Annotated[str | None, Query(alias="to", max_length=10, json_schema_extra={"format": "date"})]


def _said(note: str) -> str:
    if not note.strip():
        raise ValueError("Expected some words: what changed, and why.")
    return note.strip()


class Publication(Body):
    """`note`: what changed and why, for those who read the versions later."""

    note: Annotated[str, StringConstraints(max_length=NOTE), AfterValidator(_said)]


class Restoration(Body):
    note: Annotated[str, StringConstraints(max_length=NOTE)] = ""


class CalendarsShown(CalendarDays):
    version: int | str


def _version_or_draft(value: Any) -> Any:
    if value is None or value == "draft" or (type(value) is int and 0 < value <= BIGGEST_VERSION):
        return value
    raise ValueError('Expected the number of a version, or "draft".')


class Trial(Body):
    """Facts by field name as in a rule test, with `previous.<field>` for the `changed` operators; or a stored event or decision.

    With one of those, `given`, `at` and `roster` are what shall be otherwise about it. `roster`: a document; what rules see of people is
    worked out from it where it is not given.
    """

    given: dict[str, Any] | None = None
    event_id: Line | None = None
    decision_id: Line | None = None
    at: Time | None = None
    roster: Document | None = None
    document: Document | None = None
    version: Annotated[int | str | None, BeforeValidator(_version_or_draft)] = Field(
        default=None, json_schema_extra={"anyOf": [{"type": "integer", "minimum": 1}, {"const": "draft"}, {"type": "null"}]}
    )


# The live one and the versions


@routes.get("")
async def show_live(services: Made, by: Viewer, response: Response) -> VersionWhole:
    """The live version with its document."""
    version = await services.ask(publishing.version)
    response.headers["ETag"] = tag(version.version)
    return whole(version)


@routes.get("/versions")
async def list_versions(services: Made, by: Viewer, page: Paged) -> Listed[VersionShown]:
    """All versions, newest first, without their documents."""
    found = await services.ask(store.versions, page.limit + 1, page.after_number("versions"))
    return page.of("versions", [published.shown(one) for one in found], lambda one: (one.version,))


@routes.get("/versions/diff", responses=refuses(404))
@asked_for()
async def diff_versions(services: Made, by: Viewer, since: Before, until: After, stories: Stories = "100") -> Diff:
    """What changed from one version to another, in words, and in effect: on the tests of both and on the newest `stories` cases."""
    most = whole_number("query", "stories", stories, 0, MOST_STORIES)
    one, other = _named("from", since, by), _named("to", until, by)
    (was, before), (became, after) = await services.database.read(lambda conn: (one(conn), other(conn)))
    told = await services.ask(effects.newest, most)
    return Diff(was, became, **await aside(services.apart, effects.compared, before, after, told, services.zone))


@routes.get("/versions/{version}")
async def show_version(services: Made, by: Viewer, version: Id) -> VersionWhole:
    """One version with its document."""
    return whole(await services.ask(publishing.version, version_number("path", "version", version)))


@routes.post("/versions/{version}/restore", status_code=201)
async def restore_version(services: Made, by: Ops, version: Id, response: Response, body: Restoration | None = None) -> VersionMade:
    """Publish an earlier version's content again, as a new version, live at once."""
    number = version_number("path", "version", version)
    note = body.note.strip() if body else ""
    return await _made(services, response, *await going_live.restore(services, by.name, number, note))


@routes.get("/calendars", responses=refuses(404))
async def list_calendars(services: Made, by: Viewer, version: Which = "live", since: From = None, until: To = None) -> CalendarsShown:
    """The calendars of a version with the days that are not like their weekday: holidays, worked days, days with hours of their own.

    Each day says why it is so (`holiday` and `moved`: as the country has it, by the library that was asked when the version was
    published; `date` and `yearly`: by the calendar itself). A year from today on, if not told otherwise.
    """
    first = _date("from", since, services.clock.now().astimezone(services.zone).date())
    last = _date("to", until, first + timedelta(days=MOST_DAYS // 3))
    if not 0 <= (last - first).days < MOST_DAYS:
        raise invalid("query", "to", f"Expected a date from the first one on, within {MOST_DAYS} days.", code="date")
    named = _named("version", version, by)

    def chosen(conn: Connection) -> tuple[int | str, Document, Almanac]:
        number, document = named(conn)
        return number, document, INSTALLED if isinstance(number, str) else almanacs.of(conn, "rulebook", number)

    number, document, almanac = await services.database.read(chosen)
    await aside(documents.refuse_faulty, services.apart, document)
    found: CalendarDays = await aside(calendar_days, read(document, almanac), first, last)
    return {"version": number, **found}


def _date(name: str, text: str | None, otherwise: date) -> date:
    if text is None:
        return otherwise
    try:
        return read_date(text)
    except ValueError as refused:
        raise invalid("query", name, str(refused), code="date") from None


# Looking before publishing


async def check_large(services: Services, body: bytes, cap: int) -> Response | None:
    """`check_rulebook` of a large body, which is read where it is checked; None for one that is to be read here."""
    sheet: Sheet | None = await aside(
        documents.examined_body, services.apart, body, cap, services.zone, await services.ask(rostering.document)
    )
    if sheet is None:
        return None
    named = await services.names.strangers(sheet.named)
    parts = [
        part
        for severity in SEVERITIES
        for part in (sheet.own[severity], joined(one for one in named if one.severity == severity), sheet.beside[severity])
        if part
    ]
    passes = b"false" if sheet.own["error"] or sheet.beside["error"] else b"true"
    return Response(b'{"ok":' + passes + b',"findings":[' + b",".join(parts) + b"]}", media_type="application/json")


@routes.post("/check")
@asked_for(large=check_large)
async def check_rulebook(services: Made, by: Ops, body: Document) -> CheckResult:
    """What is wrong with a document (the body itself, or `{"document": …}`); with `{}`, with the draft.

    With `{"triggers": …}` besides, what `GET /api/v2/triggers` of Zendesk answers: whether its triggers and the rules fight over tags.
    """
    triggers = None if "schema" in body else body.get("triggers")
    document = await _meant(services, {name: part for name, part in body.items() if name != "triggers"} if triggers is not None else body)
    try:
        found = await going_live.examined(services, document, triggers)
    except ValueError as refused:
        if triggers is None:
            raise
        raise invalid("body", "#/triggers", str(refused).capitalize() + ".", code="zendesk_rules") from None
    named = await services.names.strangers(found.named)
    return documents.checked(documents.ordered((*found.own, *named, *found.beside)))


@routes.post("/test")
@asked_for()
async def run_tests(services: Made, by: Ops, body: Document | None = None) -> TestResult:
    """Run a document's own tests (`{}` or nothing: the draft's), and say what of it they have seen."""
    document = await _meant(services, body or {})
    await aside(documents.refuse_faulty, services.apart, document)
    tested: TestResult = await aside(services.apart, trial.tested, document, services.zone)
    return tested


@routes.post("/test/generate")
@asked_for()
async def generate_tests(services: Made, by: Ops, body: Document | None = None) -> GeneratedTests:
    """Tests that a document (`{}` or nothing: the draft) lacks: each condition deciding about its rule, true and false. Changes nothing.

    What is expected is what the rules do now: read it before you keep it.
    """
    document = await _meant(services, body or {})
    await aside(documents.refuse_faulty, services.apart, document)
    made: GeneratedTests = await aside(services.apart, trial.missing_tests, document, services.zone, GENERATED)
    return made


@routes.post("/try", responses=refuses(404, 409))
@asked_for()
async def try_rulebook(services: Made, by: Ops, body: Trial, near: Nearby) -> Tried:
    """Judge facts as if they had just been heard, or a stored event or decision again: by live, another version, the draft, or a document.

    Nothing is kept.
    """
    if body.document is not None and body.version is not None:
        raise invalid("body", "#/version", "Expected a document or a version, not both.")
    if body.event_id is not None and body.decision_id is not None:
        raise invalid("body", "#/decision_id", "Expected an event or a decision, not both.")
    stored = body.event_id is not None or body.decision_id is not None
    if body.given is None and not stored:
        raise invalid("body", "#/given", "Expected facts, or event_id or decision_id of what is on record.", code="missing")
    trial_id, given = services.ids.new("dec"), body.given or {}
    if body.at is not None and body.at.year not in YEARS:
        raise invalid("body", "#/at", f"Expected a time in the years {YEARS[0]} to {YEARS[-1]}.", code="time")
    roster = None if body.roster is None else await aside(rostering.sound, body.roster)

    def chosen(conn: Connection) -> tuple[int, Document, trial.Asked, Almanac]:
        if stored:
            asked = trial.instead(trial.recorded(conn, body.event_id, body.decision_id), given, body.at, roster)
        else:
            asked = trial.made_up(given, body.at or services.clock.now(), trial_id, roster)
        if body.document is not None or body.version == "draft":
            return 0, store.draft(conn).document if body.document is None else body.document, asked, INSTALLED
        version = publishing.version(conn, None if body.version is None else int(body.version))
        return version.version, version.document, asked, almanacs.get(conn, version.almanac)

    version, document, asked, almanac = await services.database.read(chosen)
    await aside(documents.refuse_faulty, services.apart, document)
    tried: Tried = await aside(services.apart, trial.tried, document, version or None, services.zone, asked, trial_id, near, almanac)
    if tried.case_id is not None:
        await services.looked(by, tried.case_id, "trial")
    return tried


@routes.post("/publish", status_code=201, responses=refuses(412, 428))
async def publish_draft(services: Made, by: Ops, body: Publication, response: Response, if_match: IfMatch = None) -> VersionMade:
    """Make the draft live. Refused with its findings or failed tests; `If-Match` names the draft that was looked at. `findings` of the
    answer say what it names that Zendesk does not have.

    One that is based on another version than the live one is refused with the difference (412 `stale_base`).
    """
    need_match(if_match)

    def seen(held: Draft) -> None:
        need_match(if_match, draft_tag(held))

    return await _made(services, response, *await going_live.publish_draft(services, by.name, body.note, seen))


def _named(parameter: str, text: str, by: Caller) -> Callable[[Connection], tuple[int | str, Document]]:
    """Where the rulebook of a comparison is read: its name in the answer, and its document. The draft is nobody's below ops."""
    if text == "draft":
        if not by.may("ops"):
            raise Problem(403, "Comparing with the draft needs the role ops or higher.")
        return lambda conn: ("draft", store.draft(conn).document)
    number = None if text == "live" else version_number("query", parameter, text)

    def published(conn: Connection) -> tuple[int, Document]:
        found = publishing.version(conn, number)
        return found.version, found.document

    return published


async def _made(services: Services, response: Response, number: int, book: Rulebook) -> VersionMade:
    """What became live. Nobody waits for Zendesk who publishes: it is asked for the names once the version is live."""
    response.headers["Location"] = f"/v1/rulebook/versions/{number}"
    return VersionMade(number, book.hash, await services.names.findings(book.document))


async def _meant(services: Services, body: Document) -> Document:
    """The document that a check or test is about: the draft for an empty body."""
    if not body:
        return (await services.ask(store.draft)).document  # type: ignore[no-any-return]
    if set(body) == {"document"}:
        if not isinstance(body["document"], dict):
            raise invalid("body", "#/document", "Expected an object.", code="dict_type")
        return body["document"]
    return body
