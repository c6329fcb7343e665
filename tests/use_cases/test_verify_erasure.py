"""Looking through everything stored: found where it is, opened where a key is left, and nothing kept of the search."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import pytest

from attune.adapters.aes_seal import AesSeal
from attune.adapters.memory_profiles import MemoryProfiles
from attune.adapters.memory_stored import MemoryStored
from attune.adapters.memory_swept import MemorySwept
from attune.domain.erasure.verifications import NAMED, Wanted, folder, progress_key, wanted_key
from attune.domain.profiles.profile import Profile, Split
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.ports.stored import Page, Piece, Stored, UnreadableError
from attune.use_cases.erasure.open_seals import OpenSeals
from attune.use_cases.erasure.verify_erasure import NothingWantedError, VerifyErasure

ANN, BOB = "ann@example.com", "bob@example.com"
RUN = "20250615T150640Z-1a2b3c4d"
SEAL = AesSeal()


class Documents:
    """Those of the audit bucket."""

    def __init__(self, bucket: MemorySwept) -> None:
        self.bucket = bucket

    def put(self, key: str, data: bytes | IO[bytes], content_type: str = "application/json") -> None:
        del content_type
        self.bucket.put(key, io.BytesIO(data) if isinstance(data, bytes) else data)

    def get(self, key: str) -> bytes | None:
        found = self.bucket.open(key)
        return found.read() if found else None

    def keys(self, prefix: str) -> list[str]:
        return [one.key for one in self.bucket.listed(prefix)]

    def url(self, key: str, seconds: int) -> str:
        return f"{key}?{seconds}"


class World:
    """Stores that a test fills, and what looks through them."""

    def __init__(self) -> None:
        self.profiles, self.audit = MemoryProfiles(), MemorySwept()
        self.lake: dict[str, bytes] = {}
        self.quarantine: dict[str, bytes] = {}
        self.counted: list[tuple[str, float]] = []
        self.more: dict[str, Stored] = {}

    def live(self, profile_id: str, data_key: bytes, splits: dict[str, Split] | None = None) -> None:
        profile = Profile(profile_id=profile_id, data_key=data_key, splits=splits or {})
        self._put(ProfileItem(profile_id=profile_id, version=1, state=encode_profile(profile)))

    def absorbed(self, profile_id: str, into: str) -> None:
        self._put(ProfileItem(profile_id=profile_id, version=1, merged_into=into))

    def _put(self, item: ProfileItem) -> None:
        self.profiles.commit(Commit(items=((None, item),), claims=(), ledger=()))

    def look(self, *texts: str, pages: int = 1, size: int = 2) -> dict[str, Any]:
        """To the end, some pages a call; each call is an invocation of its own."""
        documents = Documents(self.audit)
        documents.put(wanted_key(RUN), msgspec.json.encode(Wanted(texts)))
        for _ in range(500):
            turns = iter([True] * (pages - 1) + [False])
            answer = self.verify(size)(RUN, lambda turns=turns: next(turns))  # type: ignore[misc]
            if answer["done"]:
                return answer
        raise AssertionError("it never ends")

    def verify(self, size: int = 2) -> VerifyErasure:
        stores: dict[str, Stored] = {
            "lake": MemoryStored(lambda: self.lake, size=size),
            "quarantine": MemoryStored(lambda: self.quarantine, size=size),
        }
        return VerifyErasure(
            stores=stores | self.more,
            profiles=self.profiles,
            seals=OpenSeals(self.profiles, SEAL),
            documents=Documents(self.audit),
            audit=self.audit,
            count=lambda name, value, dimensions: self.counted.append((name, value)),
        )


@pytest.fixture
def world() -> World:
    return World()


def row(profile_id: str, key: bytes, said: bytes, **more: str) -> bytes:
    sealed = base64.b64encode(SEAL.seal(key, said)).decode()
    return msgspec.json.encode({"profile_id": profile_id, "verdict": "applied", "sealed": sealed} | more)


KEY, OLD, OLDER, LOST = (bytes([number]) * 32 for number in range(1, 5))


@pytest.mark.parametrize("pages", [1, 3, 100])
def test_each_store_tells_how_many_were_looked_at_and_where_something_was(world: World, pages: int) -> None:
    world.quarantine = {f"q/{number}": ANN.encode() if number % 3 == 0 else b"nothing" for number in range(7)}
    world.lake = {"events/1": b'{"a":1}\n', "events/2": f'{{"a":"{BOB}"}}\n'.encode()}
    answer = world.look(ANN, BOB, "cleo@example.com", pages=pages)
    assert answer["stores"] == {
        "lake": {"scanned": 2, "found": 1, "where": ["events/2"]},
        "quarantine": {"scanned": 7, "found": 3, "where": ["q/0", "q/3", "q/6"]},
    }
    assert answer["texts"] == {"wanted": 3, "found": 2}
    assert world.counted == [("Residue", 4)]


def test_nothing_is_found_where_nothing_is(world: World) -> None:
    world.quarantine = {"q/1": b"of somebody else"}
    answer = world.look(ANN)
    assert [one.get("found", 0) for one in answer["stores"].values()] == [0, 0]
    assert answer["texts"]["found"] == 0


def test_what_a_live_profile_can_open_is_opened(world: World) -> None:
    world.live("p", KEY)
    world.lake = {
        "events/1": row("p", KEY, ANN.encode()),
        "events/2": row("p", LOST, ANN.encode()),  # a fold that lost its race: nobody has the key
        "events/3": row("gone", KEY, ANN.encode()),
    }
    assert world.look(ANN)["stores"]["lake"]["where"] == ["events/1"]


def test_what_was_sealed_for_the_absorbed_is_opened_over_any_merges(world: World) -> None:
    """The rows of merges lie behind those that they open, and not in order."""
    world.live("root", KEY)
    world.absorbed("second", "root")
    world.absorbed("first", "second")
    world.lake = {
        "events/1": row("first", OLDER, ANN.encode()),
        "events/8": row("second", OLD, OLDER, verdict="merged", absorbed="first"),
        "events/9": row("root", KEY, OLD, verdict="merged", absorbed="second"),
    }
    for size in (1, 2, 10):
        assert world.look(ANN, size=size)["stores"]["lake"]["where"] == ["events/1"]
        world.verify().forget(RUN)


def test_what_was_sealed_for_whom_they_were_unlinked_from_is_opened(world: World) -> None:
    split = Split(version=3, keys=b"", at=1, other="before", data_key=OLD)
    world.live("new", KEY, {"part": split})
    world.lake = {"events/1": row("before", OLD, ANN.encode())}
    assert world.look(ANN)["stores"]["lake"]["where"] == ["events/1"]


def test_a_name_that_says_it_is_found_and_not_told(world: World) -> None:
    world.quarantine = {f"imports/tills/{ANN}.csv": b"nothing"}
    told = world.look(ANN)["stores"]["quarantine"]
    assert told["found"] == 1
    assert told["where"][0].startswith("imports/… ")
    assert ANN not in str(told)


def test_only_the_first_places_are_named(world: World) -> None:
    world.quarantine = {f"q/{number:03}": ANN.encode() for number in range(NAMED + 5)}
    told = world.look(ANN)["stores"]["quarantine"]
    assert (told["found"], len(told["where"])) == (NAMED + 5, NAMED)


def test_what_cannot_be_read_is_told_and_does_not_end_the_search(world: World) -> None:
    class Torn:
        def page(self, position: str) -> Page:
            def blocks() -> Any:
                yield ANN.encode()
                raise UnreadableError

            return Page([Piece("torn", blocks()), Piece("fine", [ANN.encode()])], "", missed=2)

    world.more = {"failures": Torn()}
    told = world.look(ANN)["stores"]["failures"]
    assert (told["scanned"], told["unread"], told["where"]) == (2, 3, ["torn", "fine"])


def test_a_call_whose_answer_was_lost_counts_nothing_twice(world: World) -> None:
    world.quarantine = {f"q/{number}": ANN.encode() for number in range(6)}
    Documents(world.audit).put(wanted_key(RUN), msgspec.json.encode(Wanted((ANN,))))
    verify = world.verify()
    while not (last := verify(RUN, lambda: False))["done"]:
        pass
    assert verify(RUN, lambda: False) == last
    assert last["stores"]["quarantine"]["found"] == 6


def test_a_store_that_fails_in_the_middle_counts_nothing_twice(world: World) -> None:
    """What was looked through before it is kept, a page that broke off is looked through anew."""
    failures = iter([True, False])

    class Moody:
        def page(self, position: str) -> Page:
            def pieces() -> Iterator[Piece]:
                yield Piece("first", [ANN.encode()])
                if next(failures, False):
                    raise ConnectionError
                yield Piece("second", [ANN.encode()])

            return Page(pieces(), "")

    world.quarantine = {f"q/{number}": ANN.encode() for number in range(6)}
    world.more = {"moody": Moody()}
    with pytest.raises(ConnectionError):
        world.look(ANN, pages=1_000)
    answer = world.verify()(RUN, lambda: True)
    assert answer["stores"]["moody"] == {"scanned": 2, "found": 2, "where": ["first", "second"]}
    assert answer["stores"]["quarantine"]["found"] == 6


def test_what_is_torn_in_the_lake_does_not_hide_the_keys_in_the_rest(world: World) -> None:
    world.live("root", KEY)
    world.absorbed("first", "root")

    class Torn:
        def page(self, position: str) -> Page:
            def torn() -> Iterator[bytes]:
                yield b"{}"
                raise UnreadableError

            merge = row("root", KEY, OLD, verdict="merged", absorbed="first")
            pieces = [Piece("torn", torn()), Piece("events/1", [row("first", OLD, ANN.encode())]), Piece("m", [merge])]
            return Page(pieces, "")

    world.more = {"lake": Torn()}
    told = world.look(ANN)["stores"]["lake"]
    assert (told["unread"], told["where"]) == (1, ["events/1"])


def test_nothing_is_kept_of_what_was_looked_for(world: World) -> None:
    world.quarantine = {"q/1": ANN.encode()}
    answer = world.look(ANN)
    assert ANN not in str(answer)
    assert {wanted_key(RUN), progress_key(RUN)} <= world.audit.versions.keys()
    assert world.verify().forget(RUN) == {"forgotten": 2}
    assert not [key for key in world.audit.versions if key.startswith(folder(RUN))]
    assert world.verify().forget(RUN) == {"forgotten": 0}
    with pytest.raises(NothingWantedError):
        world.verify()(RUN, lambda: True)
