"""Whether anything of a text is left in any store: what was looked for, and what was found where so far."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from attune.domain.erasure.subjects import FOLDER

#: where a run's documents lie until it is over: they hold what is looked for. Beside the subjects of erasures.
RUNS: Final = f"{FOLDER}verify-"
#: places that are named of each store
NAMED: Final = 20
_DIGITS: Final = 12


class Wanted(msgspec.Struct, frozen=True):
    """What a run looks for."""

    texts: tuple[str, ...]


class Merge(msgspec.Struct, frozen=True, array_like=True):
    """A row of a merge as it lies in the lake: under `survivor`'s data key that of the absorbed profile is sealed."""

    survivor: str
    sealed: bytes


class Looked(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Of one store: things looked at, things in which a text was found, and the first of these.

    `unread`: those that could not be looked into, or were left out because there are too many or they are too large.
    """

    scanned: int = 0
    found: int = 0
    unread: int = 0
    where: list[str] = []


class Progress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far a run has come: the position of what comes next, and what it knows by now.

    `texts`: which of those that are looked for were found anywhere, by number. `splits`: profiles that hold data keys
    of others; `merges`: by profile that was absorbed.
    """

    store: str = ""
    position: str = ""
    done: bool = False
    stores: dict[str, Looked] = {}
    texts: set[int] = set()
    splits: list[str] = []
    merges: dict[str, list[Merge]] = {}


def folder(run: str) -> str:
    """The prefix of all documents of a run."""
    return f"{RUNS}{run}/"


def wanted_key(run: str) -> str:
    """Of what it looks for."""
    return f"{folder(run)}wanted.json"


def progress_key(run: str) -> str:
    """Of how far it has come."""
    return f"{folder(run)}progress.json"


def unsaid(where: str) -> str:
    """In place of a place whose name says what is looked for: its folder, and by what it can be told from others."""
    digest = hashlib.sha256(where.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{where.partition('/')[0][:40]}/… (its name says it; SHA-256 {digest})" if "/" in where else f"… {digest}"
