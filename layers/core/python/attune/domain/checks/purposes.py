"""What types cannot say of a purpose: that its notices have dates and its jurisdictions exist; and who may name one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from attune.domain.campaigns.deliveries import LEAST_KEPT
from attune.domain.checks.conditions import is_duration, optional_duration_problems
from attune.domain.collection.places import COUNTRIES
from attune.domain.definitions.conditions import instant, milliseconds
from attune.domain.definitions.purposes import DEFAULTS, Purpose
from attune.domain.identifiers import DAY
from attune.domain.privacy.lake_retention import LEAST_DAYS, MOST_DAYS
from attune.domain.profiles.consent import STORE

_JURISDICTION: Final = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_MAX: Final = 250
_MAX_NOTICES: Final = 100
#: whose time one purpose says
MAX_TRAITS: Final = 100
#: ms
LEAST_FOR_TRAITS: Final = 3_600_000


def known_purposes(defined: Collection[str] = ()) -> tuple[str, ...]:
    """Names of all purposes, these being defined."""
    return (*DEFAULTS, *sorted(set(defined) - DEFAULTS.keys()))


def purpose_problems(path: str, purpose: str, known: Collection[str]) -> Iterator[str]:
    """Unless it is one of those that are known."""
    if purpose not in known:
        yield f"{path}: `{purpose}` is not a consent purpose; known are {', '.join(known)}"


def jurisdiction_problems(path: str, code: str) -> Iterator[str]:
    """Unless it is a country, or a part of one."""
    found = _JURISDICTION.fullmatch(code)
    if found is None or COUNTRIES.get(found[1]) != found[1]:
        yield f"{path}: `{code}` is no country, nor a part of one, such as DE or US-CA"


def purpose_definition_problems(purpose: Purpose) -> Iterator[str]:
    """Every problem as `<JSON path>: <what is wrong>`."""
    for code in purpose.jurisdictions:
        yield from jurisdiction_problems(f"$.jurisdictions.{code}", code)
    yield from optional_duration_problems("$.expires_after", purpose.expires_after)
    if purpose.without != "drop" and purpose.id != STORE:
        yield f"$.without: only `{STORE}`, which storing needs, says what becomes of what may not be stored"
    for index, signal in enumerate(purpose.signals):
        if not 0 < len(signal.strip()) == len(signal) <= _MAX:
            yield f"$.signals[{index}]: is no name of a signal"
    yield from _notices(purpose)
    yield from _traits(purpose.retention.traits)
    yield from _messages(purpose.retention.messages)
    yield from _events(purpose)


def _notices(purpose: Purpose) -> Iterator[str]:
    if len(purpose.notices) > _MAX_NOTICES:
        yield f"$.notices: more than {_MAX_NOTICES}"
    versions: set[str] = set()
    instants: set[int] = set()
    for index, notice in enumerate(purpose.notices):
        since = instant(notice.since)
        if since is None:
            yield f"$.notices[{index}].since: needs a date such as 2026-03-01 or 2026-03-01T09:00:00Z"
        elif since in instants:
            yield f"$.notices[{index}].since: another version begins at that instant"
        else:
            instants.add(since)
        if notice.version in versions:
            yield f"$.notices[{index}].version: `{notice.version}` is there twice"
        versions.add(notice.version)


def kept_twice(purpose: Purpose, others: Mapping[str, Purpose], computed: Collection[str]) -> Iterator[str]:
    """Traits whose time two purposes say, and those that are reckoned from events, however long these are kept."""
    for name in purpose.retention.traits:
        path = f"$.retention.traits.{name}"
        for other in sorted(others):
            if other != purpose.id and name in others[other].retention.traits:
                yield f"{path}: purpose `{other}` says how long that is kept"
        if name in computed:
            yield f"{path}: is a computed trait, which is as old as the events that it is reckoned from"


def _traits(kept: Mapping[str, str]) -> Iterator[str]:
    if len(kept) > MAX_TRAITS:
        yield f"$.retention.traits: more than {MAX_TRAITS}"
    for name, duration in kept.items():
        path = f"$.retention.traits.{name}"
        if not 0 < len(name.strip()) == len(name) <= _MAX:
            yield f"{path}: is no name of a trait"
        if not is_duration(duration):
            yield from optional_duration_problems(path, duration)
        elif milliseconds(duration) < LEAST_FOR_TRAITS:
            yield f"{path}: must be 1h or longer: whose time is up is looked for once a minute"


def _messages(kept: str | None) -> Iterator[str]:
    yield from optional_duration_problems("$.retention.messages", kept)
    if kept is not None and is_duration(kept) and milliseconds(kept) < LEAST_KEPT:
        least = f"must be {LEAST_KEPT // DAY}d or longer"
        yield f"$.retention.messages: {least}: what was lost is made up for within 30 days, and would be sent again"


def _events(purpose: Purpose) -> Iterator[str]:
    kept, path = purpose.retention.events, "$.retention.events"
    if kept is None:
        return
    if purpose.id != STORE:
        yield f"{path}: only `{STORE}`, which storing needs, says how long the lake's rows are kept"
    yield from optional_duration_problems(path, kept)
    if not is_duration(kept):
        return
    if milliseconds(kept) % DAY:
        yield f"{path}: must be whole days, such as 400d: the lake lies by days"
    elif milliseconds(kept) < LEAST_DAYS * DAY:
        yield f"{path}: must be {LEAST_DAYS}d or longer: carts and abandoned things are folded from 30 days of rows"
    elif milliseconds(kept) > MOST_DAYS * DAY:
        yield f"{path}: must be {MOST_DAYS}d at most; leave it out, and rows stay until the person is erased"
