"""What models see of a profile: six numbers as of an instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from attune.domain.profiles.activity import Activity

#: the columns of `adapters/queries/features.sql`, in its order
FEATURES: Final = ("recency", "frequency", "monetary", "tenure", "views", "carts")

_DAY: Final = 86_400_000.0


def features_at(activity: Activity, at: int) -> tuple[float, ...]:
    """In the order of `FEATURES`, as of `at` (ms), which is not before the last event.

    Days since the last event, orders, their worth, days since the first event, product views, changes of the cart.
    """
    return (
        (at - activity.last) / _DAY,
        float(activity.orders),
        activity.revenue / 100.0,
        (at - activity.first) / _DAY,
        float(activity.views),
        float(activity.carts),
    )
