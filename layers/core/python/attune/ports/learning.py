"""What the learning loop needs of the world: the lake's files and tables, training, models at rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from attune.domain.learning.models import Champion, Model
from attune.domain.learning.training import Measure, Order, Refusal
from attune.ports import ProfileItem
from attune.ports.arrivals import Ended

__all__ = [  # the domain values that the registry keeps are part of its contract
    "Champion",
    "Model",
]


class Champions(Protocol):
    """The models that serve, for who scores."""

    def serving(self) -> Mapping[str, Model]:
        """By name, at most the adapter's stated lifetime old; never raises.

        Of a model whose pointer or artefact is missing or faulty, the last good version goes on serving: the one
        known, else the one before, else none.
        """
        ...


class Registry(Protocol):
    """Models at rest: `models/<name>/<version>/<file>` and `models/<name>/champion.json`."""

    def champion(self, name: str) -> tuple[str, Champion] | None:
        """The pointer and its tag, read consistently; None where there is none.

        `UnusableModelError` if it is unreadable, with its tag, so that it can be replaced.
        """
        ...

    def model(self, name: str, version: str) -> Model:
        """`UnusableModelError` if it is missing or faulty."""
        ...

    def document(self, name: str, version: str, file: str) -> bytes | None:
        """Any file of a version as it is: its first `MAX_BYTES` and one more, should it have more."""
        ...

    def keep(self, name: str, version: str, files: Mapping[str, bytes]) -> None:
        """Idempotent: keeping a version again replaces its files. Nothing serves until the champion points there."""
        ...

    def promote(self, name: str, champion: Champion, *, read: str | None) -> None:
        """Moves the pointer; `ConflictError` unless it is the one that was `read` (its tag; None: there was none)."""
        ...


class FeatureRows(Protocol):
    """One row of features a profile, as `adapters/queries/features.sql` selects them, as CSV with a header."""

    def read(self, location: str, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start` on; empty beyond the end."""
        ...


class FeatureTable(FeatureRows, Protocol):
    """Makes the rows, and reads them."""

    def build(self, cutoff: int, run: str) -> str:
        """Select what was known at `cutoff` (ms); answers where the rows lie. Asking again selects the same again."""
        ...


class Candidate(Protocol):
    """A model just trained, and the profiles held out to judge it by."""

    @property
    def model(self) -> Model:
        """Not kept anywhere yet."""
        ...

    @property
    def profiles(self) -> int:
        """All that were read, the held out among them."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What training found out, as JSON: figures by name; of clusters `clusters` with name, share and centroid."""
        ...

    @property
    def lineage(self) -> Mapping[str, Any]:
        """What it was made of and with, as JSON."""
        ...

    @property
    def measure(self) -> Measure:
        """What it is judged by."""
        ...

    def judged(self, model: Model) -> float | None:
        """That measure of a model of its name, on this candidate's hold-out; None where there is nothing to judge."""
        ...


class Trainer(Protocol):
    """Makes models of rows. The same order and rows make the same model, bit by bit."""

    def __call__(self, order: Order, pieces: Iterable[bytes]) -> Candidate | Refusal:
        """`pieces`: the CSV of `FeatureTable`, cut anywhere."""
        ...


class RawObject(msgspec.Struct, frozen=True, order=True):
    """One object of raw rows: its key, and a tag that changes with its content."""

    key: str
    tag: str


class Made(msgspec.Struct, frozen=True):
    """A compacted day as it lies there: what it was said to be made from, and a tag that changes with every write."""

    made_from: str
    tag: str


class LakeFiles(Protocol):
    """The lake at rest: raw rows by the day of their arrival, and what compaction makes of them. Days: `2025-06-15`."""

    def raw(self, until: int, day: str = "") -> dict[str, list[RawObject]]:
        """By day, in order of keys: what had been laid down by `until` (ms). Days without raw rows are absent.

        `day`: of that one only.
        """
        ...

    def lines(self, key: str) -> Iterator[bytes]:
        """An object's lines without their ends; `UnreadableObjectError` where it cannot be unpacked any further."""
        ...

    def made(self, day: str) -> Made | None:
        """What was said when the day was last kept; None where it never was."""
        ...

    def keep_day(self, day: str, file: Path, made_from: str, read: str | None) -> None:
        """The day's rows, replaced as a whole; `ConflictError` unless what is replaced has the tag `read`.

        None: there must be none yet.
        """
        ...

    def forget_day(self, day: str, *, rows: bool) -> None:
        """What was made of the day goes, with every version; with `rows` its raw rows too."""
        ...

    def keep_profiles(self, file: Path) -> None:
        """The snapshot of profiles, replaced as a whole."""
        ...


class UnreadableObjectError(Exception):
    """An object is cut off or damaged: what came before stands, the rest cannot be had."""


class KnownProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A stored profile id and the live profile it has become: whether that one consents to personalization.

    By model which version says what of it, as `profile.spell_score`; empty for nothing.
    """

    profile_id: str
    root: str
    personalization: bool
    shopper_clusters: str = ""
    rfm: str = ""


class Compaction(Protocol):
    """A place to work on raw rows: days are loaded, judged together, written as one file each."""

    def clear(self) -> None:
        """Begin with nothing loaded."""
        ...

    def loaded(self) -> set[str]:
        """The days that are here."""
        ...

    def load(self, day: str, rows: Iterable[tuple[str, bytes]]) -> dict[str, int]:
        """Take a day's lines in, each with the key it came from; answers how many are no rows, by key."""
        ...

    def drop(self, day: str) -> None:
        """Forget a loaded day."""
        ...

    def contested(self, day: str, among: Collection[str]) -> set[str]:
        """The profiles of those events of the day that lie, in the days `among`, under several profiles."""
        ...

    def write_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> Path:
        """One row an event: those of the day that count among all rows of the days `among`.

        By the rule of `verdicts.Row`; a row under an `unstored` profile counts only where there is no other.
        """
        ...

    def count_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> list[Ended]:
        """What became of those arrivals whose row that counts, among all rows of the days `among`, is the day's."""
        ...

    def write_profiles(self, known: Iterable[KnownProfile]) -> Path:
        """The snapshot."""
        ...


class HoldScan(Protocol):
    """Holds (`ports.Holds`) of many people: by identity key purpose → since when (ms); nothing of who is not held."""

    def every_hold(self) -> dict[str, dict[str, int]]:
        """All there are, each read consistently; not of one instant."""
        ...

    def each_hold(self, identity_keys: Collection[str]) -> dict[str, dict[str, int]]:
        """Of these keys, read consistently."""
        ...


class ProfileScan(Protocol):
    """All profiles there are."""

    def all_items(self, *, consistent: bool = False) -> Iterable[ProfileItem]:
        """Every item, tombstones included; not of one instant. `consistent`: none as it was before the scan began."""
        ...

    def tombstones(self) -> Iterable[ProfileItem]:
        """Of `all_items` who was merged or erased; eventually consistent."""
        ...

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        """At most `limit`, in the store's own order, and the place behind them; from `after` on ("": the beginning).

        The place is "" behind the last one. A profile that was there all the while is met once.
        """
        ...
