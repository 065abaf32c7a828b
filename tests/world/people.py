"""Customers, agents and callers of a world: what each does when, drawn before anything happens, done on whatever stands there then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.world.book import CLAIMS, HURT, INTAKE, LOST, MONEY, PLAIN, SAFETY, STEPS
from tests.world.scenes import SCENES
from tests.world.traits import LIVELY, Traits, dice
from tsbridge.simulator.talkdesk.world import Unfit
from tsbridge.simulator.talkdesk.world import World as Calls
from tsbridge.simulator.zendesk import Zendesk
from tsbridge.simulator.zendesk.answers import Rejected

ACTS: Final = (
    *("reply", "note", "tag", "untag", "ours off", "status", "status", "priority", "group"),
    *("writes", "writes", "writes", "redact", "merge", "delete"),
)
SELDOM: Final = {"redact": 0.3, "merge": 0.3, "delete": 0.2}
SAID: Final = (HURT, LOST, MONEY, PLAIN, PLAIN)
ASK_ONLY: Final = ("call.missed", "voicemail.left", "call.ended", "call.abandoned")
"""Automations that are set up: those whose bodies say when it was."""


@dataclass(frozen=True, slots=True)
class Act:
    at: float
    number: int
    what: str
    who: int
    pick: float
    said: str


TOLD_ONCE: Final = ("redact", "delete", "merge")
"""What ends otherwise when it is heard of otherwise: words that went change no decision; only a subscription tells of a deletion,
or of a merge as a moment of its own."""


def agenda(seed: int, of: Traits) -> list[Act]:
    """What people do, in order of time. Where any order has to end alike: nothing of which it matters when it is heard."""
    rng = dice(f"people {seed}")
    acts: list[Act] = []

    def add(at: float, what: str, who: int) -> None:
        acts.append(Act(round(at, 2), len(acts), what, who, rng.random(), rng.choice(SAID)))

    for who in range(of.tickets):
        opened = rng.uniform(5, LIVELY / 2)
        add(opened, "opens", who)
        at = opened
        for _ in range(rng.randint(2, 7)):
            at += rng.choice((0.2, 0.9, 3, 15, 40, 90, 200))
            what = rng.choice(ACTS)
            if at < LIVELY and rng.random() < SELDOM.get(what, 1.0):
                add(at, what, who)
        if rng.random() < 0.6:
            add(rng.uniform(5, LIVELY), rng.choice(("missed", "voicemail", "named call")), who)
    acts = [act for act in acts if not (of.ordered and act.what in TOLD_ONCE)]
    for who, (begins, name) in enumerate(of.scenes, of.tickets):
        for after, what, said in SCENES[name].acts:
            acts.append(Act(round(begins + after, 2), len(acts), what, who, rng.random(), said))
    return sorted(acts, key=lambda act: (act.at, act.number))


def said(act: Act) -> str:
    """What a customer writes: words that rules listen for, and one that nobody else ever says."""
    return f"{act.said}: quince{act.number}x"


class People:
    """They act on the vendors. `happened(what, ticket, **more)` is told of each act."""

    def __init__(self, seed: int, zendesk: Zendesk, calls: Calls, customers: int, happened: Callable[..., None]) -> None:
        self.world = zendesk.world
        self.calls = calls
        self.happened = happened
        self.of: dict[int, int] = {}
        self.second: dict[int, int] = {}
        add = self.world.add_user
        self.customers = [add(f"Customer Nr{seed}x{n}", f"customer{n}@example.net", phone=f"+1415555{2000 + n}") for n in range(customers)]
        self.agents = [add(f"Agent {n}", f"agent{n}@example.com", role="agent") for n in range(3)]

    def act(self, act: Act) -> None:
        """Do it, where it can be done."""
        try:
            getattr(self, f"_{act.what.replace(' ', '_')}")(act)
        except (Rejected, Unfit, LookupError):
            return

    def interferes(self, ticket: int, pick: float) -> None:
        """An agent is at this ticket right now."""
        who = next((who for who, id_ in self.of.items() if id_ == ticket), None)
        if who is not None:
            what = ("tag", "untag", "ours off", "priority", "status", "group")[int(pick * 6)]
            self.act(Act(0.0, int(pick * 1e6), what, who, pick * 7 % 1, PLAIN))

    # -- customers -------------------------------------------------------------------------------------------------------

    def _opens(self, act: Act) -> None:
        props: dict[str, Any] = {
            "subject": f"Ticket {act.who}",
            "comment": {"body": said(act)},
            "requester_id": self.customers[act.who]["id"],
        }
        if act.pick < 0.5:
            props |= {"tags": ["web"], "status": "open"}
        self.of[act.who] = self.world.create(props, self.customers[act.who], via="mail")["id"]
        self.happened("opens", ticket=self.of[act.who], who=act.who, said=said(act))

    def _opens_another(self, act: Act) -> None:
        """The same customer has a second ticket; what they and agents do from now on they do to the first."""
        ticket = self.of[act.who]
        self._opens(act)
        self.second[act.who], self.of[act.who] = self.of[act.who], ticket

    def _writes(self, act: Act) -> None:
        self.world.change(self.of[act.who], {"comment": {"body": said(act)}}, self.customers[act.who], via="email")
        self.happened("writes", ticket=self.of[act.who], who=act.who, said=said(act))

    def _asks_again(self, act: Act) -> None:
        """An agent takes off what was asked for, and the customer asks for it once more."""
        self._asked_off(act)
        self._writes(act)

    def _call(self, act: Act, ticket: int | None) -> str:
        phone = self.customers[act.who]["phone"]
        call = self.calls.starts(phone, "+14155550000", ring_groups=["desk"], ticket_id="" if ticket is None else str(ticket))
        self.happened("call", ticket=ticket, call=call.id, who=act.who, said=act.said)
        return call.id

    def _missed(self, act: Act) -> None:
        self.calls.misses(self._call(act, None))

    def _voicemail(self, act: Act) -> None:
        self.calls.leaves_voicemail(self._call(act, None), act.said)

    def _named_call(self, act: Act) -> None:
        self.calls.leaves_voicemail(self._call(act, self.of[act.who]), act.said)

    # -- agents ----------------------------------------------------------------------------------------------------------

    def _reply(self, act: Act) -> None:
        self._change(act, comment={"body": f'has "anybody" been\nbitten, or ran away? {act.number}', "public": True})

    def _note(self, act: Act) -> None:
        self._change(act, comment={"body": f"says he was bitten {act.number}", "public": False})

    def _tag(self, act: Act) -> None:
        self._change(act, tags=sorted({*self._seen(act)["tags"], f"p{act.number}"}))

    def _untag(self, act: Act) -> None:
        theirs = sorted(tag for tag in self._seen(act)["tags"] if tag.startswith("p") and tag[1:].isdigit())
        self._without(act, theirs)

    def _ours_off(self, act: Act) -> None:
        self._without(act, sorted(tag for tag in self._seen(act)["tags"] if tag.startswith("ts_")))

    def _asked_off(self, act: Act) -> None:
        later = {tag for _, tag in STEPS}
        self._without(act, sorted(tag for tag in self._seen(act)["tags"] if tag.startswith("ts_") and tag not in later))

    def _without(self, act: Act, some: list[str]) -> None:
        if some:
            gone = some[int(act.pick * len(some))]
            self._change(act, tags=sorted({*self._seen(act)["tags"], f"p{act.number}"} - {gone}))

    def _status(self, act: Act) -> None:
        others = [one for one in ("open", "pending", "hold", "solved", "solved") if one != self._seen(act)["status"]]
        self._change(act, status=others[int(act.pick * len(others))])

    def _solves(self, act: Act) -> None:
        self._change(act, status="solved")

    def _priority(self, act: Act) -> None:
        others = [one for one in ("low", "normal", "high") if one != self._seen(act)["priority"]]
        self._change(act, priority=others[int(act.pick * len(others))])

    def _group(self, act: Act) -> None:
        others = [one for one in (INTAKE, SAFETY, CLAIMS) if one != self._seen(act)["group_id"]]
        self._change(act, group_id=others[int(act.pick * len(others))])

    def _redact(self, act: Act) -> None:
        ticket = self.of[act.who]
        comment = self.world.store.comments[ticket][-1]
        body = comment["body"]
        self.world.redact(ticket, comment, body, self._agent(act))
        self._done(act, words=body, author=comment["author_id"])

    def _merge(self, act: Act) -> None:
        others = [id_ for who, id_ in sorted(self.of.items()) if who != act.who and id_ in self.world.store.tickets]
        into = others[int(act.pick * len(others))]
        if self.world.ticket(into)["status"] != "closed" and self._seen(act)["status"] != "closed":
            self.world.merge(into, [self.of[act.who]], self._agent(act), None, None)
            self._done(act, into=into)

    def _merges_them(self, act: Act) -> None:
        """The first into the second, which goes on."""
        ticket, into = self.of[act.who], self.second[act.who]
        self.world.merge(into, [ticket], self._agent(act), None, None)
        self.of[act.who] = into
        self.happened("merge", ticket=ticket, who=act.who, into=into)

    def _delete(self, act: Act) -> None:
        self.world.delete(self.of[act.who], self._agent(act))
        self._done(act)

    def _delete_for_good(self, act: Act) -> None:
        self.world.delete_for_good(self.of[act.who], self._agent(act))
        self._done(act)

    def _change(self, act: Act, **props: Any) -> None:
        self.world.change(self.of[act.who], props, self._agent(act), via="web")
        self._done(act)

    def _done(self, act: Act, **more: Any) -> None:
        self.happened(act.what, ticket=self.of[act.who], who=act.who, **more)

    def _agent(self, act: Act) -> dict[str, Any]:
        return self.agents[act.number % len(self.agents)]

    def _seen(self, act: Act) -> dict[str, Any]:
        return self.world.ticket(self.of[act.who])
