"""One tab of a headless Chromium that a test leads by the hand: keys and clicks, as a person's, with scripts off.

Chromium's own debugging protocol over a pair of pipes: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from typing import TYPE_CHECKING, Any, Final, Self

from tests.clients.browser import FLAGS

if TYPE_CHECKING:
    from pathlib import Path

#: seconds
PATIENCE: Final = 30
_KEYS: Final = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowDown": 40, "ArrowUp": 38}
_TEXTS: Final = {"Enter": "\r", "Space": " "}


class Tab:
    """A Chromium of its own, with one page. What pages ask for beside themselves is in `asked`."""

    def __init__(self, path: str, profile: Path) -> None:
        to_read, self._to_browser = os.pipe()
        self._from_browser, to_write = os.pipe()
        command = [path, *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        log = os.open(profile.parent / "chromium.log", os.O_WRONLY | os.O_CREAT)
        # The protocol's pipes are file descriptors 3 and 4; they may be taken here by now, so both go out of the way.
        high = [os.dup2(one, 200 + number, inheritable=False) for number, one in enumerate((to_read, to_write, log))]
        actions = [
            (os.POSIX_SPAWN_DUP2, high[0], 3), (os.POSIX_SPAWN_DUP2, high[1], 4),
            (os.POSIX_SPAWN_DUP2, high[2], 1), (os.POSIX_SPAWN_DUP2, high[2], 2),
        ]  # fmt: skip
        self._process = os.posix_spawn(path, command, os.environ, file_actions=actions)
        for one in (*high, to_read, to_write, log):
            os.close(one)
        self._read = b""
        self._number = 0
        self._session = ""
        self.asked: list[str] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self._loaded = 0
        self._attach()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError):
            self._send("Browser.close", {}, session="")
        os.waitpid(self._process, 0)
        os.close(self._to_browser)
        os.close(self._from_browser)

    def open(self, address: str) -> None:
        """As who clicks on a link."""
        before = self._loaded
        self.do("Page.navigate", url=address)
        self._until(lambda: self._loaded > before)

    def text(self) -> str:
        """What is to be read on the page."""
        return str(self.look("document.body.innerText"))

    def title(self) -> str:
        """Of the page."""
        return str(self.look("document.title"))

    def checked(self) -> dict[str, str]:
        """Of each group of buttons, the value that is chosen."""
        chosen = "Object.fromEntries([...document.querySelectorAll('input:checked')].map(one => [one.name, one.value]))"
        return dict(self.look(chosen))

    def click(self, selector: str, *, loads: bool = False) -> None:
        """In the middle of an element, with the mouse."""
        middle = (
            "(one => { one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2] })"
        )
        place = self.look(f"{middle}(document.querySelector({json.dumps(selector)}))")
        before = self._loaded
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
        if loads:
            self._until(lambda: self._loaded > before)

    def press(self, key: str, *, loads: bool = False) -> None:
        """One key of the keyboard."""
        before = self._loaded
        said = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        self.do("Input.dispatchKeyEvent", type="keyDown", **said, **({"text": _TEXTS[key]} if key in _TEXTS else {}))
        self.do("Input.dispatchKeyEvent", type="keyUp", **said)
        if loads:
            self._until(lambda: self._loaded > before)

    def spoken(self) -> list[tuple[str, str]]:
        """What a screen reader says of the page: role and name of all that it does not pass over."""
        nodes = self.do("Accessibility.getFullAXTree")["nodes"]
        told = [(one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes if not one["ignored"]]
        return [one for one in told if one[0] not in ("InlineTextBox", "StaticText", "none")]

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        number = self._send(method, parameters, session=self._session)
        found: dict[str, Any] = {}

        def answered() -> bool:
            return "id" in found

        self._until(answered, lambda message: found.update(message) if message.get("id") == number else None)
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    def _attach(self) -> None:
        targets = self.do("Target.getTargets")["targetInfos"]
        [page] = [one["targetId"] for one in targets if one["type"] == "page"]
        self._session = self.do("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Accessibility"):
            self.do(f"{domain}.enable")
        self.do("Emulation.setScriptExecutionDisabled", value=True)

    def look(self, expression: str) -> Any:
        """What an expression says of the page, asked from outside: the page's own scripts are off."""
        frame = self.do("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self.do("Page.createIsolatedWorld", frameId=frame)["executionContextId"]
        result = self.do("Runtime.evaluate", expression=expression, contextId=world, returnByValue=True)["result"]
        assert "value" in result, (expression, result)
        return result["value"]

    def _send(self, method: str, parameters: dict[str, Any], *, session: str) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | (
            {"sessionId": session} if session else {}
        )
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        return self._number

    def _until(self, done: Any, hear: Any = lambda message: None) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < end, "Chromium did not answer"
            for message in self._messages():
                self._note(message)
                hear(message)

    def _messages(self) -> list[dict[str, Any]]:
        ready, _, _ = select.select([self._from_browser], [], [], 1)
        if not ready:
            return []
        *whole, self._read = (self._read + os.read(self._from_browser, 1 << 20)).split(b"\0")
        return [json.loads(one) for one in whole]

    def _note(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded += 1
            case "Network.requestWillBeSent":
                self.asked.append(f"{said['request']['method']} {said['request']['url']}")
            case "Network.responseReceived" if said["type"] == "Document":
                self.status = said["response"]["status"]
                self.headers = {name.lower(): text for name, text in said["response"]["headers"].items()}
