"""What a changed purpose makes go or go unheard: `attune apply` says it, also when it only tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attune.domain.campaigns.deliveries import KEPT
from attune.domain.consent.trait_lifetimes import OTHERS
from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.kinds import purposes_of
from attune.domain.definitions.purposes import DEFAULTS, Purpose
from attune.domain.identifiers import DAY
from attune.domain.privacy.lake_retention import GRACE, days_said
from attune.domain.profiles.consent import STORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune.domain.definitions.kinds import Definition, Definitions


def losses(before: Definition | None, after: Definition, together: Definitions) -> Iterator[str]:
    """Lines `<JSON path>: <what goes>`; `together`: all definitions as they will stand."""
    if not isinstance(after, Purpose):
        return
    known = before if isinstance(before, Purpose) else DEFAULTS.get(after.id, Purpose(id=after.id))
    if unheard := sorted(set(known.signals) - set(after.signals)):
        yield f"$.signals: {', '.join(unheard)} will mean nothing any more"
    yield from _rows(known, after)
    kept = after.retention.messages
    if _length(kept, KEPT) < _length(known.retention.messages, KEPT):
        yield f"$.retention.messages: messages that are older than {kept} are shown no more, at once"
    yield from _traits(known, after, days_said(purposes_of(together)[STORE]))


def _rows(before: Purpose, after: Purpose) -> Iterator[str]:
    days, were = days_said(after), days_said(before)
    if days is None or (were is not None and were <= days):
        return
    acts = datetime.now(UTC) + timedelta(milliseconds=GRACE)
    first = (acts - timedelta(days=days)).date()
    yield (
        f"$.retention.events: rows of the lake that came before {first} go for good after {acts:%Y-%m-%d %H:%M} UTC,"
        " and another day of them each day; until then a longer time keeps them"
    )


def _traits(before: Purpose, after: Purpose, days: int | None) -> Iterator[str]:
    in_the_lake = "until the person is erased" if days is None else f"for {days} days"
    for name, said in after.retention.traits.items():
        was = before.retention.traits.get(name)
        if was is not None and milliseconds(was) <= milliseconds(said):
            continue
        stays = days is None or days * DAY > milliseconds(said)
        copies = f"; sealed copies in the lake's rows stay {in_the_lake}" if stays else ""
        which = "of every trait that no purpose names " if name == OTHERS else ""
        yield f"$.retention.traits.{name}: what was last said {which}{said} ago or longer goes from profiles{copies}"


def _length(said: str | None, otherwise: int) -> int:
    return milliseconds(said) if said else otherwise
