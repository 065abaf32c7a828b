"""A real Chromium without a window, told what to do over a pipe: a phone to look at pages with."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTH, HEIGHT = 360, 740
WITHIN_S = 60.0
"""How long it may say nothing while something is waited for."""
IN_A_FIELD = """new Promise(found => {
  const look = () => document.activeElement.matches('input, textarea, select') ? found(true) : setTimeout(look, 10);
  look();
})"""


class Phone:
    """360 pixels wide, with a finger; or another window. Every method waits until it is done. Not for the event loop's own thread."""

    def __init__(self, profile: Path, width: int = WIDTH, height: int = HEIGHT, *, touch: bool = True, dark: bool = False) -> None:
        if CHROMIUM is None:
            raise RuntimeError("there is no Chromium on this machine")
        told, self._write = os.pipe()
        self._read, said = os.pipe()
        self._numbers = itertools.count(1)
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._size, self._touch, self._dark = (width, height), touch, dark
        flags = [
            *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
            *(f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"),
        ]
        self._process = subprocess.Popen(  # noqa: S603  # the pipes have to be its descriptors 3 and 4; other shells know one digit only
            ["/bin/bash", "-c", f'exec "$0" "$@" 3<&{told} 4>&{said}', CHROMIUM, *flags],
            pass_fds=(told, said),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(said)
        self._session: str | None = None

    def __enter__(self) -> Phone:
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._ask("Page.enable")
        self._ask("Network.enable")
        width, height = self._size
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if self._touch else 1, mobile=self._touch
        )
        self._ask("Emulation.setTouchEmulationEnabled", enabled=self._touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def open(self, address: str) -> None:
        """As tapping a link does."""
        self._events.clear()
        self._ask("Page.navigate", url=address)
        self._loaded()

    def touch(self, selector: str) -> None:
        """A finger in the middle of something."""
        x, y = self.see(f"(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector({selector!r}).getBoundingClientRect())")
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            self._ask("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def tap(self, selector: str) -> None:
        """A finger in the middle of something, and the page that follows."""
        self._events.clear()
        self.touch(selector)
        self._loaded()

    def press(self, key: str, *, ctrl: bool = False, leads: bool = False) -> None:
        """A key, and with `leads` the page that follows."""
        self._events.clear()
        text = {"text": "\r" if key == "Enter" else key} if (len(key) == 1 or key == "Enter") and not ctrl else {}
        code = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}.get(key, ord(key[0].upper()))
        about = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **about)
        if leads:
            self._loaded()

    def write(self, text: str) -> None:
        """Into the field that has the focus, as soon as one has, at once, as pasting does."""
        self.see(IN_A_FIELD, awaits=True)  # a page gives the focus when it is drawn, which may be after it was loaded
        self._ask("Input.insertText", text=text)

    def see(self, expression: str, *, awaits: bool = False) -> Any:
        """The value of an expression in the page, or with `awaits` of the promise that it is."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=awaits)["result"].get("value")

    def before_each_page(self, script: str) -> None:
        """Have this run in every page before it is read."""
        self._ask("Page.addScriptToEvaluateOnNewDocument", source=script)

    def asked_for(self) -> list[str]:
        """Addresses that were asked for since the page was opened, by itself or by what is in it."""
        sent = [event["params"]["request"]["url"] for event in self._events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def follow(self, expression: str) -> None:
        """Do something in the page that leads to another one."""
        self._events.clear()
        self._ask("Runtime.evaluate", expression=expression)
        self._loaded()

    def picture(self, form: str = "png") -> bytes:
        """What is seen, as a PNG or `webp`."""
        quality = {"quality": 82} if form == "webp" else {}
        return base64.b64decode(self._ask("Page.captureScreenshot", format=form, **quality)["data"])

    def printed(self) -> bytes:
        """As a PDF."""
        return base64.b64decode(self._ask("Page.printToPDF")["data"])

    def _loaded(self) -> None:
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._hear())

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params, **({"sessionId": self._session} if self._session else {})}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (heard := self._hear()).get("id") != number:
            if "method" in heard:
                self._events.append(heard)
        if "error" in heard:
            raise RuntimeError(f"{method}: {heard['error']}")
        found: dict[str, Any] = heard["result"]
        return found

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._read], [], [], WITHIN_S)[0]:
                raise RuntimeError(f"Chromium said nothing for {WITHIN_S:.0f} s")
            chunk = os.read(self._read, 1 << 16)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._rest += chunk
        one, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found
