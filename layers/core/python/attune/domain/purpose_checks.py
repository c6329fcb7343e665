"""What types cannot say of a purpose: that its notices have dates and its jurisdictions exist; and who may name one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from attune.domain.condition_checks import optional_duration_problems
from attune.domain.consent import STORE
from attune.domain.places import COUNTRIES
from attune.domain.purposes import DEFAULTS, Purpose
from attune.domain.segments.comparisons import instant

_JURISDICTION: Final = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_MAX: Final = 250
_MAX_NOTICES: Final = 100


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
