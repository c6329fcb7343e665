from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryFeatureTable, MemoryRegistry
from attune.domain.learning.lineages import (
    ERASURES,
    PEOPLE,
    Seen,
    decode_people,
    encode_people,
    expires_at,
    may_have_seen,
)
from attune.domain.learning.models import Champion, encode_model
from attune.domain.learning.training import decide
from attune.ports import ConflictError, ProfileItem
from attune.use_cases.learning.train_models import MAX_ATTEMPTS, TrainModels
from tests.builders import DAY, NOW, model
from tests.faults.training import Asked, PlainTrainer, consenting, permitting

NAME = model().name
ROWS = b"profile_id,recency\n" + b"a,1\n" * 7


class Story:
    """A registry, rows, and what a version's model is worth."""

    def __init__(self, rows: bytes = ROWS, **worth: float | None) -> None:
        self.registry = MemoryRegistry()
        self.trainer = PlainTrainer({name.replace("_", "-"): value for name, value in worth.items()})
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        self.features = MemoryFeatureTable(rows)
        self.people = Asked("a", "b", "c", "d")

    def train(self, run: str = "run-2") -> dict[str, Any]:
        use_case = TrainModels(
            features=self.features,
            rows=permitting(self.features, self.people),
            registry=self.registry,
            trainer=self.trainer,
            clock=lambda: NOW + 5,
            count=lambda name, value, dimensions: self.counted.append((name, value, dict(dimensions))),
        )
        self.answer = use_case(NOW, run)
        first: dict[str, Any] = self.answer["models"][0]
        return first

    def serves(self, version: str = "run-1", data: bytes | None = None, **pointer: Any) -> None:
        """`version` is champion."""
        self.registry.keep(NAME, version, {"model.json": encode_model(model(version)) if data is None else data})
        self.registry.spoil_pointer(NAME, msgspec.json.encode(Champion(version=version, **pointer)))

    def pointer(self) -> Champion:
        found = self.registry.champion(NAME)
        assert found is not None
        return found[1]

    def document(self, file: str, version: str = "run-2") -> Any:
        data = self.registry.document(NAME, version, file)
        assert data is not None
        return json.loads(data)


def test_the_first_model_becomes_champion() -> None:
    story = Story()
    assert story.train() == {
        "model": "shopper_clusters",
        "state": "promoted",
        "code": "no_champion",
        "version": "run-2",
    }
    assert (story.answer["features"], story.answer["profiles"]) == ("memory://features/run-2.csv", 7)
    assert story.pointer() == Champion(version="run-2", previous=None, run="run-2", moved_at=NOW + 5)
    assert story.registry.model(NAME, "run-2") == model("run-2", trained_at=NOW)
    assert story.counted[0] == ("ModelsTrained", 1, {"model": NAME, "state": "promoted"})


def test_a_version_is_kept_with_its_figures_and_where_it_came_from() -> None:
    story = Story(run_2=0.5, run_1=0.4)
    story.serves("run-1")
    story.train()
    assert story.document("metrics.json") == {
        "clusters": [
            {"name": "vip", "share": 0.5, "centroid": {}},
            {"name": "lapsed", "share": 0.5, "centroid": {}},
        ],
        "silhouette": 0.5,
        "champion": "run-1",
        "champion_silhouette": 0.4,
        "verdict": {"promoted": True, "code": "better"},
        "profiles": 7,
    }
    assert story.document("lineage.json") == {"run": "run-2", "rows": 7, "cutoff": NOW}


def test_a_better_one_takes_the_champions_place_and_names_it_as_the_one_before() -> None:
    story = Story(run_2=0.42, run_1=0.4)
    story.serves("run-1", previous="run-0")
    assert story.train()["code"] == "better"
    assert (story.pointer().version, story.pointer().previous) == ("run-2", "run-1")


@pytest.mark.parametrize(("worth", "code"), [(0.405, "not_better"), (0.3, "not_better"), (0.2, "no_structure")])
def test_one_that_is_not_better_is_kept_and_does_not_serve(worth: float, code: str) -> None:
    story = Story(run_2=worth, run_1=0.4)
    story.serves("run-1")
    answer = story.train()
    assert (answer["state"], answer["code"], answer["version"]) == ("kept", code, "run-2")
    assert story.pointer() == Champion(version="run-1")
    assert story.document("metrics.json")["verdict"] == {"promoted": False, "code": code}


def saw(story: Story, cutoff: int | None, *people: Seen) -> None:
    """The champion's rows were cut off then, and these people were erased since."""
    lineage = {} if cutoff is None else {"cutoff": cutoff}
    story.registry.keep(NAME, "run-1", {"lineage.json": json.dumps(lineage).encode()})
    story.registry.keep(NAME, ERASURES, {PEOPLE: encode_people(people)})


@pytest.mark.parametrize("cutoff", [NOW - 9, NOW - 5, NOW - 1, None])
def test_a_champion_that_saw_somebody_erased_gives_way_to_any_sound_one(cutoff: int | None) -> None:
    story = Story(run_2=0.3, run_1=0.9)
    story.serves("run-1", previous="run-0")
    saw(story, cutoff, Seen(NOW - 9, NOW - 1))
    assert story.train()["code"] == "champion_saw_erased"
    assert story.pointer() == Champion(version="run-2", previous=None, run="run-2", moved_at=NOW + 5)
    assert story.train()["code"] == "champion_saw_erased"  # the same run, tried again


def test_a_champion_that_saw_somebody_erased_stays_as_long_as_there_is_no_sound_one() -> None:
    story = Story(run_2=0.2, run_1=0.9)
    story.serves("run-1")
    saw(story, NOW - 5, Seen(NOW - 9, NOW - 1))
    assert story.train()["code"] == "no_structure"
    assert story.pointer().version == "run-1"


@pytest.mark.parametrize("cutoff", [NOW - 10, NOW])
def test_a_champion_that_saw_nobody_erased_is_judged_as_ever(cutoff: int) -> None:
    story = Story(run_2=0.3, run_1=0.9)
    story.serves("run-1")
    saw(story, cutoff, Seen(NOW - 9, NOW - 1))
    assert story.train()["code"] == "not_better"


def test_a_model_of_rows_read_before_an_erasure_is_kept_and_does_not_serve() -> None:
    story = Story(run_2=0.9, run_1=0.4)
    story.serves("run-1")
    story.registry.keep(NAME, ERASURES, {PEOPLE: encode_people([Seen(NOW - 9, NOW + 2)])})
    story.registry.keep(NAME, "run-1", {"lineage.json": json.dumps({"cutoff": NOW - 10}).encode()})
    for _ in range(2):
        answer = story.train()
        assert (answer["state"], answer["code"]) == ("kept", "saw_erased")
        assert story.pointer().version == "run-1"


def test_of_very_many_erased_people_none_is_forgotten() -> None:
    people = decode_people(encode_people(Seen(number, 2 * number + 1) for number in range(9_000)))
    assert len(people) < 6_000
    assert all(may_have_seen(number, people) for number in range(1, 18_000))
    assert not may_have_seen(18_000, people)


def test_a_model_ends_thirty_days_after_the_first_erasure_of_whom_it_saw_and_not_of_others() -> None:
    people = [Seen(1, 90), Seen(1, 70), Seen(1, 40), Seen(60, 65)]
    assert expires_at(50, people) == 70 + 30 * DAY
    assert expires_at(0, people) == 40 + 30 * DAY
    assert expires_at(95, people) == 0


def test_a_model_that_finds_no_structure_does_not_even_become_the_first_champion() -> None:
    story = Story(run_2=None)
    answer = story.train()
    assert (answer["state"], answer["code"]) == ("kept", "no_structure")
    assert story.registry.champion(NAME) is None


@pytest.mark.parametrize("data", [b"{}", b"", encode_model(model("run-9"))])
def test_a_champion_that_cannot_be_used_is_replaced_and_what_served_before_it_stays_the_one_before(data: bytes) -> None:
    story = Story()
    story.serves("run-1", data, previous="run-0")
    answer = story.train()
    assert (answer["state"], answer["code"]) == ("promoted", "champion_unusable")
    assert (story.pointer().version, story.pointer().previous) == ("run-2", "run-0")


def test_a_pointer_that_cannot_be_read_is_replaced() -> None:
    story = Story()
    story.registry.spoil_pointer(NAME, b"\xff")
    answer = story.train()
    assert (answer["state"], answer["code"]) == ("promoted", "champion_unusable")
    assert story.pointer().version == "run-2"


def test_rows_without_a_model_in_them_leave_everything_as_it_is() -> None:
    story = Story(rows=b"profile_id,recency\n")
    story.serves("run-1")
    answer = story.train()
    assert (answer["state"], answer["code"], answer["version"]) == ("skipped", "too_few_profiles", None)
    assert story.answer["features"] == "memory://features/run-2.csv"
    assert story.pointer() == Champion(version="run-1")
    assert story.registry.document(NAME, "run-2", "metrics.json") is None


def test_a_run_that_is_tried_again_answers_the_same_without_training_again() -> None:
    story = Story(run_2=0.5, run_1=0.4)
    story.serves("run-1")
    first = story.train()
    pointers = dict(story.registry.pointers)
    assert story.train() == first
    assert story.registry.pointers == pointers
    assert story.trainer.trained == ["run-2"]


def test_a_run_that_is_tried_again_after_the_next_one_was_promoted_does_not_come_back() -> None:
    story = Story(run_2=0.5, run_3=0.6)
    first = story.train("run-2")
    story.train("run-3")
    assert story.train("run-2") == first
    assert story.pointer().version == "run-3"


def test_a_run_that_was_kept_is_judged_again_when_it_is_tried_again_to_the_same_end() -> None:
    story = Story(run_2=0.3, run_1=0.4)
    story.serves("run-1")
    first = story.train()
    files = dict(story.registry.files)
    assert story.train() == first
    assert story.registry.files == files


@pytest.mark.parametrize("file", ["model.json", "metrics.json"])
def test_a_champion_that_lost_a_file_is_made_whole_by_its_own_run(file: str) -> None:
    story = Story(run_1=0.4, run_2=0.5)
    story.serves("run-1")
    story.train()
    story.registry.keep(NAME, "run-2", {file: b"{"})
    answer = story.train()
    assert (answer["state"], answer["code"]) == ("promoted", "champion_unusable")
    assert (story.pointer().version, story.pointer().previous) == ("run-2", "run-1")
    assert story.registry.model(NAME, "run-2") == model("run-2", trained_at=NOW)
    assert story.document("metrics.json")["profiles"] == 7


class Contested(MemoryRegistry):
    """Somebody else does something before a promotion."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], None] = lambda: None

    def promote(self, name: str, champion: Champion, *, read: str | None) -> None:
        self.before()
        super().promote(name, champion, read=read)


def contested(**worth: float | None) -> tuple[Story, Contested]:
    story, registry = Story(ROWS, **worth), Contested()
    story.registry = registry
    story.serves("run-1")
    return story, registry


def test_who_finds_another_champion_than_it_was_judged_against_is_judged_again() -> None:
    story, registry = contested(run_2=0.5, run_1=0.4, run_7=0.6)

    def overtake() -> None:
        registry.before = lambda: None
        story.serves("run-7")

    registry.before = overtake
    answer = story.train()
    assert (answer["state"], answer["code"]) == ("kept", "not_better")
    assert story.pointer().version == "run-7"
    assert story.document("metrics.json")["champion"] == "run-7"
    assert story.trainer.trained == ["run-2"]


def test_who_is_better_than_the_new_champion_too_takes_its_place() -> None:
    story, registry = contested(run_2=0.5, run_1=0.3, run_7=0.4)

    def overtake() -> None:
        registry.before = lambda: None
        story.serves("run-7")

    registry.before = overtake
    assert story.train()["code"] == "better"
    assert (story.pointer().version, story.pointer().previous) == ("run-2", "run-7")


def test_a_conflict_with_its_own_write_whose_answer_was_lost_is_success() -> None:
    story, registry = contested(run_2=0.5, run_1=0.4)

    def written_already() -> None:
        registry.before = lambda: None
        story.registry.spoil_pointer(NAME, msgspec.json.encode(Champion(version="run-2", previous="run-1")))

    registry.before = written_already
    answer = story.train()
    assert (answer["state"], answer["code"], story.answer["profiles"]) == ("promoted", "better", 7)
    assert story.pointer().version == "run-2"


def test_a_pointer_that_never_keeps_still_is_a_conflict_in_the_end() -> None:
    story, registry = contested(run_2=0.5, run_1=0.4)
    tries = []

    def interfere() -> None:
        tries.append(1)
        story.serves("run-1")

    registry.before = interfere
    with pytest.raises(ConflictError):
        story.train()
    assert len(tries) == MAX_ATTEMPTS
    assert story.pointer().version == "run-1"


def test_large_tables_are_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attune.use_cases.learning.read_features.BLOCK", 5)
    story = Story()
    story.train()
    assert story.answer["profiles"] == 7


FOUR = b'"recency","profile_id"\n"1","a"\n"1","b"\n"1","c"\n"1","d"\n'


def test_nobody_is_learnt_from_who_withdrew_is_held_or_was_erased_since_the_features_were_selected() -> None:
    story = Story(rows=FOUR)
    story.people.items["b"] = consenting("b", personalization=False)
    story.people.items["c"] = ProfileItem(profile_id="c", version=2, erased_at=NOW)
    story.people.holds = {"key of d": {"$restriction": NOW}}
    story.train()
    assert story.answer["profiles"] == 1
    story.people.holds = {"key of d": {"email": NOW}}
    story.train("run-3")
    assert story.answer["profiles"] == 2


@pytest.mark.parametrize("rows", [b"", b"recency\n1\n2\n", b'"profile_id"\n"a\x00"\n\n"x"\n'])
def test_rows_of_nobody_who_is_known_are_none(rows: bytes) -> None:
    story = Story(rows=rows)
    assert story.train()["code"] == "too_few_profiles"


class ErasedMeanwhile(PlainTrainer):
    """While it learns somebody is erased, directly or as whom they are merged into; no sweep has told of it yet."""

    people: Asked

    def __call__(self, order: Any, pieces: Any) -> Any:
        made = super().__call__(order, pieces)
        self.people.items["b"] = ProfileItem(profile_id="b", version=2, merged_into="e")
        self.people.items["e"] = ProfileItem(profile_id="e", version=2, erased_at=NOW + 1)
        return made


@pytest.mark.parametrize("rows", [FOUR, FOUR.replace(b'"1","b"\n', b"")], ids=["with them", "without them"])
def test_what_has_learnt_from_somebody_who_is_erased_before_it_serves_never_does(rows: bytes) -> None:
    story = Story(rows=rows)
    story.trainer = trainer = ErasedMeanwhile()
    trainer.people = story.people
    answer = story.train()
    saw = b'"b"' in rows
    assert (answer["state"], answer["code"]) == (("kept", "saw_erased") if saw else ("promoted", "no_champion"))
    assert (story.registry.champion(NAME) is None) is saw


class SweptMeanwhile(Asked):
    """Somebody is erased, and the sweep has told of it, while tombstones are looked through."""

    tell: Callable[[], None]

    def tombstones(self) -> list[ProfileItem]:
        found = super().tombstones()
        self.tell()
        return found


def test_who_is_erased_and_swept_while_tombstones_are_looked_through_is_not_learnt_from_either() -> None:
    story = Story()
    story.people = people = SweptMeanwhile("a")
    people.tell = lambda: story.registry.keep(NAME, ERASURES, {PEOPLE: encode_people([Seen(0, NOW + 2)])})
    assert story.train()["code"] == "saw_erased"
    assert story.registry.champion(NAME) is None


def test_a_model_that_is_promoted_while_a_sweep_tells_of_whom_it_saw_is_to_expire() -> None:
    story, registry = contested(run_2=0.5, run_1=0.4)
    registry.keep(NAME, "run-1", {"lineage.json": json.dumps({"cutoff": NOW - 9}).encode()})
    seen = {PEOPLE: encode_people([Seen(NOW - 1, NOW + 2)])}
    registry.before = lambda: registry.keep(NAME, ERASURES, seen)
    story.train()
    assert (story.pointer().version, story.pointer().previous) == ("run-2", "run-1")
    assert story.pointer().expires_at == NOW + 2 + 30 * DAY


def test_a_try_that_was_killed_right_after_it_promoted_is_made_up_for_by_the_next() -> None:
    story, registry = contested(run_2=0.5, run_1=0.4)

    def killed() -> None:
        registry.before = lambda: None
        registry.promote(NAME, Champion(version="run-2", previous="run-1"), read=registry.pointers[NAME][0])
        registry.keep(NAME, ERASURES, {PEOPLE: encode_people([Seen(NOW - 1, NOW + 2)])})
        raise KeyboardInterrupt

    registry.before = killed
    with pytest.raises(KeyboardInterrupt):
        story.train()
    assert story.train()["state"] == "promoted"
    assert story.pointer().expires_at == NOW + 2 + 30 * DAY


def test_a_champion_that_is_to_expire_gives_way_whatever_is_noted_elsewhere() -> None:
    story = Story(run_2=0.3, run_1=0.9)
    story.serves("run-1", expires_at=NOW + 99)
    assert story.train()["code"] == "champion_saw_erased"
    assert (story.pointer().version, story.pointer().expires_at) == ("run-2", 0)


@pytest.mark.parametrize(
    ("challenger", "champion", "code"),
    [
        (0.4, None, "better"),
        (0.26, 0.25, "better"),
        (0.2599, 0.25, "not_better"),
        (0.25, "no_champion", "no_champion"),
        (0.2499, "no_champion", "no_structure"),
        (None, None, "no_structure"),
        (0.9, "champion_unusable", "champion_unusable"),
    ],
)
def test_the_rule_of_promotion(challenger: float | None, champion: Any, code: str) -> None:
    verdict = decide(challenger, champion)
    assert (verdict.code, verdict.promoted) == (code, code not in {"not_better", "no_structure"})
