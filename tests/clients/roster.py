"""Which clients are tested, what each offers, and what is done to it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.state import ROOT
from tests.clients.browser import find_chromium
from tests.clients.fault_door import Fault

DRIVERS: Final = Path(__file__).parent / "drivers"
MODULES: Final = ROOT / "node_modules"
NODE: Final = Path(sys.executable).with_name("node")

_CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias"})

#: the behaviour of a page whose origin is not among those that the source lists
FOREIGN: Final = "foreign page"

#: what is done to the first requests of a client, by the name of the behaviour that is wanted of it
FAULTS: Final[dict[str, tuple[Fault, ...]]] = {
    "every call": (),
    "gzip": (),
    "batched": (Fault.UNAVAILABLE,),
    "503": (Fault.UNAVAILABLE, Fault.UNAVAILABLE),
    "429": (Fault.LIMITED,),
    "dropped": (Fault.DROPPED, Fault.DROPPED),
    "answer lost": (Fault.ANSWER_LOST, Fault.ANSWER_LOST),
    "slow": (Fault.LATE, Fault.LATE_ANSWER),
    "400": (Fault.REFUSED,),
    "503 unaided": (Fault.UNAVAILABLE,),
    "left page": (Fault.DROPPED,) * 6,
    "as documented": (),
    FOREIGN: (),
}
#: these end with the events of the refused requests lost, and with nothing repeated
GIVEN_UP: Final = frozenset({"400", "503 unaided"})
_COMMON: Final = tuple(name for name in FAULTS if name not in ("gzip", "batched", "503 unaided", "left page", FOREIGN))
_ON_PAGES: Final = (*_COMMON, FOREIGN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client as its registry has it.

    `command`: what runs its driver, empty on a page. `library`: its file for a page. `lacks`: fields of a call that it
    has no way to send. `tells`: whether the application hears that events were given up.
    """

    name: str
    command: tuple[str, ...] = ()
    driver: str = ""
    library: Path = Path()
    calls: frozenset[str] = _CALLS
    behaviours: tuple[str, ...] = _COMMON
    lacks: frozenset[str] = frozenset()
    tells: bool = True

    @property
    def on_page(self) -> bool:
        """Whether it runs in a browser."""
        return not self.command


def _node(driver: str) -> tuple[str, ...]:
    return (str(NODE), str(DRIVERS / driver))


def _python(package: str) -> tuple[str, ...]:
    return (sys.executable, str(DRIVERS / "python_client.py"), package)


_JITSU: Final = frozenset({"track", "identify", "page", "group"})
_JITSU_LACKS: Final = frozenset({"timestamp", "integrations"})

CLIENTS: Final = (
    Client(name="segment-analytics-python", command=_python("segment"), behaviours=(*_COMMON, "gzip")),
    Client(name="@segment/analytics-node", command=_node("segment_node.mjs")),
    Client(
        name="@segment/analytics-next",
        driver="segment_next.mjs",
        library=MODULES / "@segment/analytics-next/dist/umd/index.js",
        behaviours=(*_ON_PAGES, "batched", "left page"),
    ),
    Client(name="rudder-sdk-python", command=_python("rudderstack"), behaviours=(*_COMMON, "gzip")),
    Client(name="@rudderstack/rudder-sdk-node", command=_node("rudder_node.mjs"), behaviours=(*_COMMON, "gzip")),
    Client(
        name="@rudderstack/analytics-js",
        driver="rudder_js.mjs",
        library=MODULES / "@rudderstack/analytics-js/dist/npm/modern/bundled/esm/index.mjs",
        calls=_CALLS - {"screen"},
        behaviours=(*_ON_PAGES, "batched", "left page"),
        tells=False,
    ),
    Client(
        name="@jitsu/js",
        command=_node("jitsu_node.mjs"),
        calls=_JITSU,
        lacks=_JITSU_LACKS,
        behaviours=(*_COMMON, "503 unaided"),
    ),
    Client(
        name="@jitsu/js on a page",
        driver="jitsu_page.mjs",
        library=MODULES / "@jitsu/js/dist/jitsu.es.js",
        behaviours=_ON_PAGES,
        calls=_JITSU,
        lacks=_JITSU_LACKS,
    ),
)


def missing(client: Client) -> str:
    """Why a client cannot be run here; empty if it can."""
    if client.on_page and find_chromium() is None:
        return "there is no Chromium here (on Debian: apt-get install chromium)"
    return ""


def is_required() -> bool:
    """Whether a client that is missing is a failure: continuous integration says so."""
    return os.environ.get("ATTUNE_CLIENTS") == "required"
