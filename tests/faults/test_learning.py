"""Whatever call of a training run breaks: the old champion serves, or the new one does and is whole.

One night's training is told once undisturbed and then again for each call of its ports, in memory and, object by
object, on S3, with that call breaking, before or after it applied. Then the run is started again, as the learning
machine would, and the next night's comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from attune.adapters.memory import MemoryFeatureTable, MemoryRegistry
from attune.adapters.s3_champions import S3Champions
from attune.adapters.s3_registry import S3Registry
from attune.domain.learning.lineages import ERASURES, PEOPLE
from attune.domain.learning.models import Champion, UnusableModelError, encode_model
from attune.ports.learning import Registry
from attune.use_cases.learning.train_models import TrainModels
from tests.adapters.cloud import Cloud
from tests.builders import DAY, NOW, model
from tests.faults.training import PlainTrainer, permitting
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, Unavailable, Wire, wired

NAME = model().name
ROWS = b"profile_id,recency\n" + b"a,1\n" * 7
FILES = ("model.json", "metrics.json", "lineage.json")
#: each night's model is better than the one before
WORTH = {"run-1": 0.4, "run-2": 0.5, "run-3": 0.6}


class Nights:
    """A registry that outlives every process, and training runs that may not."""

    def __init__(self, registry: Registry, *, champion: str | None = "run-1") -> None:
        self.registry = registry
        self.features = MemoryFeatureTable(ROWS)
        if champion is not None:
            files = {"model.json": encode_model(model(champion)), "metrics.json": b"{}", "lineage.json": b"{}"}
            registry.keep(NAME, champion, files)
            registry.promote(NAME, Champion(version=champion), read=None)

    def train(self, run: str, wire: Wire | None = None, registry: Registry | None = None) -> dict[str, Any]:
        """A process of its own; its ports are `wire`d, or at least its `registry` is."""
        wire = wire or Steady()
        use_case = TrainModels(
            features=wired(wire, "features", self.features),
            rows=permitting(wired(wire, "features", self.features)),
            registry=registry or wired(wire, "registry", self.registry),
            trainer=PlainTrainer({**WORTH}),
            clock=lambda: NOW,
            count=lambda *_: None,
        )
        return use_case(NOW + DAY * int(run[-1]), run)

    def champion(self) -> str | None:
        """The version that the pointer names; all of it must be there, and it must load."""
        found = self.registry.champion(NAME)
        if found is None:
            return None
        version = found[1].version
        assert self.registry.model(NAME, version).version == version
        missing = [file for file in FILES if self.registry.document(NAME, version, file) is None]
        assert not missing, f"{version} serves without {missing}"
        return version

    def files(self) -> dict[tuple[str, str], bytes | None]:
        versions = ("run-1", "run-2", "run-3")
        return {(version, file): self.registry.document(NAME, version, file) for version in versions for file in FILES}


def calls(champion: str | None = "run-1") -> list[str]:
    wire = Steady()
    Nights(MemoryRegistry(), champion=champion).train("run-2", wire)
    return wire.calls


def points(names: list[str]) -> list[Any]:
    numbered = [f"{name}.{names[: at + 1].count(name)}" for at, name in enumerate(names)]
    return [pytest.param(at, name, id=label) for at, (name, label) in enumerate(zip(names, numbered, strict=True))]


def broken(train: Callable[[], Any]) -> None:
    """The run ends early, unless it knows how to live with what broke."""
    try:
        train()
    except (Crash, Unavailable):
        return


def check_the_nights_after(nights: Nights, *, before: str | None) -> None:
    """Nothing is half there now, the run ends well when it is started again, and so does the next night's."""
    assert nights.champion() in {before, "run-2"}
    undisturbed = Nights(MemoryRegistry(), champion=before)
    assert nights.train("run-2") == undisturbed.train("run-2")
    assert nights.champion() == "run-2"
    assert nights.files() == undisturbed.files()
    assert nights.train("run-3") == undisturbed.train("run-3")
    found = nights.registry.champion(NAME)
    assert found is not None
    assert (found[1].version, found[1].previous) == ("run-3", "run-2")
    assert nights.files() == undisturbed.files()


def test_the_story_is_about_every_port() -> None:
    assert {"features.build", "features.read", "registry.champion", "registry.keep", "registry.promote"} <= set(calls())


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("position", "name"), points(calls()))
def test_a_run_that_breaks_leaves_a_whole_champion(position: int, name: str, fault: Fault, moment: Moment) -> None:
    nights = Nights(MemoryRegistry())
    wire = BreakAt(position, fault, moment)
    broken(lambda: nights.train("run-2", wire))
    assert wire.calls[position] == name
    check_the_nights_after(nights, before="run-1")


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(("position", "name"), points(calls(None)))
def test_a_first_run_that_breaks_leaves_no_champion_or_a_whole_one(position: int, name: str, moment: Moment) -> None:
    nights = Nights(MemoryRegistry(), champion=None)
    broken(lambda: nights.train("run-2", BreakAt(position, Fault.CRASH, moment)))
    check_the_nights_after(nights, before=None)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(("position", "name"), points(calls()))
def test_after_a_run_that_broke_and_never_came_again_the_next_nights_goes_its_way(
    position: int, name: str, moment: Moment
) -> None:
    nights = Nights(MemoryRegistry())
    broken(lambda: nights.train("run-2", BreakAt(position, Fault.CRASH, moment)))
    served = nights.champion()
    assert nights.train("run-3")["models"][0]["code"] == "better"
    found = nights.registry.champion(NAME)
    assert found is not None
    assert (nights.champion(), found[1].previous) == ("run-3", served)


@pytest.mark.parametrize("position", [at for at, name in enumerate(calls()) if name.startswith("registry.")])
def test_a_run_of_which_another_try_is_still_under_way_ends_like_it(position: int) -> None:
    """A zombie: the machine gave the first try up, and it goes on behind the second one's back."""
    nights = Nights(MemoryRegistry())
    answers: list[dict[str, Any]] = []

    @dataclass
    class Overtaken:
        at: int = 0

        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            self.at += 1
            if self.at - 1 == position:
                answers.append(nights.train("run-2"))
            return call()

    answers.append(nights.train("run-2", Overtaken()))
    assert answers[0] == answers[1]
    check_the_nights_after(nights, before="run-1")


# ------------------------------------------------------------------------------------------- object by object


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud()


@dataclass
class Watched:
    """A reader looks after every call, and must find a model that can serve."""

    look: Callable[[], None]
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        answer = call()
        self.look()
        return answer


def on_s3(cloud: Cloud) -> tuple[Nights, str]:
    """With a word about erased people, whom no model has seen."""
    bucket = cloud.bucket()
    registry = S3Registry(cloud.client("s3"), bucket)
    registry.keep(NAME, ERASURES, {PEOPLE: b"[]"})
    return Nights(registry), bucket


def test_at_no_moment_of_a_run_does_a_reader_find_half_a_model(cloud: Cloud) -> None:
    nights, bucket = on_s3(cloud)
    client = cloud.client("s3")
    seen: list[str] = []
    faults: list[Exception] = []

    def look() -> None:
        reader = S3Champions(client, bucket, clock=lambda: NOW, report=faults.append)
        seen.append(reader.serving()[NAME].version)
        assert nights.champion() == seen[-1]

    watched = Watched(look)
    nights.train("run-2", registry=S3Registry(wired(watched, "s3", client), bucket))
    assert watched.calls.count("s3.put_object") == len(FILES) + 1
    assert seen == sorted(seen)
    assert (seen[0], seen[-1], faults) == ("run-1", "run-2", [])


#: get pointer, model and who was erased, twice; who was erased; put three files and the pointer; the other's pointer
S3_CALLS = range(13)


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("position", S3_CALLS)
def test_a_broken_call_to_s3_leaves_a_whole_champion(cloud: Cloud, position: int, fault: Fault, moment: Moment) -> None:
    nights, bucket = on_s3(cloud)
    wire = BreakAt(position, fault, moment)
    broken(lambda: nights.train("run-2", registry=S3Registry(wired(wire, "s3", cloud.client("s3")), bucket)))
    assert len(wire.calls) == position + 1
    check_the_nights_after(nights, before="run-1")


def test_these_are_all_calls_to_s3_that_a_run_makes(cloud: Cloud) -> None:
    nights, bucket = on_s3(cloud)
    wire = Steady()
    nights.train("run-2", registry=S3Registry(wired(wire, "s3", cloud.client("s3")), bucket))
    assert len(wire.calls) == len(S3_CALLS)


def test_what_lies_in_the_registry_can_be_spoiled_and_the_next_run_mends_it() -> None:
    nights = Nights(MemoryRegistry())
    nights.train("run-2")
    nights.registry.keep(NAME, "run-2", {"model.json": b"\x00"})
    with pytest.raises(UnusableModelError):
        nights.champion()
    assert nights.train("run-3")["models"][0]["code"] == "champion_unusable"
    found = nights.registry.champion(NAME)
    assert found is not None
    assert found[1] == Champion(version="run-3", previous="run-1", run="run-3", moved_at=NOW)
    assert msgspec.json.decode(nights.registry.document(NAME, "run-3", "metrics.json") or b"")["profiles"] == 7
