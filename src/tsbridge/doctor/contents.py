"""What `tsbridge doctor` says of what the database keeps: rules, people, the mode of write-back, sources, the watchdog, deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tsbridge.core import watch
from tsbridge.core.roster import Roster
from tsbridge.core.rules.document import read
from tsbridge.core.rules.findings import RulebookError
from tsbridge.doctor.checks import Line
from tsbridge.roster.document import read as read_roster
from tsbridge.roster.read_parts import RosterError
from tsbridge.store import cover, desired, feeds, rosters, rulebooks, source_hours, stored_values, warnings, writemode
from tsbridge.store import watch as store_watch
from tsbridge.store.db import Database
from tsbridge.store.feeds import Look


def contents(opened: Database, guessed_zone: str | None, setting: str, restricted: Sequence[str] = ()) -> list[Line]:
    """All of it, of a database of our schema; the arguments as of `database.database`."""
    mappings = opened.read_now(lambda conn: stored_values.get(conn, stored_values.mappings("talkdesk"))) or []
    return [
        *rulebook(opened),
        *restricted_words(opened, restricted),
        *mode(opened, setting),
        *roster(opened),
        *sources(opened),
        *watched(opened),
        *odd_deliveries(opened),
        *talkdesk_times(guessed_zone, mappings),
    ]


def mode(opened: Database, setting: str) -> list[Line]:
    """Which mode of write-back counts, and why."""
    found, planned = opened.read_now(lambda conn: (writemode.in_force(conn, setting), desired.planned(conn)))
    backlog = f" Planned for {planned} tickets and not sent." if planned else ""
    words = f"Write-back is {found.effective}: {found.because}.{backlog}"
    if found.effective == writemode.LIVE:
        return [Line("write-back", "ok", words)]
    return [Line("write-back", "warn", words, "When you are ready, set TSBRIDGE_WRITEBACK=live and switch /v1/writebacks/mode to live.")]


def sources(opened: Database) -> list[Line]:
    """Who says nothing although it usually would."""
    return [
        Line(
            f"{source} webhooks heard",
            "warn",
            f"Nothing was heard from {source.title()} since {since:%Y-%m-%d %H:%M} UTC, which is unusual at this time of the week.",
            "Look whether its webhooks are still switched on and reach this machine; `tsbridge zendesk setup --plan` shows Zendesk's.",
        )
        for source, since in opened.read_now(source_hours.silent).items()
    ]


WATCHED: Final[Mapping[str, tuple[str, str]]] = {
    watch.DUE_UNJUDGED: ("cases were not judged although their time came", "Look whether a worker runs: `/readyz`, the log of `clock`."),
    watch.DUE_LOST: (
        "cases are not woken when something of theirs comes due",
        "A note at the desk keeps it anew; report it.",
    ),
    watch.STEP_LATE: ("steps of escalations should have fired and did not", "Look at these cases now; then at the log of `clock`."),
    watch.STEP_LOST: (
        "steps of escalations are not kept any more",
        "A note at the desk keeps them anew; report it.",
    ),
    watch.NOTICE_LOST: ("people should be told, and nothing is kept of that", "Tell them yourself; report it."),
    watch.NOT_TOLD: ("people are not told in time", "Tell them yourself; look whether a worker runs, and at the log of `notify`."),
    watch.NOT_GIVEN: ("pieces of work wait although somebody could have them", "Look at the log of `assign`."),
    watch.UNREADABLE: ("cases cannot be judged", "Look at the log: `a case could not be watched` says where; report it."),
}


def watched(opened: Database) -> list[Line]:
    """What the watchdog finds late or missing."""
    found = opened.read_now(store_watch.watched)
    if not found.counts:
        at = found.walked_at
        words = (
            "has not been through all open cases yet"
            if at is None
            else f"found nothing when it last went over all of them ({at:%Y-%m-%d %H:%M} UTC)"
        )
        return [Line("watchdog", "ok", f"It {words}.")]
    return [
        Line(
            f"watchdog: {kind}",
            "bad",
            f"{count} {WATCHED[kind][0]}, the first since {found.oldest[kind]:%Y-%m-%d %H:%M} UTC.",
            WATCHED[kind][1],
        )
        for kind, count in found.counts.items()
    ]


WARNINGS: Final[Mapping[str, tuple[str, str]]] = {
    "placeholder": ("placeholders that nobody had filled in were left out", "Correct them in the template at the vendor."),
    "channel": ("channels came that we have no word for, so rules see none", "Write rules for them with `channel` `not_present`."),
    "time_ahead": (
        "times lay more than five minutes ahead, so the time of receipt counted",
        "Look at this machine's clock, and at the zone of what the vendor's template sends.",
    ),
    "time_too_old": ("times lay before any account began, so the time of receipt counted", "Look at what the vendor's template sends."),
    "history_cut": (
        "tickets had more than a thousand updates when they were first heard of: the oldest are not in their stories",
        "Nothing; what rules need of such a ticket they find in its newer updates.",
    ),
    "text_cut": (
        "cases had more than 64 KiB of text when they were judged: rules saw the newest part of it",
        "Look at the decisions whose outcome has `cut`; close a very long ticket and go on in a follow-up.",
    ),
    "time_unreadable": ("times could not be read, so the time of receipt counted", "Have the vendor's template send ISO 8601."),
}


def odd_deliveries(opened: Database) -> list[Line]:
    """What deliveries held that could not be taken as it was said: each kind once, with what names it."""
    lines = []
    for kind, found in opened.read_now(warnings.noted).items():
        if kind in WARNINGS:  # of times without a zone another line tells
            words, advice = WARNINGS[kind]
            named = f" ({', '.join(found.details)})" if found.details else ""
            often = "once" if found.count == 1 else f"{found.count} times"
            lines.append(Line(f"deliveries: {kind}", "warn", f"{often}, last on {found.last:%Y-%m-%d}: {words}{named}.", advice))
    return lines


def talkdesk_times(guessed_zone: str | None, mappings: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Whether anybody said in which zone Talkdesk's times are; a mapping says it for the bodies it reads."""
    if guessed_zone is None or (mappings and all(mapping.get("timezone") for mapping in mappings)):
        return []
    words = f"Talkdesk's times that name no zone are read in the team's, {guessed_zone}: a guess."
    return [Line("talkdesk times", "warn", words, "Set TSBRIDGE_TALKDESK_TIMEZONE to the zone of your Talkdesk account.")]


def rulebook(opened: Database) -> list[Line]:
    try:
        live = opened.read_now(rulebooks.live)
    except rulebooks.NoRulebook:
        return [Line("rulebook", "warn", "No rulebook has been published yet.", "`tsbridge serve` publishes the starter rulebook.")]
    try:
        book = read(live.document)
    except RulebookError as refused:
        words = f"Version {live.version} has {len(refused.findings)} faults for this tsbridge."
        return [Line("rulebook", "bad", words, "Run `tsbridge rules export`, `tsbridge rules check`, then publish a repaired one.")]
    ungrouped = [name for name, queue in book.queues.items() if queue.zendesk_group_id is None]
    lines = [
        Line("rulebook", "ok", f"Version {live.version} is live: {len(book.escalation)} escalation and {len(book.routing)} routing rules.")
    ]
    if ungrouped:
        words = f"Queues without a Zendesk group: {', '.join(sorted(ungrouped))}. Cases routed there change no ticket's group."
        lines.append(Line("queues", "warn", words, "Give each queue its zendesk_group_id in the rulebook."))
    return lines


def restricted_words(opened: Database, categories: Sequence[str]) -> list[Line]:
    """Whether a rule sets each of the restricted categories: one that is misspelt restricts nothing."""
    try:
        book = read(opened.read_now(rulebooks.live).document)
    except (rulebooks.NoRulebook, RulebookError):
        return []
    told = {str(action.value) for rule in (*book.escalation, *book.routing) for action in rule.then if action.name == "set_category"}
    unknown = sorted({*categories} - told)
    if unknown:
        words = f"No rule of the live rulebook sets the category {', '.join(unknown)}: nothing is restricted by it."
        return [Line("restricted words", "warn", words, "Correct TSBRIDGE_RESTRICTED_CATEGORIES, or the rules.")]
    if not categories:
        return []
    return [Line("restricted words", "ok", f"What was said in cases of {', '.join(categories)} is withheld from viewers.")]


def roster(opened: Database) -> list[Line]:
    """Whether there is a roster that can be read, and what the last look ahead found."""
    live, ahead = opened.read_now(lambda conn: (rosters.live(conn), cover.load(conn)))
    if live is None:
        words = "No roster has been published yet: nobody is on call, and rules that tell somebody reach nobody."
        return [Line("roster", "warn", words, "docs/roster.md takes you to a covered week; `tsbridge roster publish`.")]
    try:
        known = read_roster(live.document)
    except RosterError as refused:
        words = f"Version {live.version} of the roster has {len(refused.findings)} faults for this tsbridge: it counts as none."
        return [Line("roster", "bad", words, "Run `tsbridge roster show`, `tsbridge roster check`, then publish a repaired one.")]
    lines = [Line("roster", "ok", f"Version {live.version} is live.")]
    if ahead is not None and ahead.count:
        first = ahead.holes[0]
        words = f"Nobody is on call at {ahead.count} times of the next 14 days, first for {first['queue']} from {first['from']}."
        lines.append(Line("cover", "warn", words, "`tsbridge roster coverage --days 14` shows each hole and who could be."))
    return lines + _feeds(known, opened.read_now(feeds.looks))


def _feeds(known: Roster, looks: Mapping[str, Look]) -> list[Line]:
    """The feeds of the roster that cannot be read."""
    lines = []
    for feed in known.feeds:
        look = looks.get(feed.key)
        if look is not None and look.failing_since is not None:
            counts = "nothing of it counts" if look.read_at is None else f"what it said on {look.read_at:%Y-%m-%d %H:%M} UTC counts"
            words = f"Cannot be read since {look.failing_since:%Y-%m-%d %H:%M} UTC: {look.failure}; {counts}."
            lines.append(Line(f"feed: {feed.key}", "warn", words, "Put its address right, or what stands in that line; `GET /v1/feeds`."))
    return lines
