"""After a withdrawal or an erasure at any point of an event's life nothing is sent, learnt or shown with it, nor does
anything bring it back.

Ada withdraws over the API, Bea in her browser, Cleo is erased, and Dan, who says the same, does nothing: of him all is
seen, in the same worlds and at the same time, so that whatever is asserted of the others could be otherwise. The use
cases are the real ones (`forgetful_shop.py`, `forgetful_desk.py`); what may be seen is written from the English alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

import pytest

from tests.builders import HOUR
from tests.faults.effort import LONG, seeds
from tests.faults.forgotten_lives import API, ERASED, NEVER, STREAM, Lives
from tests.faults.forgotten_replays import (
    finish,
    forget,
    in_the_clear,
    look_at_exports,
    look_at_segments,
    night,
    replays,
    residue,
)
from tests.lakes import LakeOfTests

ACTING = (API, STREAM, ERASED)
#: where what they say is before each step of a life, and after the last
POINTS = (
    "known",
    "refused, on the stream",
    "in quarantine",
    "in a dropped file",
    "in a file half read, on the stream",
    "in a file half read",
    "in a file, on the stream",
    "in profiles",
    "on a stream that breaks",
    "in the failures bucket",
    "on the stream",
    "in a retry",
    "in Firehose's buffer",
    "in the raw lake",
    "in the tables",
    "due, on the stream",
    "in its grace",
    "told, on the stream",
    "in the outbox",
    "in the delivery queue",
    "before a second attempt",
    "learnt",
    "scored, on the stream",
    "scored",
    "sent",
)
STEPS = len(POINTS) - 1
#: three points each, of three people at each of them
_WORLDS = tuple(itertools.zip_longest(POINTS[:9], POINTS[9:18], POINTS[18:], fillvalue=POINTS[-1]))
#: with the privacy machine at work after each step, or only after all has been replayed
TRIED = [pytest.param(one, number % 2 == 0, id=" / ".join(one)) for number, one in enumerate(_WORLDS)]
TRIED += [pytest.param(one, number % 2 == 1) for number, one in enumerate(_WORLDS)] if LONG else []
WAYS = frozenset({"past", "refused", "file1", "file2", "given", "cart"})
#: uses for which somebody must consent, and that a hold stops; what is only stored may be shown to them
HELD = frozenset({"sent", "shown in segments", "shown with scores", "explained as inside"})
#: and those that end when the stream has carried the word
USES = HELD | {"previewed", "stored in segments", "stored with scores"}
#: rows that Firehose held during the sweep lie there under a destroyed key for a day; tables do not have them
LATE = frozenset({"raw lake"})
#: what somebody may be in who came back after an erasure and looked at something
ANEW = frozenset({"curious", "vip", "shopper_clusters"})
#: what somebody sends in again after the erasure, as it is, stays for its 28 days: nobody may say whose it is then
SENT_IN = frozenset({"imports"})


@pytest.fixture(scope="module")
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def live(lives: Lives, acts: dict[str, int], *, prompt: bool = False, at: str = "", at_once: bool = False) -> Lives:
    """A whole life, in which each takes it back before that step, or at its first call of that name.

    `at_once`: the stream has carried it before that call goes on.

    `prompt`: the privacy machine works after each step; else at the very end.
    """
    for number, step in enumerate(lives.steps()):
        acting = [who for who, position in acts.items() if position == number]

        def take_back(acting: list[str] = acting) -> None:
            for who in acting:
                lives.take_back(who)
            if acting and at_once:
                lives.shop.process()
                lives.notice()

        if at and acting:
            lives.shop.switch.before[at] = take_back
        else:
            take_back()
        step()
        assert not lives.shop.switch.before, f"the step has no call of {at}"
        lives.look()
        if prompt:
            lives.desk.work()
            lives.look()
    for who in [who for who, position in acts.items() if position >= STEPS]:
        lives.take_back(who)
    return lives


def bring_back(lives: Lives, *, prompt: bool) -> None:
    """Everything ends, and whatever may bring something back does so, before the machine has been there and after."""
    finish(lives)
    if not prompt:
        _replay_all(lives)
        look_at_segments(lives)
    forget(lives)
    check_nothing_lies(lives, but=LATE if prompt else SENT_IN)
    lives.world.time.now += 26 * HOUR
    check_nothing_lies(lives, but=frozenset() if prompt else SENT_IN)
    if prompt or LONG:
        _replay_all(lives)
    night(lives, "run-3")
    look_at_segments(lives)
    check_nothing_lies(lives, but=SENT_IN)


def _replay_all(lives: Lives) -> None:
    ways = list(replays(lives).items())
    lives.rng.shuffle(ways)
    for _, replay in ways:
        replay()
        finish(lives)


# ------------------------------------------------------------------------------------------------------- what may be


def check(lives: Lives) -> None:
    for who in lives.answered:
        assert who in lives.applied, f"{who}'s act was never applied"
        check_uses(lives, who)
        check_models(lives, who)
        check_lake(lives, who)
        check_words(lives, who)


def since(lives: Lives, who: str) -> int:
    """From when on nothing may be done: the API's answer, or the commit of what the stream carried."""
    return lives.applied[who] if who.startswith(STREAM) else lives.answered[who]


def check_uses(lives: Lives, who: str) -> None:
    """But for the one message of which the answer said that it may be leaving."""
    answered, mine = since(lives, who), [one for one in lives.seen if one.who == who and one.use in USES]
    for one in mine:
        is_new = who.startswith(ERASED) and one.at > lives.back_at and one.words <= ANEW
        is_told = one.use == "sent" and who in lives.told
        ended = answered if one.use in HELD else lives.applied[who]
        assert one.at <= ended or is_new or is_told, (who, one)
    late = [one for one in mine if one.use == "sent" and one.at > answered]
    assert len(late) <= (who in lives.told), (who, late)


def check_models(lives: Lives, who: str) -> None:
    """No model learns from them any more, and of who is erased none serves that has."""
    answered = since(lives, who)
    trainer = lives.shop.trainer
    for run, people in trainer.taught.items():
        assert trainer.taught_at[run] <= answered or people.isdisjoint(lives.ids[who]), (who, run)
    if who.startswith(ERASED):
        late = [version for at, version in lives.champions if at > lives.applied[who]]
        assert late, "no training came after it"
        assert all(trainer.taught.get(version, set()).isdisjoint(lives.ids[who]) for version in late), late


def check_lake(lives: Lives, who: str) -> None:
    """What comes after it tells nobody anything in the clear."""
    said = {word for word in in_the_clear(lives, lives.rows_by_then[who]) if is_of(who, word)}
    assert said <= anew(who), (who, said)


def check_words(lives: Lives, who: str) -> None:
    """Who withdrew is shown what was held by then, and nothing more; of who is erased nothing is shown."""
    allowed = anew(who) if who.startswith(ERASED) else lives.held[who]
    for one in lives.seen:
        if one.who == who and one.at > lives.applied[who] and one.use != "exported as refused":
            more = {word for word in one.words if is_of(who, word)} - allowed
            assert not more, (who, one)


def check_nothing_lies(lives: Lives, but: frozenset[str] = frozenset()) -> None:
    """Once the machine is over, of whom it has erased."""
    lives.shop.land()
    lives.shop.compact()
    gone = [who for who in lives.erased() if who in lives.answered]
    found = {
        store: {one for one in words for who in gone if is_of(who, one)} for store, words in residue(lives).items()
    }
    assert {store: words for store, words in found.items() if words and store not in but} == {}


def anew(who: str) -> frozenset[str]:
    """What may be said of somebody who came back: only who is erased can begin anew."""
    return frozenset({f"canary-{who}-after"} if who.startswith(ERASED) else ())


def is_of(who: str, word: str) -> bool:
    return word.startswith(f"canary-{who}-")


# ------------------------------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize(("points", "prompt"), TRIED)
def test_whoever_takes_it_back_at_any_point_is_left_alone(
    lake: LakeOfTests, points: tuple[str, ...], *, prompt: bool
) -> None:
    acts = {f"{who}{number}": POINTS.index(point) for number, point in enumerate(points) for who in ACTING}
    judge(live(Lives(lake, POINTS.index(points[0]), acts.keys()), acts, prompt=prompt), prompt=prompt)


#: calls of a step, by its number, at which others do something, or somebody is read who may be gone a moment later;
#: and whether the stream carries the word at once
CALLS = (
    (20, "train_models.registry.champion", True),
    (19, "deliver_messages.deliveries.settle", False),
    (4, "process_events.profiles.commit", False),
    (5, "import_files.stream.put", False),
    (13, "lake.keep_day", True),
    (18, "run_campaigns.deliveries.claim", False),
    (19, "deliver_messages.sender.post", False),
    (20, "train_models.features.read", False),
    (20, "train_models.registry.promote", False),
    (21, "refresh_scores.features.read", True),
)


@pytest.mark.parametrize(("step", "call", "at_once"), CALLS if LONG else CALLS[:2])
def test_whoever_takes_it_back_in_the_midst_of_a_step_is_left_alone(
    lake: LakeOfTests, step: int, call: str, *, at_once: bool
) -> None:
    judge(live(Lives(lake, step), dict.fromkeys(ACTING, step), at=call, at_once=at_once), prompt=False)


@pytest.mark.parametrize("seed", seeds(1, long=200))
def test_it_does_not_matter_who_takes_what_back_when(lake: LakeOfTests, seed: int) -> None:
    rng = Random(seed)
    acts = {who: rng.randint(0, STEPS) for who in rng.sample(ACTING, rng.randint(1, 3))}
    prompt = rng.random() < 0.5
    judge(live(Lives(lake, seed, acts.keys(), suppress=seed % 2 == 0), acts, prompt=prompt), prompt=prompt)


def judge(lives: Lives, *, prompt: bool) -> None:
    bring_back(lives, prompt=prompt)
    come_back(lives)
    check(lives)
    check_the_other(lives)


def come_back(lives: Lives) -> None:
    """They go on, with a banner that permits everything; who is erased may come back as somebody else."""
    lives.world.time.now += HOUR
    lives.back_at = lives.world.time()
    lives.say("after", "Product Viewed", *lives.answered)
    finish(lives)
    look_at_segments(lives)
    look_at_exports(lives)
    for who in [who for who in lives.erased() if who in lives.answered]:
        shown = lives.desk.profile(f"email:{who}@example.com")
        assert (shown is None) == lives.suppress
        assert shown is None or lives.words(shown) == anew(who)


def check_the_other(lives: Lives) -> None:
    """Of who did nothing all is seen, in every use and on every way."""
    words = {f"canary-{NEVER}-{way}" for way in WAYS}
    mine = [one for one in lives.seen if one.who == NEVER]
    assert {one.use for one in mine} >= USES
    exported = [one.words for one in mine if one.use == "exported"]
    assert exported[-1] >= words
    assert in_the_clear(lives) >= words
    taught = lives.shop.trainer.taught
    assert lives.shop.champion() == "run-3"
    assert {"run-2", "run-3"} == {run for run, people in taught.items() if lives.ids[NEVER] & people}
