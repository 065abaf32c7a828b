"""What conditions of Zendesk's business rules ask of the update itself: creation or change, the way it came, who made it, what they said.

Each gives the leaf or tree in our language, most with a named difference ("" when it means exactly the same), or raises `NotCarried`.
"""

from __future__ import annotations

from typing import Any, Final

from tsbridge.rulebook.zendesk_leaves import Leaf, NotCarried, leaf, split

WAYS = (
    ("web", "0 48 50", "the web form, the web widget and the help center are one channel, web"),
    ("email", "4", "mails, side conversations and tickets recovered from suspension are one channel, email"),
    ("api", "5", "what the API, rules, imports and shared tickets do is one channel, api"),
    ("social", "23 26 30 38 41 55", "Twitter, Facebook and all integrations are one channel, social"),
    ("chat", "29", "live chats and offline messages are one channel, chat"),
    ("voice", "33 34 35 44 45 46", "every call is one channel, voice"),
    ("messaging", "49 56 72 73 74 75", "messaging, the mobile SDK, WhatsApp and the like are one channel, messaging"),
    ("sms", "57", "text messages of all providers are one channel, sms"),
)
"""Our words, the numbers of Zendesk's ways that each stands for, and why it is not quite one of them."""
VIA: Final = {id_: (channel, why) for channel, ids, why in WAYS for id_ in (*ids.split(), channel)}
"""Each by its number, and by the word that old accounts answer."""

CREATED: Final = {"field": "event", "operator": "is", "value": "ticket.created"}
CHANGES: Final = ["ticket.updated", "ticket.commented", "ticket.merged"]

COMMENTED: Final = {"field": "comment.public", "operator": "present"}
ROLES: Final = "an agent who is the requester counts as the requester"
SEEN: Final = "an agent who is the requester sees private comments, too; only public ones count here"
SAID: Final = "a new subject is looked at with the comment, and words that were said before are not"
WHOLE_WORDS: Final = "whole words, ignoring accents as well as case"


def update_type(operator: str, value: Any) -> Leaf:
    if operator != "is":
        raise NotCarried(f"rules have no operator like {operator} for update_type")
    moment = str(value).lower()
    if moment == "create":
        return CREATED
    if moment == "change":
        return leaf("event", "in", CHANGES)
    raise NotCarried("only Create and Change are known")


def via(field: str, operator: str, value: Any) -> tuple[Leaf, str]:
    positive = {"is": True, "includes": True, "is_not": False, "not_includes": False}.get(operator)
    ids = split(value) if isinstance(value, str | list) else [str(value)]
    if positive is None or not ids:
        raise NotCarried(f"rules have no operator like {operator} for channels" if ids else "no channel is named")
    if unknown := [id_ for id_ in ids if id_ not in VIA]:
        raise NotCarried(f"channel {', '.join(unknown)} is not told apart by rules")
    channels = list(dict.fromkeys(VIA[id_][0] for id_ in ids))
    difference = "; ".join(dict.fromkeys(VIA[id_][1] for id_ in ids))
    if len(channels) == 1:
        return leaf(field, "is" if positive else "is_not", channels[0]), difference
    return leaf(field, "in" if positive else "not_in", channels), difference


def words_in(field: str, operator: str, value: Any) -> Leaf:
    words = split(value)
    if not words:
        raise NotCarried("no words to look for")
    if operator in ("includes", "not_includes"):
        found = leaf(field, "contains_any", words)
        return found if operator == "includes" else {"none": [found]}
    if operator in ("is", "is_not"):
        return leaf(field, "contains" if operator == "is" else "not_contains", " ".join(words))
    raise NotCarried(f"rules have no operator like {operator} for words")


def comment(operator: str, value: Any) -> tuple[Leaf, str]:
    """Whether there is a comment that everybody, only agents, anybody can see."""
    if operator != "is":
        raise NotCarried(f"what {operator} means without a comment is not documented: write it with comment.public")
    match str(value).lower():
        case "true":
            return leaf("comment.public", "is", True), ""
        case "false":
            return leaf("comment.public", "is", False), ""
        case "not_relevant":
            return COMMENTED, ""
        case "requester_can_see_comment":
            return leaf("comment.public", "is", True), SEEN
    raise NotCarried("expected true, false, not_relevant or requester_can_see_comment")


def comment_words(operator: str, value: Any) -> tuple[Leaf, str]:
    positive = {"not_includes": "includes", "is_not": "is"}.get(operator)
    found = {"all": [COMMENTED, words_in("text.new", positive or operator, value)]}
    return {"none": [found]} if positive else found, f"{WHOLE_WORDS}; {SAID}"


def who_acted(operator: str, value: Any) -> tuple[Leaf, str]:
    """Zendesk's current user: an agent or not, somebody by number, or the ticket's requester."""
    if operator not in ("is", "is_not"):
        raise NotCarried(f"rules have no operator like {operator} for who acted")
    who = str(value).lower()
    if who.isascii() and who.isdigit():
        return leaf("update.author_id", operator, who), ""
    if who == "requester_id":
        return leaf("update.by", operator, "requester"), ""
    if who == "agent":
        return leaf("update.by", operator, "agent"), f"{ROLES}; others than the requester as agents"
    if who in ("end-user", "end_user"):
        return leaf("update.by", operator, "requester"), f"{ROLES}; other end users do not"
    raise NotCarried("rules tell the requester, agents and people by number apart, no other roles")
