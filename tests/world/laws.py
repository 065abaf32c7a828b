"""The laws of the house, in words of their own: they read a history and know nothing of the code that made it.

Each law is a function from what was read to sentences about what breaks it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.world.judged import HANDLED, Story, Ticket, asked_by, fields_of, matched, tickets

Entry = Mapping[str, Any]
STEP_TAGS = {1: "ts_sev1", 2: "ts_l2", 3: "ts_l3"}
STEPS = set(STEP_TAGS.values())
AFTER = {1: timedelta(0), 2: timedelta(minutes=2), 3: timedelta(minutes=6)}
SLACK = timedelta(seconds=90)
"""Within which a step that is due is told, or it is said why not, where nothing is in the way."""
HEARD_OF = timedelta(minutes=3)
"""Within which it is known that a ticket is gone, where nothing is in the way: an export tells it where no webhook does."""
ENDS = ("ticket.merged", "ticket.deleted")
"""Only a subscription tells them."""
NOBODY = ("nobody_on_call", "nobody_reached")
BY_WORDS = ("hurt", "lost", "money")
MOST_WRITES = 20
WINDOW = timedelta(minutes=10)


class Broken(NamedTuple):
    law: str
    says: str


def time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Read:
    """A history taken apart."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.entries = entries
        self.by: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in entries:
            self.by[entry["what"]].append(entry)
        self.held: Entry = self.by["held"][-1]
        self.out: Entry = self.by["came out"][-1]
        self.end = time(self.out["at"])
        self.tickets = tickets(self.held, self.by["did"])
        self.versions: Mapping[str, Entry] = self.out["versions"]
        self.standing = [one for one in self.out["decisions"] if one["superseded_by"] is None and not one["retracted"]]
        self.of_ticket: dict[str, list[Entry]] = defaultdict(list)
        for one in sorted(self.standing, key=lambda one: (one["at"], one["number"])):
            if one["interaction"]["source"] == "zendesk" and one["event"].startswith("ticket.") and one["event"] not in ENDS:
                self.of_ticket[one["interaction"]["id"]].append(one)
        self.case_of = {(member["source"], member["id"]): case["id"] for case in self.out["cases"] for member in case["interactions"]}
        self.accepted = [one for one in self.by["offered"] if one["status"] == 202]

    def spells(self, what: str, **named: Any) -> list[tuple[datetime, datetime]]:
        """When something was on."""
        found: list[tuple[datetime, datetime]] = []
        since: datetime | None = None
        for one in self.by[what]:
            if all(one.get(name) == value for name, value in named.items()):
                if one["on"]:
                    since = since or time(one["at"])
                elif since is not None:
                    found.append((since, time(one["at"])))
                    since = None
        return found

    def offs(self) -> list[float]:
        """By how many seconds the desk's clock was ever off."""
        return [0.0, *(one["off"] for one in self.by["clock"])]

    def rosters(self, since: datetime, until: datetime) -> list[Entry]:
        """Those that counted at any time between."""
        came = [(time(one["at"]), one["roster"]) for one in (*self.by["roster"], *self.by["employed"])]
        return [
            one for (at, one), later in zip(came, [*(at for at, _ in came[1:]), self.end], strict=True) if at <= until and later >= since
        ]

    def away(self, *, ways: bool = True) -> list[tuple[datetime, datetime]]:
        """When something kept the bridge from hearing, working or telling. `ways`: ways to people among it."""
        found = [spell for what in ("full", "clock", "down", *(("way",) if ways else ())) for spell in self.spells(what)]
        gone: datetime | None = None
        for one in self.by["process"]:
            if not one["up"]:
                gone = gone or time(one["at"])
            elif gone is not None:
                found.append((gone - timedelta(seconds=30), time(one["at"]) + timedelta(seconds=30)))
                gone = None
        found += [(time(one["at"]), time(one["at"]) + timedelta(seconds=one["seconds"])) for one in self.by["stopped"]]
        return found

    def joined(self, ticket: Ticket) -> list[Ticket]:
        """It, and those that it was merged with."""
        return [self.tickets[id_] for id_ in sorted(ticket.joined or {ticket.id})]

    def is_whole(self, ticket: Ticket) -> bool:
        """Whether everything that happened to it is decided on: `heard` sees to it."""
        return not ticket.gone and len(self.of_ticket[ticket.id]) == len(ticket.changes)

    def story(self, ticket: Ticket, words: list[str] | None = None) -> Story:
        """What a ticket's story asks for, by the versions that judged it. `words`: what its requester said, or what is left of that."""
        story, said, texts = Story(), [], iter(ticket.said if words is None else words)
        status, firing = "new", False
        severity: int | None = None
        for number, (change, decision) in enumerate(zip(ticket.changes, self.of_ticket[ticket.id], strict=False)):
            speaks = change.by == "requester" and any(one["type"] == "Comment" for one in change.events)
            if speaks:
                said.append(next(texts, ""))
            before, status = status, change.to("status") or status
            if before == "solved" != status:
                firing = False
            document = self.versions[str(decision["rulebook"]["version"])]
            solved = status == "solved" != before
            keys, severity = matched(document, " ".join(said), solved, severity)
            anew = change.by == "requester"
            tags = asked_by(document, keys)
            if "hurt" in keys:
                if not firing and status != "solved":
                    tags |= {"ts_sev1"}
                    story.severe.append(change.at)
                firing = True
            for tag in tags:
                story.asked[tag] = number if anew else story.asked.get(tag, number)
            if change.by == "agent":
                for tag in change.tags()[1]:
                    story.undone[tag] = number
                if change.public or (change.to("status") in HANDLED and number):
                    story.taken.append(change.at)
        return story


# -- 0 lost, 0 doubled ------------------------------------------------------------------------------------------------------


def kept(read: Read) -> Iterator[str]:
    """G1: what was answered with 202 is there."""
    there = {one["id"] for one in read.out["events"]}
    for one in read.accepted:
        if one["answer"]["event_id"] not in there:
            yield f"{one['answer']['event_id']} was {one['answer']['status']} and is not there"


def open_door(read: Read) -> Iterator[str]:
    """A proven delivery is answered with 202, unless it cannot be stored or the desk's clock is wrong."""
    excused = {503: read.spells("full"), 401: read.spells("clock")}
    for one in read.by["offered"]:
        if one["status"] in (202, 0):
            continue
        if not any(since <= time(one["at"]) <= until for since, until in excused.get(one["status"], ())):
            yield f"{one['source']} was answered {one['status']} at {one['at']}"


def once(read: Read) -> Iterator[str]:
    """G2: the same delivery is one event, however often it came."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    fresh: Counter[str] = Counter()
    for one in read.accepted:
        if (key := _signed_id(one)) is not None:
            ids[one["source"], key].add(one["answer"]["event_id"])
        if one["answer"]["status"] == "accepted":
            fresh[one["answer"]["event_id"]] += 1
    yield from (f"{source} {key[:40]} is {sorted(of)}" for (source, key), of in ids.items() if len(of) > 1)
    yield from (f"{id_} was accepted {many} times" for id_, many in fresh.items() if many > 1)
    rows = Counter(one["id"] for one in read.out["events"])
    yield from (f"{id_} is there {many} times" for id_, many in rows.items() if many > 1)


def _signed_id(offered: Entry) -> str | None:
    """What is the same in every repeat: an event's own id; a call's whole body."""
    if offered["source"] == "talkdesk":
        return hashlib.sha256(offered["body"].encode()).hexdigest()
    try:
        return str(json.loads(offered["body"])["id"])
    except (ValueError, KeyError):
        return None  # a trigger's: the time it was signed at belongs to it


def conserved(read: Read) -> Iterator[str]:
    """G4: received = applied + ignored + duplicate + quarantined + dead + pending, and the rows say the same."""
    for source, of in read.out["counts"].items():
        rows = Counter(one["status"] for one in read.out["events"] if one["source"] == source)
        repeats = sum(one["duplicates"] for one in read.out["events"] if one["source"] == source)
        for name in ("applied", "ignored", "quarantined", "dead", "pending"):
            if of[name] != rows[name]:
                yield f"{source}: {of[name]} {name}, but {rows[name]} rows"
        if of["duplicate"] != repeats:
            yield f"{source}: {of['duplicate']} repeats, but {repeats} at the rows"
        if of["received"] != sum(rows.values()) + repeats:
            yield f"{source}: received {of['received']}, but {sum(rows.values())} rows and {repeats} repeats"
        answered = sum(one["source"] == source for one in read.accepted)
        unheard = sum(one["source"] == source and one["status"] == 0 for one in read.by["offered"])
        polled = sum(one["polled"] for one in read.out["events"] if one["source"] == source)
        if not answered <= of["received"] - polled <= answered + unheard:
            yield f"{source}: received {of['received']}, {polled} of them polled, but {answered} answered and {unheard} unheard"


def unharmed(read: Read) -> Iterator[str]:
    """Law 9: trouble of a database, a vendor or a machine is never counted against a delivery; and in the end none waits."""
    for one in read.out["events"]:
        if one["status"] not in ("applied", "ignored"):
            yield f"{one['id']} of {one['source']} is {one['status']}: {one['reason']}"


def heard(read: Read) -> Iterator[str]:
    """Each thing that happened to a ticket is decided on once, at the vendor's time."""
    for id_, ticket in read.tickets.items():
        expected = Counter(time(change.at) for change in ticket.changes)
        found = Counter(time(one["at"]) for one in read.of_ticket[id_])
        if ticket.gone:  # its audits cannot be read any more: what is known of it may be first impressions, several of one change
            continue
        for at in sorted(expected.keys() | found.keys()):
            if expected[at] != found[at]:
                yield f"ticket {id_} at {at:%H:%M:%S}: {expected[at]} changes, {found[at]} decisions"
    decided = Counter(one["interaction"]["id"] for one in read.standing if one["interaction"]["source"] == "talkdesk")
    for call in read.by["did"]:
        if call["did"] == "call" and call["call"] not in decided and _reached(read, call["call"]):
            yield f"call {call['call'][:8]} was told and is not decided on"


def _reached(read: Read, call: str) -> bool:
    return any(one["source"] == "talkdesk" and call in one["body"] for one in read.accepted)


# -- in order, right, explained -----------------------------------------------------------------------------------------------


def judged(read: Read) -> Iterator[str]:
    """The rules that matched are those whose words were there, by the version that the decision names."""
    for ticket in read.tickets.values():
        decisions = read.of_ticket[ticket.id]
        if not read.is_whole(ticket):
            continue
        said: list[str] = []
        left: list[str] = []
        texts, status = zip(ticket.said, ticket.left, strict=True), "new"
        expected: dict[str, list[tuple[set[str], set[str]]]] = defaultdict(list)
        found: dict[str, list[set[str]]] = defaultdict(list)
        for change, decision in zip(ticket.changes, decisions, strict=True):
            if change.by == "requester" and any(one["type"] == "Comment" for one in change.events):
                for words, one in zip((said, left), next(texts, ("", "")), strict=True):
                    words.append(one)
            before, status = status, change.to("status") or status
            document = read.versions[str(decision["rulebook"]["version"])]
            # Nobody knows whether it was redacted before it was heard: at least what is left counts, at most what was ever said.
            least, most = (
                {key for key in matched(document, " ".join(words), status == "solved" != before, None)[0] if key in BY_WORDS}
                for words in (left, said)
            )
            expected[change.at].append((least, most))
            found[change.at].append({rule["key"] for rule in decision["rules"] if rule["key"] in BY_WORDS})
        for at, rules in found.items():  # of what has one time nobody sees which decision is about which
            fits = any(
                all(least <= one <= most for (least, most), one in zip(expected[at], order, strict=True))
                for order in itertools.permutations(rules)
            )
            if not fits:
                yield f"ticket {ticket.id} at {at}: {[sorted(one) for one in rules]} matched, the words say {expected[at]}"


def explained(read: Read) -> Iterator[str]:
    """G6: each decision is judged again to the same, and each reason is true."""
    for one in read.out["decisions"]:
        again = read.out["explained"].get(one["id"])
        if again is None:
            yield f"{one['id']} has no explanation"
            continue
        if [rule["key"] for rule in again["rules"]] != [rule["key"] for rule in one["rules"]]:
            yield f"{one['id']}: recorded and explained rules differ"
        for rule in again["rules"]:
            for leaf in rule.get("because") or ():
                if leaf["outcome"] is not True:
                    yield f"{one['id']}: {rule['key']} matched because of something that is not so"
        if str(one["rulebook"]["version"]) not in read.versions:
            yield f"{one['id']} names a version that there is not"


def placed(read: Read) -> Iterator[str]:
    """Nobody lands in no queue: where a routing rule matched there is one, and so has the case."""
    for one in read.standing:
        if any(rule["kind"] == "routing" for rule in one["rules"]) and one["outcome"]["queue"] is None:
            yield f"{one['id']} about {one['interaction']['id'][:8]} was routed and is in no queue"
    for case in read.out["cases"]:
        if case["queue"] is None:
            yield f"{case['id']} is in no queue"


def ordered(read: Read, calm: Read) -> Iterator[str]:
    """G3: whatever the order, the delays and the troubles, it ends as on a calm day."""
    mine, theirs = _end(read), _end(calm)
    for part in mine:
        if mine[part] != theirs[part]:
            differs = sorted(set(map(str, mine[part])) ^ set(map(str, theirs[part])))
            yield f"{part}: {differs[:4]}"


def _end(read: Read) -> dict[str, list[Any]]:
    cases = [
        (
            sorted((one["source"], one["id"], one["linked"]["rank"]) for one in case["interactions"]),
            *(case[name] for name in ("id", "status", "severity", "category", "queue", "acknowledged", "opened_at")),
            sorted(case["tags"]),
        )
        for case in read.out["cases"]
    ]
    decisions = [
        (
            one["interaction"]["id"],
            one["at"],
            one["event"],
            [rule["key"] for rule in one["rules"]],
            {name: one["outcome"].get(name) for name in ("severity", "category", "queue", "tags_added", "tags_removed", "priority")},
        )
        for one in read.standing
        if one["event"] != "ticket.merged"  # only a subscription tells it
    ]
    wishes = [
        (one["ticket"], sorted(tag for tag, *_ in one["wish"]["tags"]), one["wish"]["group_id"] and one["wish"]["group_id"][0])
        for one in read.out["writebacks"]
        if (ticket := read.tickets.get(one["ticket"])) is not None and ticket.writable
    ]
    asked = [one for one in wishes if any(one[1:])]  # a wish for nothing is none
    return {"cases": sorted(cases, key=str), "decisions": sorted(decisions, key=str), "wishes": sorted(asked, key=str)}


def together(read: Read) -> Iterator[str]:
    """One case of what belongs together: one ticket in one case; named and same person's in one; strangers' never."""
    for (source, id_), many in Counter((m["source"], m["id"]) for case in read.out["cases"] for m in case["interactions"]).items():
        if many > 1:
            yield f"{source} {id_} is in {many} cases"
    merged = [one for one in read.by["did"] if one["did"] == "merge"]
    merges = {str(one[name]) for one in merged for name in ("ticket", "into")}
    for one in merged:
        if read.tickets[str(one["into"])].gone:
            continue  # the audits of that one tell of it
        if read.case_of.get(("zendesk", str(one["ticket"]))) != read.case_of.get(("zendesk", str(one["into"]))):
            yield f"tickets {one['ticket']} and {one['into']} were merged and are in two cases"
    whose: dict[str, set[int]] = defaultdict(set)
    for one in read.by["did"]:
        if one["did"] == "opens":
            whose[read.case_of.get(("zendesk", str(one["ticket"])), "")].add(one["who"])
        if one["did"] == "call" and (case := read.case_of.get(("talkdesk", one["call"]))) is not None:
            whose[case].add(one["who"])
            theirs = [str(other["ticket"]) for other in read.by["did"] if other["did"] == "opens" and other["who"] == one["who"]]
            known = theirs and not read.tickets[theirs[0]].gone  # whose ticket was deleted may never have been read
            if known and read.case_of.get(("zendesk", theirs[0])) != case:
                yield f"call {one['call'][:8]} and ticket {theirs[0]} are the same person's and in two cases"
    for case, people in whose.items():
        if len(people) > 1 and not any(("zendesk", id_) in read.case_of and read.case_of["zendesk", id_] == case for id_ in merges):
            yield f"{case} holds strangers: {sorted(people)}"


# -- what is written ------------------------------------------------------------------------------------------------------------


def converges(read: Read) -> Iterator[str]:
    """G5: after the last event the tags are what the rules say, or it is said why not."""
    said_why = {one["ticket"]: one["status"] for one in read.out["writebacks"] if one["status"] in ("parked", "refused")}
    dry = any(one["mode"] == "dry-run" for one in read.by["mode"])
    for ticket in read.tickets.values():
        group = read.joined(ticket)
        if not ticket.writable or not all(map(read.is_whole, group)) or any(_called(read, one) for one in group):
            continue
        stories = [read.story(one) for one in group]
        asked = {tag for story in stories for tag in story.asked}
        undone = {tag for story in stories for tag in story.undone}
        most = {tag for story in stories for tag in story.stands()} - STEPS
        least = read.story(ticket, ticket.left).stands() - STEPS
        if len(group) > 1:  # two are one from some time on: what was taken off one may have been asked for by the other
            least, most = least - undone, most | (undone & asked)
        found = {tag for tag in ticket.tags if tag.startswith("ts_")} - STEPS
        if not found <= asked:
            yield f"ticket {ticket.id} has {sorted(found - asked)}, which nobody asked for"
        if not dry and not least <= found <= most and ticket.id not in said_why:
            yield f"ticket {ticket.id} has {sorted(found)}, its story asks for {sorted(most)}"


def _called(read: Read, ticket: Ticket) -> bool:
    """Whether somebody called about it: then its story is not the ticket's alone."""
    owners = {one["who"] for one in read.by["did"] if one["did"] == "opens" and str(one["ticket"]) == ticket.id}
    return any(one["did"] == "call" and one["who"] in owners for one in read.by["did"])


def foreign(read: Read) -> Iterator[str]:
    """Tags of others are in the end as others left them."""
    for ticket in read.tickets.values():
        if ticket.gone:
            continue
        theirs: set[str] = set()
        for change in ticket.changes:
            came, went = change.tags()
            theirs = (theirs | came) - went
        wanted = {tag for tag in theirs if not tag.startswith("ts_")} | ({"closed_by_merge"} & ticket.tags)
        found = {tag for tag in ticket.tags if not tag.startswith("ts_")}
        if wanted != found:
            yield f"ticket {ticket.id} has {sorted(found)} of others, they left {sorted(wanted)}"


def careful(read: Read) -> Iterator[str]:
    """Nothing is written while writing is paused or a dry run; never a public word, never a status."""
    mode, since = "live", time(read.entries[0]["at"])
    ours = {"tags", "group_id", "priority", "assignee_id", *itertools.chain.from_iterable(map(fields_of, read.versions.values()))}
    for one in read.entries:
        if one["what"] == "mode" and "by" in one:
            mode, since = one["mode"], time(one["at"])
        if one["what"] == "asked" and one["method"] == "PUT" and mode != "live" and time(one["at"]) > since + timedelta(seconds=1):
            yield f"{one['path']} was written to at {one['at']}, in {mode}"
    for ticket in read.tickets.values():
        for change in ticket.ours:
            for event in change.events:
                if event["type"] == "Comment" and event["public"]:
                    yield f"ticket {ticket.id}: a public word of ours at {change.at}"
                if event["type"] == "Change" and event["field_name"] not in ours:
                    yield f"ticket {ticket.id}: we changed {event['field_name']} at {change.at}"


def noted_once(read: Read) -> Iterator[str]:
    """A note stands once for each firing."""
    for ticket in read.tickets.values():
        group = read.joined(ticket)
        if any(_called(read, one) or one.scrubbed for one in group):
            continue
        notes = Counter(one["body"] for change in ticket.ours for one in change.events if one["type"] == "Comment")
        firings = sum(len(read.story(one).severe) for one in group)
        for body, many in notes.items():
            if many > max(1, firings):
                yield f"ticket {ticket.id}: {many} times the note {body[:20]!r}, {firings} firings"


def bounded(read: Read) -> Iterator[str]:
    """G8: no ticket is written to without end; in the end no wish waits."""
    for ticket in read.tickets.values():
        times = [time(change.at) for change in ticket.ours]
        many = any(at - times[n - MOST_WRITES] < WINDOW for n, at in enumerate(times) if n >= MOST_WRITES)
        if many:
            yield f"ticket {ticket.id}: more than {MOST_WRITES} writes in ten minutes"
        wrote = [
            time(one["at"]) for one in read.by["answered"] if one["status"] == 200 and one["path"] == f"/api/v2/tickets/{ticket.id}.json"
        ]
        quick = [time(change.at) for change in ticket.changes if change.by == "agent"]  # who may have done the same an instant earlier
        near = sum(any(abs(at - other) <= timedelta(seconds=2) for other in quick) for at in wrote)
        if not ticket.scrubbed and (idle := len(wrote) - len(times)) > near:
            yield f"ticket {ticket.id}: {idle} writes that changed nothing"
    for one in read.out["writebacks"]:
        if one["status"] in ("waiting", "sending"):
            yield f"the wish for ticket {one['ticket']} is {one['status']}: {one['reason']}"
        if one["status"] in ("parked", "refused") and not one["reason"]:
            yield f"the wish for ticket {one['ticket']} is {one['status']} and nobody is told why"
        if one["reason"] == "loop_suspected" and len(read.tickets[one["ticket"]].ours) < MOST_WRITES:
            yield f"ticket {one['ticket']} was given up for a fight that nobody had"


# -- who is told -------------------------------------------------------------------------------------------------------------------


def told(read: Read) -> Iterator[str]:
    """No silent escalation: what nobody took has its steps told in time, or it is said why not."""
    steps: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for one in read.out["escalations"]:
        if one["ticket"] is not None:
            steps[one["ticket"], one["step"]].append(one)
        if one["status"] == "due" or (one["status"] == "armed" and time(one["due_at"]) < read.end):
            yield f"step {one['step']} of {one['case_id']} is overdue since {one['due_at']}"
    for ticket in read.tickets.values():
        if not read.is_whole(ticket) or ticket.status == "closed":
            continue
        story = read.story(ticket, ticket.left)
        taken = [at for one in read.joined(ticket) for at in _taken(read, one, read.story(one))]
        for severe in story.severe:
            for step, after in AFTER.items():
                due = time(severe) + after
                if due > read.end or any(at <= max(due, _known(read, ticket.id, severe)) for at in taken):
                    continue
                rows = [one for one in steps[ticket.id, step] if abs(time(one["due_at"]) - due) <= timedelta(seconds=1)]
                rows = rows or _before(read, ticket, step, due)
                if not rows:
                    yield f"ticket {ticket.id}: step {step} was to come at {due:%H:%M:%S} and there is none"
                for row in rows:
                    yield from _told_of(read, ticket, row, due)


def _before(read: Read, ticket: Ticket, step: int, due: datetime) -> list[Entry]:
    """The same step of what one joined with it by name had armed before."""
    if len(read.joined(ticket)) == 1 and not _called(read, ticket):
        return []
    case = read.case_of.get(("zendesk", ticket.id))
    found = [one for one in read.out["escalations"] if (one["case_id"], one["step"]) == (case, step) and time(one["due_at"]) <= due]
    return sorted(found, key=lambda one: str(one["due_at"]))[-1:]


def _taken(read: Read, ticket: Ticket, story: Story) -> list[datetime]:
    """When somebody had it in hand, or it was over."""
    found = [time(at) for at in story.taken]
    found += [time(change.at) for change in ticket.changes if change.to("status") == "solved"]
    found += [time(one["at"]) + timedelta(seconds=min(0, off)) for one in read.by["acknowledged"] for off in read.offs()]
    return found


def _told_of(read: Read, ticket: Ticket, row: Entry, due: datetime) -> Iterator[str]:
    about = [
        one
        for one in read.out["notifications"]
        if (one["case_id"], one["policy"], one["step"]) == (row["case_id"], row["policy"], row["step"])
    ]
    where = f"ticket {ticket.id}, step {row['step']} due {due:%H:%M:%S}"
    if row["status"] != "fired":
        yield f"{where} is {row['status']} though nobody took it"
    elif not about:
        yield f"{where} fired and nobody was to be told"
    elif not any(one["status"] in ("sent", "superseded") for one in about):
        reasons = {one["reason"] for one in about if one["status"] == "failed"}
        alarms = {one["alarm"] for one in read.by["alarm"]}
        if not reasons - {None} and not alarms:
            yield f"{where} fired, nobody was told, and nobody knows why"
    else:
        if any(one["why"] or one["reason"] in NOBODY for one in about):
            return  # it waited behind others, or for somebody to be on call: that is said
        known = max(due, _known(read, ticket.id, row["armed_at"]))
        ids = {one["message_id"] for one in about if one["sent_at"]}
        first = min((time(one["at"]) for one in read.by["told"] if one["message"] in ids), default=known)  # by a clock that is right
        if first > known + SLACK and not any(since <= first and until >= known - SLACK for since, until in read.away()):
            yield f"{where} was told at {first:%H:%M:%S}"


def _known(read: Read, ticket: str, severe: str) -> datetime:
    """When it was first decided that what happened then is severe: others may have happened in the same second."""
    found = [
        time(one["recorded_at"])
        for one in read.out["decisions"]
        if one["interaction"]["id"] == ticket and time(one["at"]) == time(severe) and any(rule["key"] == "hurt" for rule in one["rules"])
    ]
    return min(found, default=time(severe))


def told_once(read: Read) -> Iterator[str]:
    """A step is told once to each whom it is told to; what is called sent did go out; none comes before it is due."""
    went = {(one["message"], one["way"], one["agent"]) for one in read.by["told"]}
    for one in read.out["notifications"]:
        if one["status"] == "sent" and (one["message_id"], one["way"], one["to"]) not in went:
            yield f"{one['id']} is called sent and never went out"
    rows = Counter((one["case_id"], one["policy"], one["step"]) for one in read.out["escalations"])
    sent = Counter(
        (one["case_id"], one["policy"], one["step"], one["to"], one["way"])
        for one in read.out["notifications"]
        if one["status"] == "sent" and one["kind"] == "step" and one["policy"]
    )
    mistaken: Counter[str] = Counter()
    for one in read.by["did"]:  # who is hurt is heard: an agent's words may be the requester's until the audits are read, each of them once
        if one["did"] in ("reply", "note", "merge"):  # of two that were merged both were told
            mistaken[read.case_of.get(("zendesk", str(one["ticket"])), "")] += 1
    firings: Counter[str] = Counter()  # a step of one that is over may have been told before it was heard that it was
    for ticket in read.tickets.values():
        firings[read.case_of.get(("zendesk", ticket.id), "")] += len(read.story(ticket).severe)
    for one in read.by["did"]:
        if one["did"] == "call" and "bitten" in one["said"]:
            firings[read.case_of.get(("talkdesk", one["call"]), "")] += 1
    for (case, policy, step, to, way), many in sent.items():
        if many > max(1, rows[case, policy, step], firings[case]) + mistaken[case]:
            yield f"{to} was told {many} times by {way} of step {step} of {case}"
    yield from _again(read)
    for one in read.out["escalations"]:
        if one["status"] != "fired":
            continue
        about = [
            t for t in read.out["notifications"] if (t["case_id"], t["policy"], t["step"]) == (one["case_id"], one["policy"], one["step"])
        ]
        early = [
            t
            for t in about
            if t["sent_at"] and time(t["sent_at"]) < time(one["due_at"]) and rows[one["case_id"], one["policy"], one["step"]] == 1
        ]
        if any(t["case_id"] == one["case_id"] and t["reason"] in NOBODY for t in read.out["notifications"]):
            continue  # those of the next step were told at once
        if early and not read.by["clock"] and not mistaken[one["case_id"]]:
            yield f"step {one['step']} of {one['case_id']} was told before it was due"


def _again(read: Read) -> Iterator[str]:
    """A message goes out once more only where it could not be known that it had."""
    times: dict[str, list[Entry]] = defaultdict(list)
    for one in read.by["told"]:
        times[one["message"]].append(one)
    deaths = [time(one["at"]) for one in read.by["process"] if not one["up"]]
    for message, told in times.items():
        for one, other in itertools.pairwise(told):
            lost = any(since <= time(one["at"]) <= until for since, until in read.spells("way", way=one["way"], how="arrives"))
            still = [(time(stop["at"]), time(stop["at"]) + timedelta(seconds=stop["seconds"])) for stop in read.by["stopped"]]
            lost |= any(since <= time(other["at"]) and time(one["at"]) <= until for since, until in (*read.spells("full"), *still))
            if not lost and not any(time(one["at"]) <= death <= time(other["at"]) for death in deaths):
                yield f"{message} went out at {one['at']} and again at {other['at']}"


def reached(read: Read) -> Iterator[str]:
    """Where one way fails another is tried: nobody goes untold while a way that leads to somebody on call works."""
    for one in read.out["escalations"]:
        if one["status"] != "fired" or read.by["overridden"]:
            continue
        about = [
            t for t in read.out["notifications"] if (t["case_id"], t["policy"], t["step"]) == (one["case_id"], one["policy"], one["step"])
        ]
        if not about or read.by["clock"] or any(t["status"] in ("sent", "superseded") or t["reason"] == "nobody_on_call" for t in about):
            continue
        since = min(time(t["asked_at"]) for t in about)
        until = since + SLACK
        if until > read.end or any(begun < until and since < over for begun, over in read.away(ways=False)):
            continue
        someone = all("queue" not in cover for roster in read.rosters(since, until) for cover in roster["cover"])
        working = [way for way in ("mail", "chat") if not any(b < until and since < o for b, o in read.spells("way", way=way))]
        if someone and working:
            yield f"step {one['step']} of {one['case_id']} reached nobody, though {' and '.join(working)} worked"


def left_alone(read: Read) -> Iterator[str]:
    """What somebody at the desk acknowledged is not escalated any further."""
    for act in read.by["acknowledged"]:
        at = time(act["at"])
        for one in read.out["escalations"]:
            ticket = read.tickets.get(one["ticket"] or "")
            if ticket is None or read.by["clock"]:
                continue
            if one["ticket"] == act["ticket"] and one["status"] == "fired" and time(one["due_at"]) > at >= time(one["armed_at"]):
                yield f"step {one['step']} of ticket {one['ticket']} fired at {one['due_at']}, acknowledged at {act['at']}"


# -- provable, private ----------------------------------------------------------------------------------------------------------------


def chained(read: Read) -> Iterator[str]:
    """G7: the chain verifies, all of it is sealed, and its entries are linked one to the next."""
    verified = read.out["verified"]
    if not verified["ok"]:
        yield f"broken: {verified['broken'][:3]}"
    if verified["unsealed"]:
        yield f"{verified['unsealed']} decisions are not sealed"
    entries = sorted(
        (one["seq"], one["previous_hash"], one["hash"]) for one in (*read.out["decisions"], *read.out["changes"]) if one["seq"]
    )
    places = [seq for seq, _, _ in entries]
    if len(places) != len(set(places)):
        yield "two entries have one place"
    for (seq, _, hashed), (after, before, _) in itertools.pairwise(entries):
        if after == seq + 1 and before != hashed:
            yield f"entry {after} does not hang on {seq}"
    if verified["entries"] < len(entries):
        yield f"{len(entries)} entries are shown, {verified['entries']} proven"


def recorded(read: Read) -> Iterator[str]:
    """Whatever people did at the desk stands among the changes, with who did it."""
    actions = {
        "published": "rulebook.publish",
        "employed": "roster.publish",
        "overridden": "override.make",
        "acknowledged": "case.acknowledged",
    }
    for what, action in actions.items():
        for act in read.by[what]:
            if not any((one["action"], one["actor"]) == (action, act["by"]) for one in read.out["changes"]):
                yield f"{what} by {act['by']} at {act['at']} is on no record"


def private(read: Read) -> Iterator[str]:
    """G9: nobody's words, name, number or address is in an alarm or a message."""
    people = [one for one in read.held["users"].values() if one["role"] == "end-user"]
    secrets = {str(one[name]) for one in people for name in ("name", "email", "phone") if one[name]}
    secrets |= {"bitten", "ran away", "refund"}
    for what in ("alarm", "told"):
        for one in read.by[what]:
            text = json.dumps({name: value for name, value in one.items() if name not in ("at", "what")})
            for secret in secrets:
                if secret in text:
                    yield f"{what} at {one['at']} holds {secret!r}"


def forgotten(read: Read) -> Iterator[str]:
    """What was redacted, and what a ticket that was deleted for good said, stands nowhere any more."""
    shown = {name: json.dumps(part) for name, part in read.out.items() if name != "versions"}
    redacted = [one for one in read.by["did"] if one["did"] == "redact" and one["author"] != read.held["bridge"]]
    gone = [one["words"] for one in redacted if not _unreadable(read, one)]
    gone = [words for words in gone if words.strip("▇")]  # what is redacted once more has no words left
    gone += [words for ticket in read.tickets.values() if ticket.scrubbed for words in ticket.said]
    for words in gone:
        for name, text in shown.items():
            if re.search(re.escape(json.dumps(words)[1:-1]) + r"(?!\d)", text):  # "says 1" is not in "says 10"
                yield f"{words[-12:]!r} is gone at Zendesk and still among {name}"


def _unreadable(read: Read, redacted: Entry) -> bool:
    """Whether the ticket was deleted before its audits could tell that it was redacted."""
    deleted = [time(one["at"]) for one in read.by["did"] if one["did"] == "delete" and one["ticket"] == redacted["ticket"]]
    since = time(redacted["at"])
    known = max(
        [since + HEARD_OF, *(until + HEARD_OF for begun, until in read.away(ways=False) if begun < since + HEARD_OF < until + HEARD_OF)]
    )
    return any(since <= at <= known for at in deleted)


def over(read: Read) -> Iterator[str]:
    """A ticket that is gone or was merged into another escalates no more, and is not written to."""
    for act in read.by["did"]:
        if act["did"] not in ("delete", "merge", "delete for good"):
            continue
        id_, at = str(act["ticket"]), time(act["at"])
        heard = at + HEARD_OF
        if any(since < heard and at < until for since, until in read.away(ways=False)):
            continue
        for one in read.out["escalations"]:
            if one["ticket"] == id_ and one["status"] == "fired" and time(one["due_at"]) > heard:
                yield f"step {one['step']} of ticket {id_} fired at {one['due_at']}, {act['did']} at {act['at']}"
        for one in read.by["asked"]:
            if one["path"] == f"/api/v2/tickets/{id_}.json" and time(one["at"]) > heard:
                yield f"ticket {id_} was written to at {one['at']}, {act['did']} at {act['at']}"


Law = Callable[[Read], Iterator[str]]
LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        *(kept, open_door, once, conserved, unharmed, heard),
        *(judged, explained, placed, together),
        *(converges, foreign, careful, noted_once, bounded),
        *(told, told_once, reached, left_alone),
        *(chained, recorded, private, forgotten, over),
    )
}


def judge(history: list[dict[str, Any]], calm: list[dict[str, Any]] | None = None) -> list[Broken]:
    """Everything that breaks a law."""
    read = Read(history)
    found = [Broken(name, says) for name, law in LAWS.items() for says in law(read)]
    if calm is not None:
        found += [Broken("ordered", says) for says in ordered(read, Read(calm))]
    return found
