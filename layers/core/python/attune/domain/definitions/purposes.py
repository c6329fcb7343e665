"""What people are asked for, as it is defined: purposes, with what holds where nobody was asked, and for how long."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from attune.domain.definitions.conditions import Duration, Named, Part

Jurisdiction = Annotated[
    str, msgspec.Meta(pattern="^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$", description="ISO 3166-1 or 3166-2: DE, US-CA")
]
NoticeVersion = Annotated[
    str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", description="letters, digits, dots, _ and -")
]


class Notice(Part, frozen=True, kw_only=True):
    """A version of the privacy notice, shown since an instant (ISO 8601).

    `asks_again`: it says something else than those before it, so that what was granted under those ends with it.
    """

    version: NoticeVersion
    since: str
    asks_again: bool = False


class Retention(Part, frozen=True, kw_only=True):
    """For how long what is held for a purpose is kept; what is left out here is kept as everywhere.

    `traits`: by name, from when it was last said; `*` stands for all that no purpose names. `messages`: what was sent
    by channels that need the purpose. `events`: rows of the lake, in whole days; only of what storing needs.
    """

    traits: dict[str, Duration] = {}  # noqa: RUF012 - msgspec copies it
    messages: Duration | None = None
    events: Duration | None = None


class Purpose(Named, frozen=True, kw_only=True, tag="purpose"):
    """What somebody's data may be used for, if they agree.

    `policy`: what holds where nobody has said anything, and `jurisdictions` where it is another. `expires_after`: how
    long a grant lasts. `without`: what becomes of an event that may not be stored; only of the purpose that storing
    needs. `signals`: names under which browsers and consent tools speak of the purpose, such as `gpc`. `retention`:
    when what is held for it goes.
    """

    policy: Literal["opt_in", "opt_out"] = "opt_in"
    jurisdictions: dict[Jurisdiction, Literal["opt_in", "opt_out"]] = {}  # noqa: RUF012 - msgspec copies it
    expires_after: Duration | None = None
    notices: tuple[Notice, ...] = ()
    without: Literal["drop", "keep_unidentified"] = "drop"
    signals: tuple[str, ...] = ()
    retention: Retention = Retention()


#: as they are where nobody defines them
DEFAULTS: Final = {
    purpose.id: purpose
    for purpose in (
        Purpose(
            id="analytics",
            name="Statistics",
            description="We record what you do in our shop, to learn what works and what does not.",
            signals=("analytics_storage", "C0002"),
        ),
        Purpose(
            id="personalization",
            name="Personal content",
            description="We use what we know about you to choose what we show and recommend to you.",
            signals=("personalization_storage", "C0003"),
        ),
        Purpose(id="email", name="E-mail", description="We write to you by e-mail about offers and news."),
        Purpose(id="sms", name="Text messages", description="We write to your telephone about offers and news."),
        Purpose(
            id="advertising",
            name="Advertising",
            description="We let advertising partners know what you did here, so that they show you fitting ads.",
            signals=("gpc", "ad_storage", "ad_user_data", "ad_personalization", "C0004", "C0005"),
        ),
    )
}
