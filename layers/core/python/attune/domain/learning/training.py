"""What a training run is asked, what it may refuse, and when a new model takes the champion's place."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

#: fewer profiles say nothing about a shop: to learn from, and held out to judge by
MIN_TRAINING: Final = 100
MIN_HOLDOUT: Final = 20
#: fewest people whom each figure of a model is of: it is kept for good, whoever of them withdraws or is erased
MIN_GROUP: Final = 20
#: of the silhouette; less is "no substantial structure" (Kaufman & Rousseeuw, Finding Groups in Data, 1990)
STRUCTURE: Final = 0.25
#: how much better than the champion a challenger must be: what changes from day to day helps nobody
MARGIN: Final = 0.01

#: why there is nothing to train on. `constant_features`: all profiles look the same; `unreadable_rows`: no CSV of
#: numbers; `negative_features`: something happened after the cut-off
RefusalCode = Literal[
    "too_few_profiles",
    "constant_features",
    "not_finite",
    "negative_features",
    "wrong_columns",
    "unreadable_rows",
    "no_structure",
]
#: `champion_saw_erased`: it may have learned from somebody who was erased since, and gives way to any sound one;
#: `saw_erased`: the challenger may have, because they were erased while it was trained
VerdictCode = Literal[
    "no_champion", "champion_unusable", "champion_saw_erased", "better", "not_better", "no_structure", "saw_erased"
]


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """By what models of a kind are judged, 1 at best: its name, how much there must be of it, how much more wins."""

    name: str
    least: float = 0.0
    margin: float = MARGIN


SILHOUETTE: Final = Measure(name="silhouette", least=STRUCTURE)
#: how evenly the fifths divide the customers: 1 if there are as many in each, 0 if all are in one
BALANCE: Final = Measure(name="balance", margin=0.05)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to make: the model `name`, as `version`, of the rows at `features` that were known at `cutoff` (ms).

    The version is the id of the run that makes it.
    """

    name: str
    version: str
    cutoff: int
    features: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """There is no model in these rows. `profiles`: how many rows could be read."""

    code: RefusalCode
    profiles: int = 0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the challenger becomes champion, and why."""

    promoted: bool
    code: VerdictCode


def decide(challenger: float | None, champion: float | VerdictCode | None, measure: Measure = SILHOUETTE) -> Verdict:
    """By a measure of the hold-out; None: there is nothing to tell apart. In place of a champion's, why it has none."""
    if challenger is None or challenger < measure.least:
        return Verdict(promoted=False, code="no_structure")
    if isinstance(champion, str):
        return Verdict(promoted=True, code=champion)
    # Where all lie in one cluster every silhouette is 0 by definition.
    if challenger - (champion or 0.0) >= measure.margin:
        return Verdict(promoted=True, code="better")
    return Verdict(promoted=False, code="not_better")
