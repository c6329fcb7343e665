"""Is the ledger as it was written? Over HTTP, for the admin, part by part: the whole is all parts together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.privacy.access_records import (
    DIGESTS,
    day_after,
    day_of,
    decode_digest,
    digest_key,
    hash_of_list,
    is_day,
    line_of,
    list_key,
    lists,
    read_partition,
)
from attune.domain.privacy.ledger_checks import Finding, check_chain, check_day, check_digests
from attune.domain.profiles.state import decode_profile
from attune.use_cases.erasure.read_receipts import look_at_receipts, look_for_receipts
from attune.use_cases.management.recognise_keys import require_admin

if TYPE_CHECKING:
    from attune.domain.privacy.access_records import DayDigest
    from attune.domain.profiles.consent import LedgerEntry
    from attune.ports import Clock, ProfileItem, ProfileReader
    from attune.ports.documents import Documents
    from attune.ports.learning import ProfileScan
    from attune.ports.ledger import Ledger
    from attune.ports.privacy import PrivacyRequests

#: ms of one call; the gateway waits for 30 s
ENOUGH: Final = 15_000
#: ms after the end of a day by which it must be sealed
LATE: Final = 6 * 3_600_000
#: profiles that are looked at together
PAGE: Final = 100
#: findings of one day or profile that are named
NAMED: Final = 100
_SIDE_BY_SIDE: Final = 10
_TRIES: Final = 5
_PLACE: Final = re.compile(r"(days|profiles|places|receipts|requests)\.(.{0,200})")
_KNOWN: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}):([0-9a-f]{64})", re.ASCII)

type Json = dict[str, Any]


class Tally(msgspec.Struct):
    """What one call looked at, and what it found. `left_out`: findings that are counted and not named."""

    days: int = 0
    access_records: int = 0
    profiles: int = 0
    consent_records: int = 0
    receipts: int = 0
    left_out: int = 0
    findings: list[Finding] = []

    def add(self, findings: list[Finding]) -> None:
        """Names the first of them."""
        self.findings += findings[:NAMED]
        self.left_out += len(findings[NAMED:])


class VerifyLedger:
    """Only reads. `admin_key` answers the deployment's admin key."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        profiles: ProfileReader,
        scan: ProfileScan,
        documents: Documents,
        requests: PrivacyRequests,
        admin_key: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._profiles = profiles
        self._scan = scan
        self._documents = documents
        self._requests = requests
        self._admin_key = admin_key
        self._clock = clock

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def __call__(self, query: Mapping[str, str]) -> Json:
        """`{findings, left_out, <what was looked at>, newest, next}` of one part.

        The whole is the sum of all parts: call with each answer's `next` as `after` until it is null. `known`: a
        digest that was noted down elsewhere, `2025-06-15:ab12…`. 400 `invalid_after`, `invalid_digest`.
        """
        phase, place = _place(query.get("after", ""))
        tally, until = Tally(), self._clock() + ENOUGH
        known = query.get("known", "")
        if known:
            tally.add(self._differs(known))
        if phase == "":
            tally.add(self._digests())
            phase = "days"
        steps = {
            "days": self._days,
            "profiles": self._some_profiles,
            "places": self._some_places,
            "receipts": self._receipts,
            "requests": self._some_requests,
        }
        following = dict(pairwise([*steps, ""]))
        while phase:
            place = steps[phase](tally, place)
            phase = phase if place else following[phase]
            if self._clock() >= until:
                break
        head = self._ledger.head()
        newest = {"day": head.day, "digest": head.digest} if head else None
        said: Json = msgspec.to_builtins(tally)
        return said | {"newest": newest, "next": f"{phase}.{place}" if phase else None}

    def _differs(self, known: str) -> list[Finding]:
        found = _KNOWN.fullmatch(known)
        if found is None:
            raise AttuneError("invalid_digest", "a digest is given with its day: 2025-06-15:ab12…, 64 hex digits")
        seal = self._digest(found[1])
        return [] if seal and seal.digest == found[2] else [Finding("changed", "digests", found[1])]

    def _digests(self) -> list[Finding]:
        """The digests' own chain, its head, and whether the newest day is there that should be."""
        keys = self._documents.keys(DIGESTS)
        known = _days_of(keys)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            seals = dict(zip(known, pool.map(self._digest, known), strict=True))
        named = {digest_key(day) for day in known}
        wrong = [Finding("inserted", "digests", key) for key in keys if key not in named]
        head = self._ledger.head()
        wrong += check_digests(seals, head)
        due = day_after(day_of(self._clock() - LATE), -1)
        if (head is not None or known) and max(head.day if head else "", *known, "") < due:
            wrong.append(Finding("missing", "digests", due))
        return wrong

    def _digest(self, day: str) -> DayDigest | None:
        data = self._documents.get(digest_key(day))
        return decode_digest(data) if data is not None else None

    def _days(self, tally: Tally, after: str) -> str:
        """One day, and its name while there are more."""
        days = [day for day in _days_of(self._documents.keys(DIGESTS)) if day > after]
        if days:
            tally.add(self._day(tally, days[0]))
        return days[0] if days[1:] else ""

    def _day(self, tally: Tally, day: str) -> list[Finding]:
        lines = [line_of(found.entry, found.slot, found.record) for found in self._ledger.of_day(day)]
        tally.days += 1
        tally.access_records += len(lines)
        seal, listed = self._digest(day), self._documents.get(list_key(day))
        if seal is None:
            return []  # the digests' chain has told of it
        wrong: list[Finding] = []
        if listed is None or hash_of_list(listed) != seal.records:
            wrong.append(Finding("removed" if listed is None else "changed", "lists", day))
            listed = None
        if hash_of_list(lists(lines)) == seal.records:
            return wrong
        if listed is None:
            return [*wrong, Finding("changed", f"access records of {day}", "")]
        return wrong + check_day(day, listed.decode().splitlines(), lines)

    def _receipts(self, tally: Tally, after: str) -> str:
        """All at once: a chain is read from its end."""
        del after
        tally.receipts, found = look_at_receipts(self._documents)
        tally.add(found)
        return ""

    def _some_requests(self, tally: Tally, after: str) -> str:
        wrong, place = look_for_receipts(self._documents, self._requests, after)
        tally.add(wrong)
        return place

    def _some_profiles(self, tally: Tally, after: str) -> str:
        items, place = self._scan.some_items(after, PAGE)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            chains = list(pool.map(lambda item: self._ledger.chain(item.profile_id), items))
        for item, entries in zip(items, chains, strict=True):
            tally.profiles += 1
            tally.consent_records += len(entries)
            wrong = check_chain(item.profile_id, entries, *_anchor(item))
            tally.add(self._of_one_instant(item.profile_id) if wrong else [])
        return place

    def _of_one_instant(self, profile_id: str) -> list[Finding]:
        """The profile may have changed between the two reads: between equal versions it did not."""
        item = self._profiles.items([profile_id], consistent=True).get(profile_id)
        entries: list[LedgerEntry] = []
        for _ in range(_TRIES):
            before, entries = item, self._ledger.chain(profile_id)
            item = self._profiles.items([profile_id], consistent=True).get(profile_id)
            if before is None or item is None or before.version == item.version:
                break
        return check_chain(profile_id, entries, *(_anchor(item) if item else (0, "")))

    def _some_places(self, tally: Tally, after: str) -> str:
        """What lies in the ledger and belongs to no profile and no day that is looked at."""
        partitions, place = self._ledger.some_partitions(after)
        tally.add([*self._strangers(partitions)])
        return place

    def _strangers(self, partitions: set[str]) -> Iterable[Finding]:
        head, now = self._ledger.head(), self._clock()
        first = head.first if head else day_of(now - LATE)
        days = {one: read_partition(one) for one in sorted(partitions) if "#" in one}
        for one, day in days.items():
            if day and first <= day <= day_of(now):
                continue
            if day and day < first:
                yield Finding("missing", "digests", day)
            elif one != "digest#access":
                yield Finding("inserted", "ledger", one)
        chained = partitions - days.keys()
        known = self._profiles.items(chained, consistent=True)
        yield from (Finding("inserted", f"consent of {one}", "") for one in sorted(chained - known.keys()))


def _anchor(item: ProfileItem) -> tuple[int, str]:
    """How many consent records a profile says it has, and the digest of the newest; of a tombstone as it was left."""
    if not item.state:
        return item.ledger_length, item.ledger_head.hex()
    profile = decode_profile(item.state)
    return profile.ledger_length, profile.ledger_head.hex()


def _place(after: str) -> tuple[str, str]:
    if not after:
        return "", ""
    found = _PLACE.fullmatch(after)
    if found is None:
        raise AttuneError("invalid_after", "`after` must be the `next` of an answer")
    return found[1], found[2]


def _days_of(keys: Sequence[str]) -> list[str]:
    """The days whose digests lie there, in order."""
    named = (key.removeprefix(DIGESTS).removesuffix(".json") for key in keys)
    return sorted(day for day in named if is_day(day) and digest_key(day) in keys)
