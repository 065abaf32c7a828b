"""Canaries: a name, addresses, numbers, a card and words are planted in a whole running desk, and looked for in every place that they must
not come to. One story is played once; every place is a line of a table."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from tsbridge import log
from tsbridge.__main__ import main
from tsbridge.demo.process import Bridge
from tsbridge.demo.stage import _listener, _served, now
from tsbridge.settings.load import load
from tsbridge.settings.model import BadSettings
from tsbridge.simulator.sinks import ChatSink, MailSink
from tsbridge.simulator.zendesk import Display, Limits, Zendesk
from tsbridge.simulator.zendesk import make_app as make_zendesk

PATIENCE_S: Final = 100
"""How long an answer may take: a machine that is busy otherwise leaks no more."""
pytestmark = pytest.mark.timeout(4 * PATIENCE_S)

NAME, MAIL, PHONE, CARD, STREET, WORD = (
    "Zenobia",
    "zcanary@planted.example",
    "+14155550142",
    "4111111111111111",
    "9 Canary Lane",
    "canarybitten",
)
PLANTED: Final = tuple(
    one.lower() for one in (NAME, MAIL, PHONE, CARD, STREET, WORD, "4155550142", "4111 1111 1111 1111", "(415) 555-0142")
)
SAID: Final = f"It is {NAME}. My dog was bitten, {WORD}: {MAIL}, {PHONE}, (415) 555-0142, card {CARD}, {STREET}."
ADMIN_KEY, DOOR_KEY, DATA_KEY = "an-admin-key-that-nobody-guesses", "a-secret-of-the-talkdesk-flow", "d" * 40
RULEBOOK: Final = """\
schema: 1
queues: {safety: {}, intake: {}}
policies:
  sev1: {stops_when: {any: [{field: case.acknowledged, operator: is, value: true}]}, steps: [{after: 30m, actions: [{notify: oncall}]}]}
rules:
  - key: injury
    kind: escalation
    when: {any: [{field: text, operator: contains_any, value: [bitten]}, {field: text, operator: matches, value: '(?i)canary[a-z]+'}]}
    then: [{set_severity: 1}, {set_category: safety_incident}, {add_tags: [ts_injury]}, {escalate: sev1}, {notify: oncall},
      {notify: mara}, {notify: page}, {note: "Case {case.id}."}]
  - {key: nearly, kind: escalation, when: {all: [{field: text, operator: contains, value: lawsuit}]}, then: [{set_severity: 2}]}
  - {key: to-safety, kind: routing, when: {all: [{field: case.severity, operator: at_most, value: 2}]}, then: [{route: safety}]}
  - {key: default, kind: routing, when: {}, then: [{route: intake}]}
"""


def leaked(text: str | bytes) -> list[str]:
    """What of the planted stands there, in whatever case, also as an address or JSON writes it, and inside of a workbook."""
    raw = text.encode() if isinstance(text, str) else text
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            raw = b"\n".join(book.read(name) for name in book.namelist())
    lower = raw.lower()
    return [one for one in PLANTED if any(form.encode() in lower for form in (one, quote(one).lower(), one.replace(" ", "+")))]


@dataclass
class Story:
    """What was found where. `control`: where the planted belongs, by whose right."""

    folder: Path
    said: dict[str, str | bytes] = field(default_factory=dict)
    control: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)

    def keep(self, place: str, answer: httpx.Response) -> httpx.Response:
        self.headers.append(f"{answer.status_code} {dict(answer.headers)}")
        self.status[place] = answer.status_code
        self.said[place] = answer.content
        return answer


@dataclass
class Told:
    """Whom messages reach."""

    mail: MailSink
    chat: ChatSink
    pager: ChatSink


def roster(chat: int, pager: int) -> dict[str, Any]:
    """One who is told by mail, one by a chat, and a pager that is told itself; they listen at these ports."""
    return {
        "schema": 1,
        "timezone": "UTC",
        "agents": {
            "ana": {"name": "Ana Silva", "email": "ana@example.com", "queues": ["safety"], "reach": ["mail"]},
            "mara": {"name": "Mara Stein", "email": "mara@example.com", "queues": ["safety"], "reach": ["chat"]},
        },
        "ways": {
            "mail": {"kind": "smtp"},
            "chat": {"kind": "slack", "url": f"http://127.0.0.1:{chat}/slack/desk"},
            "page": {"kind": "webhook", "url": f"http://127.0.0.1:{pager}/hook", "secret_env": "TSBRIDGE_WAY_PAGE"},
        },
        "rotations": {"lead": {"members": ["ana"], "every": "1w", "starts": "2026-01-05T09:00"}},
        "cover": [{"oncall": "lead"}],
    }


@contextlib.asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[Bridge, Zendesk, httpx.AsyncClient, Told]]:
    """A whole bridge as a process of its own, at the most talkative, with a Zendesk, a mail server, a chat and a pager."""
    zendesk_at, zendesk_url = _listener()
    (folder / "rules.yaml").write_text(RULEBOOK)
    (folder / "tmp").mkdir()
    async with contextlib.AsyncExitStack() as stack:
        told = Told(MailSink(), ChatSink(), ChatSink())
        mail, chat, pager = [await one.start() for one in (told.mail, told.chat, told.pager)]
        for one in (told.mail, told.chat, told.pager):
            stack.push_async_callback(one.close)
        (folder / "roster.json").write_text(json.dumps(roster(chat, pager)))
        settings = {
            "TSBRIDGE_ROSTER": str(folder / "roster.json"),
            "TSBRIDGE_SMTP_URL": f"smtp://127.0.0.1:{mail}",
            "TSBRIDGE_MAIL_FROM": "desk@example.com",
            "TSBRIDGE_DATABASE_URL": f"sqlite:///{folder / 'desk.db'}",
            "TSBRIDGE_DATA_KEY": DATA_KEY,
            "TSBRIDGE_ZENDESK_URL": zendesk_url,
            "TSBRIDGE_ZENDESK_CLIENT_ID": "tsbridge",
            "TSBRIDGE_ZENDESK_CLIENT_SECRET": "a-secret-of-the-client",
            "TSBRIDGE_TALKDESK_WEBHOOK_SECRETS": DOOR_KEY,
            "TSBRIDGE_ADMIN_KEY": ADMIN_KEY,
            "TSBRIDGE_RULEBOOK": str(folder / "rules.yaml"),
            "TSBRIDGE_RESTRICTED_CATEGORIES": "safety_incident",
            "TSBRIDGE_WAY_PAGE": "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0",
            "TSBRIDGE_LOG_LEVEL": "debug",
            "TMPDIR": str(folder / "tmp"),
        }
        sender = await stack.enter_async_context(httpx.AsyncClient(timeout=12, trust_env=False))
        zendesk = Zendesk(
            sender,
            now,
            seed=7,
            url=zendesk_url,
            limits=Limits.off(),
            strict=True,
            client_id="tsbridge",
            client_secret="a-secret-of-the-client",
            display=Display(stamps="minutes"),
        )
        app = make_zendesk(zendesk, pumping=True)
        await stack.enter_async_context(_served(app, zendesk_at))
        bridge = await stack.enter_async_context(Bridge(folder, settings, ADMIN_KEY))
        (folder / "settings.json").write_text(json.dumps(settings))
        hand = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=zendesk_url))
        yield bridge, zendesk, hand, told


async def until(look: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    end = asyncio.get_running_loop().time() + within_s
    while asyncio.get_running_loop().time() < end:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("nothing came in time")


async def play(folder: Path) -> Story:
    """Somebody writes and calls; odd deliveries and odd requests come; everybody looks at everything they may."""
    story = Story(folder)
    async with desk(folder) as (bridge, zendesk, hand, told), client(bridge, ADMIN_KEY) as admin:
        told.chat.faults.body, told.chat.faults.times = SAID, 1
        ticket = await happen(hand, bridge)
        await until(lambda: "ts_injury" in zendesk.world.ticket(ticket)["tags"])
        await until(lambda: told.mail.received and told.chat.received and told.pager.received)
        case = (await admin.get("/v1/cases", params={"ticket": str(ticket)})).json()["items"][0]["id"]
        await admin.post(f"/v1/cases/{case}/note", json={"note": SAID})
        await admin.post(f"/v1/cases/{case}/acknowledge", json={"note": SAID})
        async with contextlib.AsyncExitStack() as stack:
            by = {role: await stack.enter_async_context(await holding(bridge, admin, role)) for role in ("viewer", "supervisor", "ops")}
            await knock(story, bridge, admin)
            await ask_amiss(story, by["viewer"], admin)
            await look_as_viewer(story, by["viewer"], case)
            await look_at_the_rest(story, by, case)
            await look_at_pages(story, bridge, by["viewer"].headers["Authorization"].removeprefix("Bearer "), case)
            story.control["timeline"] = (await by["supervisor"].get(f"/v1/cases/{case}/timeline")).text
            story.control["decision"] = (await by["supervisor"].get(f"/v1/audit/routing/{await first(by['viewer'], case)}")).text
        story.said["mail"] = "\n".join(json.dumps(one.to_json()) for one in told.mail.received)
        story.said["chat"] = b"\n".join(one.body for one in told.chat.received)
        story.said["outbound webhook"] = b"\n".join(one.body for one in told.pager.received)
        story.said["headers of messages"] = json.dumps([dict(one.headers) for one in (*told.chat.received, *told.pager.received)])
        link = next(word for word in told.mail.received[0].message.get_content().split() if "/a/" in word)
        story.keep("page behind a message", await admin.get(link, headers={"Authorization": ""}))
        story.said["arguments and environment"] = processes()
        story.said["database files while it runs"] = database_files(folder)
    return story


def client(bridge: Bridge, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=bridge.url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S, trust_env=False)


async def holding(bridge: Bridge, admin: httpx.AsyncClient, role: str) -> httpx.AsyncClient:
    key = (await admin.post("/v1/keys", json={"name": role, "role": role})).json()["key"]
    return client(bridge, key)


async def happen(hand: httpx.AsyncClient, bridge: Bridge) -> int:
    """A ticket and a call. Answers with the ticket's id."""

    async def act(what: str, args: Mapping[str, Any]) -> Any:
        answer = await hand.post("/_sim/act", json={"at": now().isoformat(), "act": what, "args": args})
        answer.raise_for_status()
        return answer.json()

    await act("user", {"user": {"name": f"{NAME} Planted", "email": MAIL, "phone": PHONE}})
    ticket = {"subject": f"{NAME}: {WORD}", "comment": {"body": SAID, "public": True}, "tags": [], "via": {"channel": "mail"}}
    made = int((await act("create", {"ticket": ticket, "as": MAIL, "via": "mail"}))["id"])
    call = {"tsbridge_event": "call.missed", "call_id": "c1", "interaction_id": "i1", "contact_phone_number": PHONE, "notes": SAID}
    async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as flow:
        await flow.post(f"{bridge.url}/webhooks/talkdesk", json={**call, "contact_name": NAME}, headers={"X-Tsbridge-Key": DOOR_KEY})
    return made


async def knock(story: Story, bridge: Bridge, admin: httpx.AsyncClient) -> None:
    """Deliveries that are nobody's, that cannot be read, that are too large."""
    odd = {
        "door: no key": ({}, SAID.encode()),
        "door: a key that is somebody's name": ({"X-Tsbridge-Key": MAIL}, SAID.encode()),
        "door: not JSON": ({"X-Tsbridge-Key": DOOR_KEY}, f'{{"notes": "{SAID}'.encode()),
        "door: JSON of another kind": ({"X-Tsbridge-Key": DOOR_KEY}, json.dumps([SAID]).encode()),
        "door: odd values": (
            {"X-Tsbridge-Key": DOOR_KEY},
            json.dumps({"tsbridge_event": SAID, "call_id": SAID, "timestamp": SAID, "waiting_time": SAID}).encode(),
        ),
        "door: too large": ({"X-Tsbridge-Key": DOOR_KEY}, SAID.encode() * 12_000),
        "door: compressed": ({"X-Tsbridge-Key": DOOR_KEY, "Content-Encoding": SAID}, SAID.encode()),
    }
    async with httpx.AsyncClient(base_url=bridge.url, timeout=PATIENCE_S, trust_env=False) as stranger:
        for place, (headers, body) in odd.items():
            with contextlib.suppress(httpx.TransportError):  # what is too large may be cut off before its answer is read
                story.keep(
                    place, await stranger.post("/webhooks/talkdesk", content=body, headers={"Content-Type": "application/json", **headers})
                )
        signed = {"X-Zendesk-Webhook-Signature": SAID, "X-Zendesk-Webhook-Signature-Timestamp": SAID}
        story.keep("door: a signature of nobody's", await stranger.post("/webhooks/zendesk", content=SAID.encode(), headers=signed))

    async def settled() -> bool:
        return not (await admin.get("/v1/events", params={"status": "pending"})).json()["items"]

    await until(settled)


async def ask_amiss(story: Story, viewer: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
    """Requests that are refused: for each kind of refusal one that is full of the planted."""
    draft = "/v1/rulebook/draft"
    wrong_rule = {
        "key": "injury",
        "kind": "escalation",
        "when": {"all": [{"field": "text", "operator": SAID, "value": SAID}]},
        "then": [{SAID: SAID}],
    }
    asked: dict[str, tuple[int, httpx.AsyncClient, str, str, dict[str, Any]]] = {
        "problem: no such case": (404, viewer, "GET", f"/v1/cases/{WORD}", {}),
        "problem: no such page": (404, viewer, "GET", f"/v1/{WORD}/{quote(SAID)}", {}),
        "problem: bad query": (422, viewer, "GET", "/v1/cases", {"params": {"severity": SAID}}),
        "problem: bad cursor": (422, viewer, "GET", "/v1/cases", {"params": {"cursor": SAID}}),
        "problem: bad time": (422, viewer, "GET", "/v1/audit/routing", {"params": {"from": SAID}}),
        "problem: bad body": (422, admin, "POST", "/v1/keys", {"json": {"name": NAME, "role": SAID, SAID: SAID}}),
        "problem: not JSON": (422, admin, "POST", "/v1/keys", {"content": SAID, "headers": {"Content-Type": "application/json"}}),
        "problem: of another type": (415, admin, "POST", "/v1/keys", {"content": SAID, "headers": {"Content-Type": "text/plain"}}),
        "problem: bad key": (401, viewer, "GET", "/v1/cases", {"headers": {"Authorization": f"Bearer {MAIL}"}}),
        "problem: role": (403, viewer, "POST", "/v1/cases/case_1/note", {"json": {"note": SAID}}),
        "problem: no such form": (406, viewer, "GET", "/v1/audit/routing", {"headers": {"Accept": f"text/{WORD}"}}),
        "problem: no If-Match": (428, admin, "PUT", draft, {"json": {"document": {"title": SAID}}}),
        "problem: stale": (412, admin, "PUT", draft, {"json": {"document": {}}, "headers": {"If-Match": f'"{WORD}"'}}),
        "problem: findings": (200, admin, "POST", "/v1/rulebook/check", {"json": {"schema": 1, "queues": {}, "rules": [wrong_rule]}}),
        "problem: facts": (422, admin, "POST", "/v1/rulebook/try", {"json": {"given": {SAID: SAID}}}),
        "problem: import": (422, admin, "POST", "/v1/rulebook/import/zendesk", {"json": {"triggers": SAID}}),
        "problem: withdrawal": (404, admin, "POST", f"/v1/moments/{WORD}/withdraw", {"json": {"reason": SAID}}),
        "problem: person": (404, admin, "DELETE", f"/v1/people/{quote(STREET)}", {}),
    }
    for place, (status, client, method, path, more) in asked.items():
        answer = story.keep(place, await client.request(method, path, **more))
        assert answer.status_code == status, (place, answer.text)


async def first(viewer: httpx.AsyncClient, case: str) -> str:
    """The oldest decision about a case."""
    return str((await viewer.get("/v1/audit/routing", params={"case": case})).json()["items"][-1]["id"])


async def look_as_viewer(story: Story, viewer: httpx.AsyncClient, case: str) -> None:
    """A case in a restricted category, as somebody without the right meets it."""
    week = {"from": f"{now() - timedelta(days=6):%Y-%m-%d}", "to": f"{now() + timedelta(days=2):%Y-%m-%d}"}
    asked = {
        "viewer: the case": (f"/v1/cases/{case}", {}, "*/*"),
        "viewer: its timeline": (f"/v1/cases/{case}/timeline", {}, "*/*"),
        "viewer: its explanation": (f"/v1/cases/{case}/explain", {"near": "100"}, "*/*"),
        "viewer: a decision": (f"/v1/audit/routing/{await first(viewer, case)}", {"near": "100"}, "*/*"),
        "viewer: cases": ("/v1/cases", {}, "*/*"),
        "viewer: steps": ("/v1/escalations", {}, "*/*"),
        "viewer: decisions": ("/v1/audit/routing", {}, "*/*"),
        "viewer: decisions as lines": ("/v1/audit/routing", {}, "application/x-ndjson"),
        "viewer: decisions as CSV": ("/v1/audit/routing", {}, "text/csv"),
        "viewer: a search": ("/v1/audit/routing", {"q": "injury"}, "*/*"),
        "report": ("/v1/reports/volumes", {**week, "group_by": "category"}, "*/*"),
        "report as CSV": ("/v1/reports/responses", {**week, "group_by": "queue"}, "text/csv"),
        "report as XLSX": ("/v1/reports/rules", week, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        "report's cases": ("/v1/reports/volumes/cases", week, "*/*"),
        "chart": ("/v1/reports/volumes/chart", week, "image/svg+xml"),
        "weekly pack": ("/v1/reports/pack", {}, "text/html"),
        "who is there": ("/v1/agents", {}, "*/*"),
    }
    for place, (path, params, accept) in asked.items():
        answer = story.keep(place, await viewer.get(path, params=params, headers={"Accept": accept}))
        assert answer.status_code == 200, (place, answer.text)


async def look_at_the_rest(story: Story, by: Mapping[str, httpx.AsyncClient], case: str) -> None:
    """What those see who may more, where words do not belong all the same; and what is open."""
    supervisor, ops = by["supervisor"], by["ops"]
    job = (await ops.post("/v1/rulebook/replay", json={})).json()["id"]

    async def done() -> bool:
        return bool((await ops.get(f"/v1/rulebook/replay/{job}")).json()["status"] == "done")

    await until(done)
    await supervisor.post("/v1/patterns/refresh")
    asked = {
        "replay": (ops, f"/v1/rulebook/replay/{job}"),
        "moves of a replay": (ops, f"/v1/rulebook/replay/{job}/moves"),
        "what a version would move": (ops, "/v1/rulebook/versions/diff?from=1&to=1"),
        "patterns": (supervisor, "/v1/patterns"),
        "notifications": (supervisor, "/v1/notifications"),
        "wishes": (supervisor, "/v1/writebacks"),
        "drift": (supervisor, "/v1/drift"),
        "deliveries": (ops, "/v1/events"),
        "the audit's proof": (supervisor, "/v1/audit/verify"),
        "livez": (ops, "/livez"),
        "readyz": (ops, "/readyz"),
        "metrics": (ops, "/metrics"),
        "description": (ops, "/openapi.json"),
        "docs": (ops, "/docs"),
    }
    for place, (client, path) in asked.items():
        answer = story.keep(place, await client.get(path))
        assert answer.status_code == 200 or path == "/readyz", (place, answer.text)  # a busy machine may be late
    assert (await ops.post("/v1/cases/rejudge", json={"filter": {}, "apply": False})).status_code in (200, 202)


async def look_at_pages(story: Story, bridge: Bridge, key: str, case: str) -> None:
    async with httpx.AsyncClient(base_url=f"{bridge.url}/console", timeout=PATIENCE_S, trust_env=False, follow_redirects=True) as browser:
        story.keep("console: a key that is somebody's name", await browser.post("/sign-in", data={"key": MAIL}))
        sign_in = (await browser.get("/sign-in")).text
        hidden = sign_in.partition('name="csrf" value="')[2].partition('"')[0]
        await browser.post("/sign-in", data={"csrf": hidden, "key": key})
        for page in ("now", "cases", f"cases/{case}", "audit", "search?q=1", "reports", "reports/volumes", "roster", "rulebook", "keys"):
            answer = story.keep(
                f"console: {page.partition('/case_')[0]}{' of the case' if 'case_' in page else ''}", await browser.get(f"/{page}")
            )
            assert (answer.status_code, "Sign in" in answer.text) == (200, False), page
        story.keep("console: a page that is not there", await browser.get(f"/{WORD}"))
        story.keep("console: a broken address", await browser.get("/cases", params={"severity": SAID}))


def processes() -> bytes:
    """Arguments and environment of the service and of whatever it has started."""
    mine = {os.getpid()}
    for status in sorted(Path("/proc").glob("[0-9]*/status"), key=lambda path: int(path.parent.name)):
        with contextlib.suppress(OSError):
            if {int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("PPid:")} & mine:
                mine.add(int(status.parent.name))
    told = b""
    for pid in sorted(mine - {os.getpid()}):
        with contextlib.suppress(OSError):
            told += Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    return told


def database_files(folder: Path) -> bytes:
    """With the journal, the keys and the signed heads beside it."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("desk.db*")))


def command(folder: Path, *arguments: str) -> str:
    """What a command prints to whoever sits at the machine, and how it ends."""
    settings, out = json.loads((folder / "settings.json").read_text()), io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        patch.chdir(folder)
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(log, "configure", lambda level: None)  # the log of this process is pytest's
        patch.setattr(sys, "argv", ["tsbridge", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
    return f"{left.value.code}\n{out.buffer.getvalue().decode()}"


COMMANDS: Final = {
    "doctor": ("doctor",),
    "migrate": ("migrate",),
    "export of decisions": ("audit", "export"),
    "export of the chain": ("audit", "export", "--chain"),
    "plan of an erasure": ("erase", "--plan", "--email", MAIL),
    "a command that is refused": ("audit", "export", "--from", SAID),
}


def refusals() -> Iterator[str]:
    """What settings and documents say that cannot be used."""
    for name in ("TIMEZONE", "DATABASE_URL", "PUBLIC_URL", "SMTP_URL", "KEEP_TEXTS", "TRUSTED_PROXIES", "PORT"):
        with pytest.raises(BadSettings) as refused:
            load({f"TSBRIDGE_{name}": SAID}, None)
        yield str(refused.value)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("desk")
    found = asyncio.run(play(folder))
    found.said |= {f"command: {name}": command(folder, *arguments) for name, arguments in COMMANDS.items()}
    found.said["settings that are refused"] = "\n".join(refusals())
    found.said["headers of answers"] = "\n".join(found.headers)
    found.said["log"] = (folder / "bridge.log").read_bytes()
    found.said["temporary files"] = b"nothing" + b"".join(path.read_bytes() for path in (folder / "tmp").rglob("*") if path.is_file())
    found.said["database files afterwards"] = database_files(folder)
    return found


def test_nothing_planted_is_in_any_place_that_it_must_not_come_to(story: Story) -> None:
    assert {place: found for place, said in story.said.items() if (found := leaked(said))} == {}


def test_there_are_forty_places_and_more_and_something_is_in_each(story: Story) -> None:
    assert len(story.said) >= 40
    assert [place for place, said in story.said.items() if not said] == []


def test_whoever_has_the_right_finds_it_where_it_belongs(story: Story) -> None:
    for place, said in story.control.items():
        assert {NAME.lower(), WORD} <= set(leaked(said)), place
    assert {MAIL, CARD, STREET.lower()} <= set(leaked(story.control["timeline"]))


def test_the_log_tells_of_what_happened(story: Story) -> None:
    lines = [json.loads(line) for line in bytes(story.said["log"]).decode().splitlines()]
    assert {one["level"] for one in lines} >= {"info", "warning", "error"}
    assert {one["event"] for one in lines} >= {"serving", "security", "notification_failed", "stopped"}
