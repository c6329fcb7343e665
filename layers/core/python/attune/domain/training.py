"""What a training run is asked, what it may refuse, and when a new model takes the champion's place."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

#: fewer profiles say nothing about a shop: to learn from, and held out to judge by
MIN_TRAINING: Final = 100
MIN_HOLDOUT: Final = 20
#: of the silhouette; less is "no substantial structure" (Kaufman & Rousseeuw, Finding Groups in Data, 1990)
STRUCTURE: Final = 0.25
#: how much better than the champion a challenger must be: names that change from day to day help nobody
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
VerdictCode = Literal["no_champion", "champion_unusable", "better", "not_better", "no_structure"]


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


def decide(challenger: float | None, champion: float | VerdictCode | None) -> Verdict:
    """By the silhouettes of the hold-out; None: all of it in one cluster. In place of a champion's, why it has none."""
    if challenger is None or challenger < STRUCTURE:
        return Verdict(promoted=False, code="no_structure")
    if isinstance(champion, str):
        return Verdict(promoted=True, code=champion)
    # Where all lie in one cluster every silhouette is 0 by definition.
    if challenger - (champion or 0.0) >= MARGIN:
        return Verdict(promoted=True, code="better")
    return Verdict(promoted=False, code="not_better")
