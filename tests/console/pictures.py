"""The console in a real browser over a demo: its journeys by keyboard and by touch, the limits of every page, the pictures in docs.

Run by `make pictures`; with an address and a key over what runs there. Exit code 0 only when every journey ends where it should and
every page keeps its limits.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

from tests.web.browser import CHROMIUM, WIDTH, Phone

DOCS: Final = Path(__file__).resolve().parents[2] / "docs" / "console"
HTML, SCRIPT, PAINT_MS = 60 * 1024, 20 * 1024, 300
PAGES: Final = (
    "now",
    "cases",
    "audit",
    "audit/changes",
    "rulebook",
    "rulebook/versions",
    "rulebook/draft",
    "rulebook/draft/new",
    "rulebook/shadow",
    "roster",
    "roster/next",
    "reports",
)
MORE: Final = ("reports/volumes", "patterns", "writeback", "events", "keys")
TICKET: Final = "[...document.querySelectorAll('main a.open')].map(a => a.textContent).find(text => text.startsWith('Ticket'))"
SIZES: Final = "performance.getEntriesByType('navigation')[0].decodedBodySize"
ELSEWHERE: Final = "performance.getEntriesByType('resource').map(e => e.name).filter(name => !name.startsWith(location.origin))"
FIRST: Final = "Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e6)"
SMALL: Final = """[...document.querySelectorAll('button, input:not([type=hidden], [type=checkbox], [type=radio]), select')]
  .filter(e => e.checkVisibility() && !e.closest('.hidden, dialog') && e.getBoundingClientRect().height < 44).length"""
NAMELESS: Final = """[...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, img')]
  .filter(e => e.checkVisibility() && !(e.textContent.trim() || e.alt || e.ariaLabel || e.labels?.length || e.value)).length"""
FAINT: Final = """(() => {
  const part = v => v / 255 <= .03928 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(part); return .2126 * r + .7152 * g + .0722 * b; };
  const clear = c => c === 'transparent' || /, 0\\)$/.test(c) || c.startsWith('color');
  const behind = e => { while (e && clear(getComputedStyle(e).backgroundColor)) e = e.parentElement;
    return e ? getComputedStyle(e).backgroundColor : 'rgb(255, 255, 255)'; };
  const ratio = e => { const both = [light(getComputedStyle(e).color), light(behind(e))];
    return (Math.max(...both) + .05) / (Math.min(...both) + .05); };
  const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll('main *, header *')].filter(e => e.checkVisibility() && !e.closest(':disabled'))
    .filter(says).filter(e => ratio(e) < 4.5).map(e => e.outerHTML.slice(0, 90)); })()"""


class Found:
    """What is amiss, one line each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def expect(self, good: bool, words: str) -> None:
        print(f"  {'ok  ' if good else 'NOT '} {words}", flush=True)  # noqa: T201
        if not good:
            self.lines.append(words)


def main() -> int:
    """The exit code."""
    if CHROMIUM is None:
        print("There is no Chromium on this machine: the console was not looked at, and no picture was made.")  # noqa: T201
        return 1
    DOCS.mkdir(parents=True, exist_ok=True)
    found = Found()
    running = nullcontext((sys.argv[1], sys.argv[2])) if len(sys.argv) == 3 else demo()
    with running as (address, key), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with Phone(Path(folder, "wide"), 1280, 860, touch=False) as screen:
            sign_in(screen, address, key)
            by_keyboard(screen, address, found)
            each_page(screen, address, found, "")
        with Phone(Path(folder, "dark"), 1280, 860, touch=False, dark=True) as screen:
            sign_in(screen, address, key)
            dark(screen, address, found)
        with Phone(Path(folder, "phone")) as phone:
            sign_in(phone, address, key)
            by_touch(phone, address, found)
            each_page(phone, address, found, "-phone")
    print(f"{len(found.lines)} things are not as they should be" if found.lines else "Every journey ends where it should.")  # noqa: T201
    return 1 if found.lines else 0


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """A demo that stays: its address and its key."""
    command = [sys.executable, "-u", "-m", "tsbridge", "demo", "--stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        try:
            yield told(running)
        finally:
            running.terminate()


def told(running: subprocess.Popen[str]) -> tuple[str, str]:
    address = ""
    for line in running.stdout or ():
        if address:
            return address, line.strip()
        if (said := re.search(r"Look around at (\S+)/console", line)) is not None:
            address = said[1]
    raise RuntimeError("the demo ended before it stayed")


def sign_in(phone: Phone, address: str, key: str) -> None:
    phone.open(f"{address}/console/now")
    phone.write(key)
    phone.press("Enter", leads=True)


def keep(phone: Phone, name: str) -> None:
    (DOCS / f"{name}.webp").write_bytes(phone.picture(form="webp"))


def by_keyboard(screen: Phone, address: str, found: Found) -> None:
    """Nothing but keys: what is asked thirty times a shift, and what is done with it."""
    found.expect(screen.see("document.querySelector('h1').textContent") == "Now", "signed in by keyboard")
    screen.press("?")
    found.expect(bool(screen.see("document.querySelector('#keys').open")), "? shows the keys")
    keep(screen, "keys-shown")
    screen.press("Escape")
    ticket = str(screen.see(TICKET)).removeprefix("Ticket ")
    screen.press("ArrowDown")
    screen.press("a")
    picked = screen.see("document.querySelector('[data-picked]')?.textContent")
    found.expect(str(picked).startswith("Acknowledge"), "a letter picks an act")
    screen.press("Escape")
    screen.press("k", ctrl=True)
    screen.write(f"https://desk.example/agent/tickets/{ticket}")
    screen.press("Enter", leads=True)
    head = str(screen.see("document.querySelector('h1').textContent"))
    found.expect(ticket in head, "a pasted address leads to its case, in three actions")
    found.expect(bool(screen.see("!!document.querySelector('#why')")), "and to why, by which version, who changed it, who was told")
    screen.press("w")
    screen.press("s", leads=True)
    found.expect(bool(screen.see("document.querySelectorAll('.said').length > 0")), "words of a severe case are shown when asked for")
    keep(screen, "case")
    screen.press("a")
    screen.press("s", leads=True)
    found.expect("Acknowledged" in str(screen.see("document.querySelector('[role=status]')?.textContent")), "acknowledged by two keys")
    screen.open(f"{address}/console/audit?kind=escalation&changed=true")
    screen.press("ArrowDown")
    screen.press("Enter", leads=True)
    found.expect("Why" in str(screen.see("document.querySelector('h1').textContent")), "a decision opens from the list by Enter")
    screen.press("i")
    screen.write("text.requester")
    screen.press("Tab")
    screen.write("nothing of that kind")
    screen.press("Enter", leads=True)
    found.expect("would have matched" in str(screen.see("document.querySelector('main').innerText")), "what if is answered by the engine")
    keep(screen, "why")
    screen.open(f"{address}/console/now")
    screen.press("g")
    screen.press("r", leads=True)
    found.expect("Rulebook" in str(screen.see("document.querySelector('h1').textContent")), "g and a letter lead to another page")
    screen.open(f"{address}/console/rulebook/try")
    screen.see("document.querySelector('#given').focus()")
    screen.write("source: zendesk\nchannel: email\ntext: my dog was bitten")
    screen.follow("document.querySelector('#given').form.requestSubmit()")
    found.expect("injury" in str(screen.see("document.querySelector('main').innerText")), "facts are tried")
    keep(screen, "try")


def painted(phone: Phone, address: str) -> int:
    """When the first useful paint was, in milliseconds; the style is there already, as in a shift."""
    phone.open(address)
    phone.see("new Promise(go => requestAnimationFrame(() => setTimeout(go, 100)))", awaits=True)
    return int(phone.see(FIRST))


def by_touch(phone: Phone, address: str, found: Found) -> None:
    """A finger on 360 pixels: from a pasted address to why, and an act."""
    ticket = str(phone.see(TICKET)).removeprefix("Ticket ")
    phone.touch("#paste")
    phone.write(f"https://desk.example/agent/tickets/{ticket}")
    phone.tap(".paste button")
    found.expect(ticket in str(phone.see("document.querySelector('h1').textContent")), "by touch: a pasted address leads to its case")
    found.expect(bool(phone.see("!!document.querySelector('#why')")), "by touch: why stands there")


def dark(screen: Phone, address: str, found: Found) -> None:
    for page in (*PAGES, *MORE):
        screen.open(f"{address}/console/{page}")
        faint = screen.see(FAINT)
        found.expect(not faint, f"{page}, dark: contrast {faint[:2] if faint else 'is enough'}")
    screen.open(f"{address}/console/now")
    keep(screen, "now-dark")
    pdf = screen.printed()
    found.expect(pdf.startswith(b"%PDF"), "now is printed")


def each_page(phone: Phone, address: str, found: Found, suffix: str) -> None:
    """Limits of every page, and its picture."""
    for page in (*PAGES, *MORE):
        phone.open(f"{address}/console/{page}")
        size, faint = phone.see(SIZES), phone.see(FAINT)
        found.expect(size < HTML, f"{page}{suffix}: {size} bytes of HTML")
        found.expect(not phone.see(ELSEWHERE), f"{page}{suffix}: nothing is asked of anywhere else")
        found.expect(not phone.see(NAMELESS), f"{page}{suffix}: everything that can be pressed has a name")
        found.expect(not faint, f"{page}{suffix}: contrast {faint[:2] if faint else 'is enough'}")
        if page == "now":
            first = min(painted(phone, f"{address}/console/{page}") for _ in range(5))  # what others do on this machine is not meant
            found.expect(first < PAINT_MS, f"{page}{suffix}: painted after {first} ms")
        if suffix:
            found.expect(phone.see("document.documentElement.scrollWidth") == WIDTH, f"{page}{suffix}: fits")
            found.expect(not phone.see(SMALL), f"{page}{suffix}: a finger finds its buttons")
        if not suffix or page in ("now", "audit"):
            keep(phone, page.replace("/", "-") + suffix)


if __name__ == "__main__":
    sys.exit(main())
