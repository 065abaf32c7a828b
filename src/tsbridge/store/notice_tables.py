"""Tables of who is told what: notices that judging asks for, the messages that carry them, who got them with what answer."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint, false

from tsbridge.store.columns import Instant, Json, PrivateJson, metadata

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),  # ntc_<hash of what asked for it first>
    Column("asking", Text, nullable=False),  # what asks for it now (core.notices)
    Column("case_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("asked_by", Text, nullable=False),  # rule:<key> | policy:<name>/<step>
    Column("target", Text, nullable=False),
    Column("version", Integer, nullable=False),  # the rulebook's
    Column("at", Instant, nullable=False),  # the time of the moment that asked
    Column("asked_at", Instant, nullable=False),  # when it was judged
    Column("severity", Integer),
    Column("category", Text),
    Column("queue", Text),
    Column("late", Boolean, nullable=False),
    Column("in_hand", Boolean, nullable=False),  # somebody had the case when it was asked
    Column("ahead", Boolean, nullable=False, server_default=false()),  # told before its step came, nobody else being reached
    Column("due_at", Instant),  # when there is something to do for it; null: nothing
    Column("answer", Text),  # notice_answers.id: whom it meant when they were told, and why; null: not told yet
    Column("over_at", Instant),
    Column("over_because", Text),  # acknowledged | stopped | resolved | revised
    Column("acknowledged_by", Text),  # <kind>:<id> of the actor
    UniqueConstraint("asking"),
)
_DUE = notices.c.due_at.is_not(None)
Index("notices_due", notices.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
_STANDING = notices.c.over_at.is_(None)
Index("notices_open", notices.c.case_id, sqlite_where=_STANDING, postgresql_where=_STANDING)
Index("notices_by_interaction", notices.c.source, notices.c.interaction)

notice_answers = Table(
    "notice_answers",  # whom a target meant at an instant, with the reasons as then known: later edits of the roster change none
    metadata,
    Column("id", Text, primary_key=True),  # hash of the body
    Column("body", Json, nullable=False),
)

duty_notices = Table(
    "duty_notices",  # that somebody is to be told that their coming duty is another than it was
    metadata,
    Column("id", Text, primary_key=True),  # dty_<hash of what was known when, and the agent>
    Column("agent", Text, nullable=False),
    Column("at", Instant, nullable=False),  # when it was found
    Column("because", Json, nullable=False),  # what changed: ["version 3", "override ovr_…", "feed …", "rulebook 7"]
    Column("body", Json, nullable=False),  # core.duty_changes.News
    Column("first_at", Instant, nullable=False),  # when the first of it begins
    Column("last_at", Instant, nullable=False),  # when all of it is over
    Column("due_at", Instant),  # when there is something to do for it; null: nothing
    Column("over_at", Instant),
    Column("over_because", Text),  # told | changed_again | taken_back | past
)
_NEWS_DUE = duty_notices.c.due_at.is_not(None)
Index("duty_notices_due", duty_notices.c.due_at, sqlite_where=_NEWS_DUE, postgresql_where=_NEWS_DUE)
_NEWS_STANDING = duty_notices.c.over_at.is_(None)
Index("duty_notices_open", duty_notices.c.agent, sqlite_where=_NEWS_STANDING, postgresql_where=_NEWS_STANDING)

messages = Table(
    "messages",  # what goes to one person by one way at once; its id is Message-ID and webhook-id
    metadata,
    Column("id", Text, primary_key=True),  # ntf_…
    Column("agent", Text, nullable=False),  # empty: nobody's, a way alone
    Column("way", Text, nullable=False),
    Column("hush", Boolean, nullable=False),  # waits for the end of quiet hours
    Column("about", Text, nullable=False, server_default="cases"),  # cases | duty
    Column("status", Text, nullable=False),  # waiting | sending | sent | failed | superseded
    Column("severity", Integer, nullable=False),  # of the worst in it; 9: none, or no step
    Column("made_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("why", Json, nullable=False),  # what it waited for: [[at, step, until], …]
    Column("attempts", PrivateJson("messages.attempts"), nullable=False),  # [[at, answer], …]
    Column("sealed", Boolean, nullable=False),  # it may have arrived: nothing is added to it any more
    Column("tries", Integer, nullable=False),  # attempts that failed, since it was last asked for
    Column("left_at", Instant),  # when it last went on its way
    Column("sent_at", Instant),
    Column("claimed_by", Text),
    Column("lease_until", Instant),
    CheckConstraint("status IN ('waiting','sending','sent','failed','superseded')", name="messages_status"),
)
_TO_SEND = messages.c.status.in_(("waiting", "sending"))
Index("messages_to_send", messages.c.due_at, sqlite_where=_TO_SEND, postgresql_where=_TO_SEND)
Index("messages_by_person", messages.c.agent, messages.c.way, messages.c.left_at)
Index("messages_by_sent", messages.c.sent_at)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Text, primary_key=True),  # nfy_…
    Column("notice", Text, nullable=False),
    Column("case_id", Text, nullable=False),  # empty: of none
    Column("kind", Text, nullable=False),  # step: asked to act | acknowledged: told who has it by now | duty: of a notice of duty_notices
    Column("agent", Text),
    Column("way", Text),
    Column("message", Text),
    Column("status", Text, nullable=False),  # waiting | sent | failed | superseded
    Column("reason", Text),
    Column("made_at", Instant, nullable=False),
    Column("sent_at", Instant),
    Column("acknowledged_at", Instant),
    Column("failed", Boolean, nullable=False),  # an attempt did, so that the next way, or person, is begun; it may still be tried again
    Column("answer", Text),  # notice_answers.id: whom the notice meant when this was begun
    CheckConstraint("status IN ('waiting','sent','failed','superseded')", name="notifications_status"),
)
Index("notifications_by_made", notifications.c.made_at, notifications.c.id)
Index("notifications_by_case", notifications.c.case_id, notifications.c.made_at)
Index("notifications_by_agent", notifications.c.agent, notifications.c.id)
Index("notifications_by_notice", notifications.c.notice)
Index("notifications_by_message", notifications.c.message)
