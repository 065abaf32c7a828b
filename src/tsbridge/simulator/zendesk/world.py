"""The simulated account: tickets, people, rules and what happened to them. Pure memory; time and randomness come in.

Every change goes through `change`: permission of the ticket's state, safe update, triggers, audit, and the events that
subscriptions hear.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

from tsbridge.simulator.zendesk import rules, shapes
from tsbridge.simulator.zendesk.answers import closed, conflict, invalid, not_found
from tsbridge.simulator.zendesk.display import Display
from tsbridge.simulator.zendesk.mirrors import LABELS, settle, standard_statuses
from tsbridge.simulator.zendesk.placeholders import filled
from tsbridge.simulator.zendesk.props import check_complete, clean_tags, comment_in, followed, is_true, person, take
from tsbridge.simulator.zendesk.records import Store
from tsbridge.simulator.zendesk.told import differences, events_of, linked, without

ACCOUNT: Final = 21458100
BRIDGE_USER: Final = 99000000001
ADMIN: Final = 41000000007
MOST_COMMENTS: Final = 5_000
NOWHERE: Final[Mapping[str, Any]] = {"from": {}, "to": {}, "rel": None}
UNFINISHED: Final = {"status": "working", "progress": 0, "message": None, "results": None}

Place = tuple[float, int]
"""Where a ticket stands in the incremental export: when it was changed last, and the number of that change."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event that subscriptions may hear: its kind, the ticket (or user) as it is then, what changed, who did it."""

    kind: str
    ticket: Mapping[str, Any]
    event: Mapping[str, Any]
    actor_id: int
    at: datetime
    sequence: str
    position: int
    about: str = "ticket"


class World:
    """The account's memory and its laws. `happened` and `asked` are what the deliveries send."""

    def __init__(self, now: Callable[[], datetime], rng: random.Random, url: str = "http://127.0.0.1:9010") -> None:
        self.now = now
        self.url = url
        self.random = rng
        self.store = Store(statuses=standard_statuses())
        self.display = Display()
        self.happened: list[Happened] = []
        self.asked: list[tuple[str, str]] = []  # (webhook id, rendered body) of triggers
        self.exported: dict[int, Place] = {}
        self._revision = 0
        self._next = 5_000
        self.job_looks = 0
        self.marks_exports = True  # rows of the ticket-event export carry the updates' metadata
        self._looks_left: dict[str, int] = {}
        self._next_ticket = 0
        self.bridge = self.add_user("tsbridge", "tsbridge@example.com", role="admin", id_=BRIDGE_USER)
        self.admin = self.add_user("Ada Admin", "admin@example.com", role="admin", id_=ADMIN)
        for id_, name in (
            (61000000001, "Intake"),
            (61000000010, "Safety"),
            (61000000011, "Claims"),
            (61000000012, "Account"),
            (61000000013, "Press"),
        ):
            self.store.groups[id_] = self._dated(
                {"id": id_, "name": name, "url": f"{url}/api/v2/groups/{id_}.json", "deleted": False, "default": id_ == 61000000001}
            )
        for id_, title, kind in ((360001234, "Support tier", "tagger"), (360001235, "Booking", "text")):
            self.store.fields[id_] = self._dated(
                {"id": id_, "title": title, "type": kind, "active": True, "tag": None, "url": f"{url}/api/v2/ticket_fields/{id_}.json"}
            )

        self.store.brands[360000111] = self._dated(
            {
                "id": 360000111,
                "name": "Example",
                "subdomain": "example",
                "active": True,
                "default": True,
                "url": f"{url}/api/v2/brands/360000111.json",
            }
        )
        self.store.forms[71000000020] = self._dated(
            {"id": 71000000020, "name": "Default", "active": True, "default": True, "ticket_field_ids": sorted(self.store.fields)}
        )
        weekdays = [{"start_time": 1440 * day + 540, "end_time": 1440 * day + 1020} for day in range(1, 6)]
        self.add_schedule("Office", "Pacific Time (US & Canada)", weekdays, id_=1)

    def add_schedule(self, name: str, zone: str, intervals: list[dict[str, int]], id_: int | None = None) -> dict[str, Any]:
        id_ = id_ or self.new_id()
        self.store.schedules[id_] = self._dated({"id": id_, "name": name, "time_zone": zone, "intervals": intervals})
        return self.store.schedules[id_]

    # -- people ------------------------------------------------------------------------------------------------------

    def add_user(
        self, name: str, email: str | None = None, *, role: str = "end-user", phone: str | None = None, id_: int | None = None, **more: Any
    ) -> dict[str, Any]:
        id_ = id_ or self.new_id()
        user = self._dated({**shapes.user(id_, self.url, name, email, role, phone), **more})
        self.store.users[id_] = user
        for kind, value in (("email", user["email"]), ("phone_number", user["phone"])):
            if value:
                self.add_identity(id_, kind, value)
        return user

    def add_identity(self, user_id: int, kind: str, value: str) -> dict[str, Any]:
        id_ = self.new_id()
        made = self._dated(shapes.identity(id_, self.url, user_id, kind, value))
        self.store.identities[id_] = made
        return made

    def user(self, id_: int) -> dict[str, Any]:
        found = self.store.users.get(id_)
        if found is None:
            raise not_found()
        return found

    def user_by_email(self, email: str) -> dict[str, Any] | None:
        return next((u for u in self.store.users.values() if u["email"] == email.lower()), None)

    # -- tickets -----------------------------------------------------------------------------------------------------

    def ticket(self, id_: int) -> dict[str, Any]:
        found = self.store.tickets.get(id_)
        if found is None:
            raise not_found()
        return found

    def create(self, props: Mapping[str, Any], actor: Mapping[str, Any], via: str = "api", *, imported: bool = False) -> dict[str, Any]:
        """A new ticket; triggers run (not on an imported one), subscriptions hear it."""
        source = followed(props, self.store)
        comment = comment_in(props) or {}
        body = props.get("description") or comment.get("body")
        if not body:
            raise invalid("base", "Description: cannot be blank", "BlankValue")
        requester = self._requester(props, actor)
        submitter = person(props["submitter_id"], "submitter", self.store) if props.get("submitter_id") else requester
        # whoever submits a ticket has said its first comment, unless that names another author
        author = person(comment["author_id"], "author", self.store) if comment.get("author_id") else submitter
        self._next_ticket = (
            max(self._next_ticket + 1, max(self.store.tickets, default=0) + 1) if not self._next_ticket else self._next_ticket + 1
        )
        id_ = int(props["id"]) if str(props.get("id", "")).isdigit() and int(props["id"]) not in self.store.tickets else self._next_ticket
        self._next_ticket = max(self._next_ticket, id_)
        public = is_true(comment.get("public", True))
        channel = (props.get("via") or {}).get("channel") if isinstance(props.get("via"), Mapping) else None
        ticket = shapes.ticket(
            id_,
            self.url,
            self._stamp(),
            self.store,
            subject=props.get("subject") or str(body)[:60],
            description=str(body),
            channel=channel or via,
            requester=requester,
            submitter_id=submitter["id"],
            public=public,
        )
        take(ticket, props, self.store, copy.deepcopy(ticket))
        if source is not None:
            ticket["via"]["source"] = {"from": {"ticket_id": source["id"], "subject": source["subject"]}, "to": {}, "rel": "follow_up"}
            source["followup_ids"] = [*source.get("followup_ids", ()), id_]
        self.store.tickets[id_] = ticket
        self.store.comments[id_], self.store.audits[id_] = [], []
        added = self._comment(ticket, {**comment, "body": body, "public": public}, author, ticket["via"])
        occasion = rules.Occasion(None, ticket, added, actor, via, self._settle)
        if not imported:
            rules.run(self._triggers(), occasion)
        self._finish(ticket, occasion, added, actor, via, props.get("metadata"), created=True)
        return ticket

    def change(
        self,
        id_: int,
        props: Mapping[str, Any],
        actor: Mapping[str, Any],
        via: str = "api",
        source: Mapping[str, Any] | None = None,
        rating: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Update a ticket; answers it and the audit (None when nothing changed).

        `source`: what the audit's `via` says it came from; `rating`: the requester's, which no other update can set.
        """
        ticket = self.ticket(id_)
        self._guard(ticket, props)
        before = copy.deepcopy(ticket)
        comment = comment_in(props)
        author = person(comment["author_id"], "author", self.store) if comment and comment.get("author_id") else actor
        try:
            take(ticket, props, self.store, before)
            check_complete(before, ticket, self.store)
        except Exception:
            ticket.update(before)
            raise
        if rating is not None:
            ticket["satisfaction_rating"] = rating
        added = None if comment is None else self._comment(ticket, comment, author, {"channel": via, "source": {}})
        if added is not None and actor["role"] == "end-user" and ticket["status"] in ("pending", "hold", "solved"):
            ticket["status"] = "open"
            self._settle(before, ticket)
        occasion = rules.Occasion(before, ticket, added, actor, via, self._settle)
        rules.run(self._triggers(), occasion)
        audit = self._finish(ticket, occasion, added, actor, via, props.get("metadata"), before=before, source=source)
        return ticket, audit

    def set_tags(self, id_: int, tags: Sequence[str], how: str, props: Mapping[str, Any], actor: Mapping[str, Any]) -> list[str]:
        """The tags endpoints: set (POST), add (PUT), remove (DELETE)."""
        ticket = self.ticket(id_)
        given, now = set(clean_tags(tags)), set(ticket["tags"])
        wanted = given if how == "set" else now | given if how == "add" else now - given
        safe = {k: props[k] for k in ("safe_update", "updated_stamp") if k in props}
        changed, _ = self.change(id_, {"tags": sorted(wanted), **safe}, actor)
        return list(changed["tags"])

    def delete(self, id_: int, actor: Mapping[str, Any]) -> None:
        ticket = self.ticket(id_)
        del self.store.tickets[id_]
        ticket["status"] = "deleted"
        ticket["updated_at"] = self._stamp()
        self._touch(ticket)
        self.store.deleted[id_] = {**ticket, "deleted_at": self._stamp()}
        self.tell("soft_deleted", ticket, {}, actor)

    def delete_for_good(self, id_: int, actor: Mapping[str, Any]) -> None:
        """What a deleted ticket said is gone; its row in the export stays, without text. Nothing for any other."""
        gone = self.store.deleted.get(id_)
        if gone is not None and gone.get("deleted_at") is not None:
            gone.update(subject="SCRUBBED", raw_subject="SCRUBBED", description="SCRUBBED", tags=[])
            gone.pop("deleted_at")
            self.store.comments[id_], self.store.audits[id_] = [], []
            self.tell("permanently_deleted", gone, {}, actor)

    def restore(self, id_: int, actor: Mapping[str, Any]) -> None:
        found = self.store.deleted.get(id_)
        if found is None or "deleted_at" not in found:
            raise not_found()
        del self.store.deleted[id_]
        found.pop("deleted_at", None)
        ticket = self.store.tickets[id_] = {**found, "status": "open"}
        self._settle(found, ticket)
        self._touch(ticket)
        self.tell("undeleted", ticket, {}, actor)

    def merge(
        self,
        target_id: int,
        sources: Sequence[int],
        actor: Mapping[str, Any],
        target_comment: str | None,
        source_comment: str | None,
        *,
        target_public: bool = False,
        source_public: bool = False,
    ) -> None:
        """Close the sources into the target. Comments on either side are private unless they are said to be public."""
        self.ticket(target_id)
        first = self.ticket(sources[0])
        origin = {"ticket_id": first["id"], "ticket_ids": list(sources), "subject": first["subject"]}
        for source in sources:
            ticket = self.ticket(source)
            self.change(source, {"comment": {"body": source_comment or f"Merged into #{target_id}", "public": source_public}}, actor, "api")
            before = copy.deepcopy(ticket)
            ticket["status"] = "closed"
            ticket["tags"] = sorted({*ticket["tags"], "closed_by_merge"})
            occasion = rules.Occasion(before, ticket, None, actor, "api")
            self._finish(ticket, occasion, None, actor, "api", None, before=before)
            self.tell("merged", ticket, {"target_ticket_id": str(target_id)}, actor)
        self.change(
            target_id,
            {"comment": {"body": target_comment or f"Merged from {list(sources)}", "public": target_public}},
            actor,
            source={"rel": "merge", "from": origin, "to": {}},
        )

    def redact(self, id_: int, comment: dict[str, Any], text: str, actor: Mapping[str, Any]) -> dict[str, Any]:
        """Take a text out of a comment, of the description it made and of all audits; an audit of its own says that it happened."""
        ticket = self.ticket(id_)
        told = [e for a in self.store.audits[id_] for e in a["events"] if e["type"] == "Comment" and e["id"] == comment["id"]]
        first = self.store.comments[id_][0] is comment
        without(text, [comment, *told])
        if first:
            ticket["description"] = comment["body"]
        event = {"id": self.new_id(), "type": "CommentRedactionEvent", "comment_id": comment["id"]}
        audit = {
            "id": self.new_id(),
            "ticket_id": id_,
            "created_at": self._stamp(),
            "author_id": actor["id"],
            "via": {"channel": "api", "source": dict(NOWHERE)},
            "metadata": {"system": {"client": "simulator"}, "custom": {}},
            "events": [event],
        }
        self.store.audits[id_].append(audit)
        ticket["updated_at"] = self._stamp()
        self._touch(ticket)
        self.tell("comment_redacted", ticket, {"comment": {"id": str(comment["id"])}}, actor)
        return comment

    def upload(self, name: str, kind: str, content: bytes) -> dict[str, Any]:
        """A file that a later comment may take along by its token."""
        token, id_ = "".join(self.random.choice("0123456789abcdef") for _ in range(24)), self.new_id()
        attachment = {
            "id": id_,
            "file_name": name,
            "content_type": kind,
            "content_url": f"{self.url}/attachments/token/{token}/?name={name}",
            "size": len(content),
            "inline": False,
            "url": f"{self.url}/api/v2/attachments/{id_}.json",
        }
        self.store.uploads[token] = attachment
        return {
            "token": token,
            "expires_at": self.text_of(self.now() + timedelta(days=3)),
            "attachment": attachment,
            "attachments": [attachment],
        }

    # -- how a change comes about ------------------------------------------------------------------------------------

    def _requester(self, props: Mapping[str, Any], actor: Mapping[str, Any]) -> dict[str, Any]:
        if props.get("requester_id"):
            return person(props["requester_id"], "requester", self.store)
        given = props.get("requester")
        if isinstance(given, Mapping):
            name, email, phone = (str(given[k]) if given.get(k) else None for k in ("name", "email", "phone"))
            known = self.user_by_email(email) if email else None
            if known is None and phone:
                known = next((u for u in self.store.users.values() if u["phone"] == phone and name in (None, u["name"])), None)
            return known or self.add_user(name or email or "Unknown", email, phone=phone)
        return dict(actor) if not isinstance(actor, dict) else actor

    def _guard(self, ticket: Mapping[str, Any], props: Mapping[str, Any]) -> None:
        if ticket["status"] == "closed":
            raise closed()
        if str(props.get("safe_update", "")).lower() == "true" and str(props.get("updated_stamp")) != ticket["updated_at"]:
            raise conflict()

    def _settle(self, before: Mapping[str, Any], ticket: dict[str, Any]) -> None:
        settle(before, ticket, self.store)

    def _comment(
        self, ticket: dict[str, Any], given: Mapping[str, Any], author: Mapping[str, Any], via: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Add a comment. One that does not say is as public as the ticket's first; a ticket with a public one is public."""
        body = str(given["body"])
        said = self.store.comments[ticket["id"]]
        if len(said) >= MOST_COMMENTS:
            raise invalid("base", f"Comments: the ticket has reached the limit of {MOST_COMMENTS} comments")
        uploads = given.get("uploads") or ()
        tokens = uploads if isinstance(uploads, list) else [uploads] if isinstance(uploads, str) else ()
        files = [f for token in tokens if (f := self.store.uploads.pop(str(token), None)) is not None]
        public = is_true(given["public"]) if given.get("public") is not None else said[0]["public"] if said else True
        ticket["is_public"] = public or ticket["is_public"]
        html = str(given["html_body"]) if given.get("html_body") else f"<p>{escape(body, quote=False)}</p>"
        comment = shapes.comment(self.new_id(), self._stamp(), author["id"], body, html, public=public, files=files, via=via)
        said.append(comment)
        return comment

    def _triggers(self) -> list[dict[str, Any]]:
        return sorted(self.store.triggers.values(), key=lambda t: (t.get("position") or 0, t["id"]))

    def _finish(
        self,
        ticket: dict[str, Any],
        occasion: rules.Occasion,
        comment: dict[str, Any] | None,
        actor: Mapping[str, Any],
        via: str,
        metadata: Any,
        *,
        created: bool = False,
        before: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        events = events_of(before, ticket, occasion, len(self.store.statuses) > len(LABELS))
        changed = created or bool(events) or comment is not None
        if changed:
            ticket["updated_at"] = self._stamp()
        self._touch(ticket)
        for webhook, body in occasion.webhooks:
            self.asked.append((webhook, filled(body, ticket, actor, self.store, self.display)))
        if not changed:
            return None
        audit = {
            "id": self.new_id(),
            "ticket_id": ticket["id"],
            "created_at": self._stamp(),
            "author_id": actor["id"],
            "via": {"channel": via, "source": dict(source or (ticket["via"]["source"] if created else None) or NOWHERE)},
            "metadata": {"system": {"client": "simulator"}, "custom": dict(metadata) if isinstance(metadata, Mapping) else {}},
            "events": events + ([{**comment, "type": "Comment"}] if comment is not None else []),
        }
        if comment is not None:
            comment["audit_id"] = audit["id"]
            comment["metadata"] = audit["metadata"]
            if source is not None:
                comment["via"] = audit["via"]
        self.store.audits[ticket["id"]].append(audit)
        self._tell_all(before, ticket, comment if not created else None, actor, created)
        return audit

    def _tell_all(
        self,
        before: Mapping[str, Any] | None,
        ticket: Mapping[str, Any],
        comment: Mapping[str, Any] | None,
        actor: Mapping[str, Any],
        created: bool,
    ) -> None:
        """One event for each difference, all of one sequence."""
        told: list[tuple[str, dict[str, Any]]] = [("created", {})] if created else []
        if comment is not None:
            author = self.store.users.get(comment["author_id"], actor)
            said = {
                "id": str(comment["id"]),
                "body": comment["body"],
                "html_body": comment["html_body"],
                "is_public": comment["public"],
                "author": {"id": str(comment["author_id"]), "name": author["name"], "is_staff": author["role"] != "end-user"},
            }
            told.append(("comment_added", {"comment": said}))
            told += [("attachment_linked_to_comment", {"comment": linked(comment, file)}) for file in comment["attachments"]]
        if before is not None:
            told += differences(before, ticket)
        sequence = "".join(self.random.choice("0123456789ABCDEF") for _ in range(32))
        snapshot = copy.deepcopy(dict(ticket))
        for position, (kind, event) in enumerate(told, 1):
            self.happened.append(Happened(kind, snapshot, event, int(actor["id"]), self.now(), sequence, position))

    def tell(self, kind: str, ticket: Mapping[str, Any], event: Mapping[str, Any], actor: Mapping[str, Any], about: str = "ticket") -> None:
        sequence = "".join(self.random.choice("0123456789ABCDEF") for _ in range(32))
        self.happened.append(Happened(kind, copy.deepcopy(dict(ticket)), event, int(actor["id"]), self.now(), sequence, 1, about))

    # -- small things ------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        self._next += 1
        return 360_000_000_000 + self._next

    def new_job(self, kind: str, results: list[dict[str, Any]]) -> dict[str, Any]:
        id_ = "".join(self.random.choice("0123456789abcdef") for _ in range(32))
        self.store.jobs[id_] = {
            "id": id_,
            "job_type": kind,
            "url": f"{self.url}/api/v2/job_statuses/{id_}.json",
            "total": len(results),
            "progress": len(results),
            "status": "completed",
            "message": "Completed",
            "results": results,
        }
        self._looks_left[id_] = self.job_looks
        return {"job_status": {**self.store.jobs[id_], **UNFINISHED, "status": "queued"}}

    def job(self, id_: str) -> dict[str, Any]:
        """A job as it is shown now: still at work for the first `job_looks` looks."""
        shown = self.store.jobs[id_]
        if self._looks_left.get(id_, 0) <= 0:
            return shown
        self._looks_left[id_] -= 1
        return {**shown, **UNFINISHED}

    def text_of(self, at: datetime) -> str:
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _stamp(self) -> str:
        return self.text_of(self.now())

    def _dated(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**item, "created_at": self._stamp(), "updated_at": self._stamp()}

    def _touch(self, ticket: dict[str, Any]) -> None:
        self._revision += 1
        at = self.now().timestamp()
        ticket["generated_timestamp"] = int(at)
        self.exported[ticket["id"]] = (at, self._revision)
