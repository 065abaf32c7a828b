"""The stories of a weekend: who writes, who rings, what the agents do, and what must stand on the tickets at the end.

A story is a function of a `Sheet` (where acts and expectations are noted) and a theme. People belong to one story only,
so that the bridge has no honest reason to link two of them; where people share something, the story says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsbridge.simulator import scenario_words as words
from tsbridge.simulator.scenario_sheet import Person, Sheet
from tsbridge.simulator.scenario_words import Theme
from tsbridge.simulator.talkdesk.world import ACCOUNT_ID

SAME_MINUTE = "same-minute"

Story = Callable[[Sheet, Theme], None]


def at_night(at: datetime) -> bool:
    """Whether the office is closed at `at`, whatever day it is."""
    return at.astimezone(ZoneInfo(words.NIGHT_ZONE)).hour in words.NIGHT_HOURS


def _after_voicemail(theme: Theme) -> tuple[str, ...]:
    return words.UNANSWERED_SEVERE if theme.severe else words.VOICEMAIL_TAGS


# -- severe stories: each with a theme ------------------------------------------------------------------------------


def plain(sheet: Sheet, theme: Theme) -> None:
    """One message; nobody takes it in time."""
    story, person, at = sheet.story(f"{theme.name}-plain"), sheet.person(), sheet.moment()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails), sheet.rng.choice(("email", "web", "chat")), tags=("vip",))
    night = (words.NIGHT_SEVERE if theme.severe else words.NIGHT,) if at_night(at) else ()
    sheet.expect(story, ref, (*theme.tags, *theme.unanswered, "vip", *night))


def answered(sheet: Sheet, theme: Theme) -> None:
    """An agent takes the ticket within minutes, so that time-based steps must not stand at the end."""
    story, person, at, agent = sheet.story(f"{theme.name}-answered"), sheet.person(), sheet.moment(), sheet.agent()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails))
    sheet.desk(story, at + sheet.some(2, 6), ref, "assign", agent=agent)
    sheet.desk(story, at + sheet.some(7, 30), ref, "comment", agent=agent, body=sheet.rng.choice(words.REPLIES), public=True)
    sheet.desk(story, at + sheet.some(40, 200), ref, "comment", body=sheet.rng.choice(words.FOLLOW_UPS), public=True)
    sheet.expect(story, ref, theme.tags, theme.unanswered)


def call_then_mail(sheet: Sheet, theme: Theme) -> None:
    """A call whose disposition tells what it was about; the mail half an hour later does not."""
    story, person, at = sheet.story(f"{theme.name}-call-then-mail"), sheet.person(), sheet.moment()
    call_id = sheet.call(story, at, person)
    end = sheet.talk(story, at, call_id, transferred=sheet.rng.random() < 0.3)
    ref = sheet.ticket(story, end + sheet.some(10, 50), person, words.AFTER_CALL)
    sheet.phone(story, end + sheet.some(2, 90), call_id, "disposition", disposition=theme.disposition)
    sheet.phone(story, end + sheet.some(91, 120), call_id, "note", title="Call note", content='Caller said "please hurry".')
    sheet.expect(story, ref, theme.tags)


def voicemail_then_mail(sheet: Sheet, theme: Theme) -> None:
    story, person, at = sheet.story(f"{theme.name}-voicemail-then-mail"), sheet.person(), sheet.moment()
    call_id = sheet.call(story, at, person)
    sheet.voicemail(story, at, call_id, theme.voicemail)
    ref = sheet.ticket(story, at + sheet.some(20, 90), person, ("I left you a voicemail", "Please listen to what I left on your phone."))
    sheet.expect(story, ref, (*theme.tags, *theme.unanswered, *_after_voicemail(theme)))


def mail_then_missed_call(sheet: Sheet, theme: Theme) -> None:
    """Somebody with an open severe case rings and nobody picks up."""
    story, person, at = sheet.story(f"{theme.name}-mail-then-missed-call"), sheet.person(), sheet.moment()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails))
    call_id = sheet.call(story, at + sheet.some(30, 120), person)
    sheet.phone(story, at + sheet.some(121, 122), call_id, "missed")
    missed = words.UNANSWERED_SEVERE if theme.severe else ()
    sheet.expect(story, ref, (*theme.tags, *theme.unanswered, *missed))


def chat_and_mail(sheet: Sheet, theme: Theme) -> None:
    """The same person writes a chat and then a mail: one case by a guess, so the mail carries nothing of the chat's theme."""
    story, person, at = sheet.story(f"{theme.name}-chat-and-mail"), sheet.person(), sheet.moment()
    chat = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails), "chat")
    mail = sheet.ticket(story, at + sheet.some(15, 120), person, words.AFTER_CHAT)
    sheet.expect(story, chat, theme.tags)
    sheet.expect(story, mail, (), theme.tags)


def call_names_ticket(sheet: Sheet, theme: Theme) -> None:
    """Another number than the ticket's person has, but the flow passes the ticket's id on."""
    story, person, other, at = sheet.story(f"{theme.name}-call-names-ticket"), sheet.person(), sheet.person(), sheet.moment()
    ref = sheet.ticket(story, at, person, ("My booking of today", "Please have a look at my booking of today."))
    call_id = sheet.call(story, at + sheet.some(30, 120), other, ticket=ref, known=False)
    sheet.voicemail(story, at + timedelta(hours=2), call_id, theme.voicemail)
    sheet.expect(story, ref, (*theme.tags, *_after_voicemail(theme)))


def ticket_of_a_call(sheet: Sheet, theme: Theme) -> None:
    """Talkdesk's integration opens a ticket for a voicemail; its external id is the call."""
    story, person, at = sheet.story(f"{theme.name}-ticket-of-a-call"), sheet.person(), sheet.moment()
    call_id = sheet.call(story, at, person, known=False)
    sheet.voicemail(story, at, call_id, theme.voicemail)
    caller = Person(person.ref, "Caller", f"caller{person.ref}@voicemail.example.com", "")
    external_id = f"talkdesk:{ACCOUNT_ID}:{call_id}"
    text = ("Voicemail", "A voicemail was left on the incident line.")
    ref = sheet.ticket(story, at + timedelta(minutes=1), caller, text, "api", external_id=external_id)
    sheet.expect(story, ref, (*theme.tags, *_after_voicemail(theme)))


def merged(sheet: Sheet, theme: Theme) -> None:
    """Two tickets by two addresses of one household; an agent merges the severe one into the other."""
    story, person, partner, at = sheet.story(f"{theme.name}-merged"), sheet.person(), sheet.person(), sheet.moment()
    kept = sheet.ticket(story, at, person, ("Our booking this weekend", "Please have a look at our booking of this weekend."))
    gone = sheet.ticket(story, at + sheet.some(5, 40), partner, sheet.rng.choice(theme.mails))
    sheet.desk(story, at + sheet.some(60, 120), gone, "merge", into=kept, agent=sheet.agent())
    sheet.expect(story, kept, theme.tags)


def tag_removed(sheet: Sheet, theme: Theme) -> None:
    """An agent takes one of our tags off; it must stay off, and the others on.

    They add one of their own first: a list that only restates the one before our write would count as somebody's stale list.
    """
    story, person, at, agent = sheet.story(f"{theme.name}-tag-removed"), sheet.person(), sheet.moment(), sheet.agent()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails))
    off = theme.tags[0]
    sheet.desk(story, at + timedelta(hours=1), ref, "tag", after=(ref, off), agent=agent, tags=["checked_by_agent"])
    sheet.desk(story, at + timedelta(hours=2), ref, "untag", agent=agent, tags=[off])
    sheet.expect(story, ref, ("checked_by_agent", *theme.tags[1:]), (off,))


def same_minute(sheet: Sheet, theme: Theme) -> None:
    """An agent who has the ticket in hand does everything in one minute: takes a tag of ours off, answers with a macro full of
    other rules' words, and sets it pending, open and solved."""
    story, person, at, agent = sheet.story(f"{theme.name}-{SAME_MINUTE}"), sheet.person(), sheet.moment(), sheet.agent()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails))
    off = theme.tags[0]
    sheet.desk(story, at + sheet.some(2, 6), ref, "assign", agent=agent)
    at += timedelta(hours=1)
    sheet.desk(story, at, ref, "tag", after=(ref, off), agent=agent, tags=["checked_by_agent"])
    sheet.desk(story, at, ref, "untag", agent=agent, tags=[off])
    sheet.desk(story, at, ref, "comment", agent=agent, body=words.MACRO, public=True)
    for seconds, status in ((10, "pending"), (10, "open"), (11, "solved")):
        sheet.desk(story, at + timedelta(seconds=seconds), ref, "update", agent=agent, status=status)
    sheet.expect(story, ref, ("checked_by_agent", *theme.tags[1:]), (off, *theme.unanswered), status="solved")


def moved(sheet: Sheet, theme: Theme) -> None:
    """An agent moves the ticket to another group after the bridge routed it; it must stay there."""
    story, person, at, agent = sheet.story(f"{theme.name}-moved"), sheet.person(), sheet.moment(), sheet.agent()
    ref = sheet.ticket(story, at, person, sheet.rng.choice(theme.mails))
    sheet.desk(story, at + timedelta(hours=1), ref, "move", after=(ref, theme.tags[0]), agent=agent, group=words.OTHER_GROUP)
    sheet.expect(story, ref, theme.tags, group=words.OTHER_GROUP)


def said_later(sheet: Sheet, theme: Theme) -> None:
    """A harmless start; what matters comes in a second message."""
    story, person, at = sheet.story(f"{theme.name}-said-later"), sheet.person(), sheet.moment()
    ref = sheet.ticket(story, at, person, ("Our booking", "A question about our booking this weekend."), "chat")
    sheet.desk(story, at + sheet.some(2, 30), ref, "comment", body=sheet.rng.choice(theme.mails)[1], public=True)
    sheet.expect(story, ref, theme.tags)


SEVERE: tuple[Story, ...] = (
    plain,
    voicemail_then_mail,
    answered,
    mail_then_missed_call,
    chat_and_mail,
    call_then_mail,
    tag_removed,
    same_minute,
    call_names_ticket,
    merged,
    ticket_of_a_call,
    moved,
    said_later,
)


# -- stories without a theme ----------------------------------------------------------------------------------------


def repeat_reporter(sheet: Sheet) -> None:
    """One person, five tickets in a day."""
    story, person, at = sheet.story("repeat-reporter"), sheet.person(), sheet.moment(timedelta(hours=16))
    refs = []
    for text in words.REPEAT:
        refs.append(sheet.ticket(story, at, person, text))
        at += sheet.some(60, 150)
    sheet.expect(story, refs[-1], words.REPEAT_TAGS, words.SEVERE_TAGS)


def shared_phone(sheet: Sheet) -> None:
    """Two people with one number write harmless mails; a severe voicemail from that number belongs to neither for sure."""
    story, one, at = sheet.story("shared-phone"), sheet.person(), sheet.moment()
    other = sheet.person(one.phone)
    refs = [sheet.ticket(story, at, one, words.HARMLESS[0]), sheet.ticket(story, at + sheet.some(5, 20), other, words.HARMLESS[2])]
    call_id = sheet.call(story, at + timedelta(hours=1), one, known=False)
    sheet.voicemail(story, at + timedelta(hours=1), call_id, words.THEMES[0].voicemail)
    for ref in refs:
        sheet.expect(story, ref, (), words.SEVERE_TAGS)


def burst(sheet: Sheet, size: int) -> None:
    """The app is down: many people within minutes."""
    story, at = sheet.story("burst"), sheet.moment()
    for _ in range(size):
        ref = sheet.ticket(story, at + sheet.some(0, 6), sheet.person(), words.BURST, sheet.rng.choice(("email", "chat", "web")))
        sheet.expect(story, ref, (), words.SEVERE_TAGS)


def harmless(sheet: Sheet) -> None:
    """A question, often answered, sometimes solved and closed."""
    story, person, at, agent = sheet.story("harmless"), sheet.person(), sheet.moment(), sheet.agent()
    frozen = False
    ref = sheet.ticket(story, at, person, sheet.rng.choice(words.HARMLESS), sheet.rng.choice(("email", "email", "chat", "web")))
    if sheet.rng.random() < 0.5:
        sheet.desk(story, at + sheet.some(10, 60), ref, "comment", agent=agent, body=sheet.rng.choice(words.REPLIES), public=True)
        if sheet.rng.random() < 0.4:
            sheet.desk(story, at + sheet.some(70, 150), ref, "comment", body=sheet.rng.choice(words.FOLLOW_UPS), public=True)
        if sheet.rng.random() < 0.5:
            sheet.desk(story, at + sheet.some(160, 200), ref, "update", agent=agent, status="solved")
            if sheet.rng.random() < 0.3:
                sheet.desk(story, at + sheet.some(201, 230), ref, "update", agent=agent, status="closed")
                frozen = True
    elif sheet.rng.random() < 0.4:
        sheet.desk(story, at + sheet.some(10, 60), ref, "tag", agent=agent, tags=[sheet.rng.choice(("faq", "billing", "feedback"))])
    # A closed ticket takes no tags any more: whether ours came in time depends on how fast the weekend passes.
    sheet.expect(story, ref, (words.NIGHT,) if at_night(at) and not frozen else (), words.SEVERE_TAGS)


def harmless_call(sheet: Sheet) -> None:
    """A call without a ticket: answered, missed, abandoned, or a voicemail about nothing much."""
    story, person, at = sheet.story("harmless-call"), sheet.person(), sheet.moment()
    call_id = sheet.call(story, at, person, known=sheet.rng.random() < 0.6)
    kind = sheet.rng.random()
    if kind < 0.6:
        end = sheet.talk(story, at, call_id, transferred=sheet.rng.random() < 0.2)
        if sheet.rng.random() < 0.7:
            sheet.phone(story, end + sheet.some(1, 60), call_id, "disposition", disposition=sheet.rng.choice(words.DISPOSITIONS))
    elif kind < 0.75:
        sheet.phone(story, at + sheet.some(1, 2), call_id, "missed")
    elif kind < 0.9:
        sheet.phone(story, at + sheet.some(1, 3), call_id, "abandoned")
    else:
        sheet.voicemail(story, at, call_id, sheet.rng.choice(words.VOICEMAILS))
