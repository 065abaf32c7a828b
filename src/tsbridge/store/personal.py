"""Where personal data stands: which columns hold whose, what for and for how long. docs/personal-data.md shows it to people.

Every column of text, JSON or bytes is in one of `PLACES` or in `NONE`; a test names the one that is in neither. Numbers, times and yes or
no say nothing of a person without the ids beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Column, LargeBinary, MetaData, Text, TypeDecorator

Whose = Literal["customer", "staff"]
"""`customer`: those who write and call, and whom they write about; `staff`: those who work with the bridge."""


@dataclass(frozen=True, slots=True)
class Place:
    """Columns that hold the same for the same reason. `kept`: the class of docs/retention.md. `erased`: what becomes of it when the person
    is forgotten; what is about staff stays."""

    columns: tuple[str, ...]
    whose: Whose
    what: str
    why: str
    kept: str
    erased: str


def _customer(columns: str, what: str, why: str, kept: str, erased: str) -> Place:
    return Place(tuple(columns.split()), "customer", what, why, kept, erased)


def _staff(columns: str, what: str, why: str, kept: str, erased: str = "stays") -> Place:
    return Place(tuple(columns.split()), "staff", what, why, kept, erased)


PLACES: Final = (
    _customer(
        "inbox.body recordings_wanted.body",
        "the vendors' deliveries as they came: words, names, addresses, numbers",
        "kept first, read later; to be read again",
        "bodies",
        "emptied, wherever they name the person; the message that is looked for is dropped",
    ),
    _customer(
        "moments.body",
        "what was said, by whom, whom it is about: words, names, addresses, numbers, custom fields, notes at the desk",
        "the story that cases are judged from",
        "texts",
        "about the person: no words, nothing but ids and values of the ticket; about others: without the person's words, name, addresses,"
        " numbers",
    ),
    _customer("texts.body", "the words of a long story, put together", "judging goes on from there", "texts", "deleted"),
    _customer(
        "handles.value handles.whose acquaintances.value acquaintances.other_value interactions.requester",
        "addresses, numbers and ids that people are known by",
        "what belongs together is one case; how often somebody was in touch",
        "stories",
        "other names in their place, made by a keyed hash",
    ),
    _customer("merged_users.id merged_users.remains", "ids of Zendesk users", "who is one person", "stories", "stays: ids"),
    _customer(
        "users_deleted.user",
        "ids of users whom Zendesk deleted",
        "to forget those whom it deletes for good",
        "at work",
        "dropped",
    ),
    _customer(
        "cases.state checkpoints.state",
        "what was last heard of each ticket and call: name, address, number, custom fields; notes of rules and of the desk",
        "judging goes on from there",
        "texts",
        "emptied of it; checkpoints deleted",
    ),
    _customer(
        "decisions.seen",
        "the facts that a decision saw: name, address, number, custom fields",
        "it can be judged again",
        "decisions",
        "deleted, with the salt of its commitment",
    ),
    _customer(
        "decisions.held",
        "what is kept of a decision that saw words which are gone: no words",
        "it stands as it was",
        "texts",
        "stays, notes barred",
    ),
    _customer(
        "desired.wish desired.plan intents.plan", "notes that quote what was said", "what is written to tickets", "texts", "notes barred"
    ),
    _customer(
        "drift.wanted drift.actual", "values of fields of tickets", "what differs from what was wished", "writes", "custom fields deleted"
    ),
    _customer(
        "changes.before changes.after",
        "what people typed into notes and reasons",
        "who changed what",
        "decisions",
        "barred, with the salt of its commitment; what is left is proven by the erasure's own change",
    ),
    _customer("moments.withdrawn_because", "why a moment was withdrawn, as typed", "who took what out, and why", "stories", "barred"),
    _customer(
        "pattern_findings.about",
        "keyed digests of addresses, numbers and ids",
        "people who claim again and again",
        "patterns",
        "findings about the person deleted",
    ),
    _customer(
        "erasures.person",
        "what somebody who is being forgotten is looked for by",
        "to find what names them",
        "forgotten",
        "deleted when the search is over",
    ),
    _customer(
        "erased_people.mark erased_interactions.words",
        "keyed hashes of handles and of words, under a key outside the database",
        "what comes late brings nobody back",
        "forgotten",
        "this is what stays",
    ),
    _staff(
        "rosters.document overrides.agent overrides.instead_of overrides.why",
        "names, addresses, numbers and duties of agents, and why they change",
        "who is there and how they are reached",
        "documents",
    ),
    _staff("feed_reads.spans", "who is on duty when, by the keys of the roster", "what a feed said", "documents"),
    _staff(
        "rulebooks.document rulebooks.note rosters.note draft.document replays.document",
        "what ops typed: names of agents, and whomever a rule names",
        "what decisions are made by",
        "documents",
        "stays; the certificate says which versions name the person",
    ),
    _staff(
        "rulebooks.published_by rosters.published_by draft.updated_by overrides.made_by overrides.removed_by feed_links.made_by"
        " replays.created_by link_edits.by moments.withdrawn_by drift.by changes.actor keys.name sessions.name erasures.asked_by",
        "who did it: the name of a key or of a person at the command line",
        "who changed what",
        "decisions",
    ),
    _staff("changes.subject change_subjects.subject", "agents' keys where a change is about one", "who changed what", "decisions"),
    _staff(
        "cases.assignee cases.agent cases.acknowledged_by escalations.taken_by notices.acknowledged_by decisions.agent decisions.outcome"
        " workload.holder workload.agent assignments.agent assignments.zendesk_user_id assignments.instead_of assignments.candidates",
        "who has a case, took it, was given it and instead of whom: ids and keys",
        "who works on what, and why they",
        "escalations",
    ),
    _staff(
        "notices.target notice_answers.body duty_notices.agent duty_notices.body duty_notices.because messages.agent messages.way"
        " notifications.agent notifications.way way_proofs.agent way_proofs.way feed_links.key",
        "who was told what by which way: keys",
        "who is told, and that nobody is told twice",
        "escalations",
    ),
    _staff(
        "kept.value",
        "ids and the address of the bridge's own user; named values of the service",
        "by what we know our own writes",
        "at work",
    ),
)

_NONE: Final = {
    "acquaintances": "kind other_kind",
    "almanacs": "hash data",
    "assignments": "id case_id thread ticket queue category channel moment",
    "cases": "id status category queue assigned_because acknowledged_way tags judged_to",
    "chain": "kind id record previous_hash hash",
    "changes": "id action salt",
    "checkpoints": "case_id place",
    "counted": "what kind label",
    "decision_facets": "facet value bits",
    "decision_rules": "key kind",
    "decision_tags": "tag",
    "decisions": "id moment event_id event case_id source interaction channel mode queue matched salt revises superseded_by",
    "desired": "ticket id case_id status reason claimed_by ours",
    "drift": "id ticket what case_id cause policy",
    "duty_notices": "id over_because",
    "erased_interactions": "source id erasure",
    "erased_people": "erasure",
    "erasures": "id status place counts cases left certificate",
    "escalations": "id case_id policy status source interaction category queue",
    "facts_wanted": "ticket",
    "feed_links": "kind secret",
    "feed_looks": "key failure warnings etag",
    "feed_reads": "key",
    "handles": "kind source interaction role",
    "inbox": "id source dedupe_key headers status reason event_type warnings rang_for covered_by",
    "inbox_claims": "claimed_by",
    "intents": "id ticket outcome",
    "interactions": "source id case_key case_id channel link_rank link_because requester_place thread done_before",
    "kept": "name",
    "keys": "id role digest",
    "link_edits": "kind a_source a_id b_source b_id",
    "link_keys": "secret",
    "messages": "id about status why attempts claimed_by",
    "moments": "digest event_id source interaction event vendor_order",
    "notice_answers": "id",
    "notices": "id asking case_id source interaction asked_by category queue answer over_because",
    "notifications": "id notice case_id kind message status reason answer",
    "overrides": "id kind rotation queue",
    "pattern_counts": "series hours",
    "pattern_findings": "id kind figures cases",
    "pattern_sightings": "series what",
    "received": "source",
    "recordings_wanted": "call dedupe_key",
    "replay_moves": "replay_id case_id ticket decision_id before after",
    "replays": "id status hash cursor summary reason claimed_by rejudge",
    "report_answers": "question body",
    "rosters": "hash almanac",
    "rulebooks": "hash almanac",
    "sessions": "hash key_id mark role",
    "shadow_decisions": "case_id ticket decision_id before after",
    "shared_ids": "kind value",
    "texts": "source interaction place digest",
    "unsealed": "kind id record mac",
    "watch_findings": "kind about case_id",
    "workers": "name",
    "workload": "case_id thread ticket queue category channel",
}
NONE: Final = tuple(f"{table}.{name}" for table, names in _NONE.items() for name in names.split())
"""Ids of tickets, calls and cases, hashes, states, keys of documents, tags, figures, secrets: by themselves they tell of nobody."""


def worded(metadata: MetaData) -> Iterator[str]:
    """Every column that may hold words: of text, JSON or bytes, as `table.column`."""
    for table in metadata.sorted_tables:
        yield from (f"{table.name}.{column.name}" for column in table.columns if _holds_words(column))


def page(places: Sequence[Place] = PLACES) -> Iterator[str]:
    """The lines of the page's table."""
    yield "| columns | whose | what | why | class | when the person is forgotten |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for place in places:
        columns = ", ".join(f"`{name}`" for name in place.columns)
        yield f"| {columns} | {place.whose} | {place.what} | {place.why} | {place.kept} | {place.erased} |"


def _holds_words(column: Column[object]) -> bool:
    kept = column.type
    return isinstance(kept.impl_instance if isinstance(kept, TypeDecorator) else kept, Text | LargeBinary)
