"""Times in every notation, of every year, from clocks that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.bad_input.cases import ACCEPTED, Case, batch, track
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND

INVALID: Final = "invalid_time"
#: 2025-06-15T15:06:40Z, as the runner's clock says
SAID: Final = 1_750_000_000_000

#: what is sent as `timestamp` → when it happened, ms; None: that is no time; -1: the time of receipt
TIMES: dict[str, tuple[Any, int | None]] = {
    "ms": (SAID, SAID),
    "ms with a fraction": (SAID + 0.4, SAID),
    "seconds": (1_750_000_000, SAID),
    "seconds with a fraction": (1_749_999_999.25, SAID - 750),
    "ms as text": (str(SAID), SAID),
    "seconds as text": ("1750000000", SAID),
    "UTC": ("2025-06-15T15:06:40Z", SAID),
    "UTC in small letters": ("2025-06-15t15:06:40z", SAID),
    "an offset of nothing": ("2025-06-15T15:06:40+00:00", SAID),
    "minus nothing": ("2025-06-15T15:06:40-00:00", SAID),
    "an offset without a colon": ("2025-06-15T17:06:40+0200", SAID),
    "an offset of hours": ("2025-06-15T17:06:40+02", SAID),
    "an offset of Nepal": ("2025-06-15T20:51:40+05:45", SAID),
    "the largest offset": ("2025-06-16T15:05:40+23:59", SAID),
    "no offset, which is UTC": ("2025-06-15T15:06:40", SAID),
    "a space for the T": ("2025-06-15 15:06:40Z", SAID),
    "spaces around": ("  2025-06-15T15:06:40Z ", SAID),
    "the basic form": ("20250615T150640Z", SAID),
    "ms in a text": ("2025-06-15T15:06:39.999Z", SAID - 1),
    "nanoseconds in a text": ("2025-06-15T15:06:39.999999999Z", SAID - 1),
    "a comma before the fraction": ("2025-06-15T15:06:39,999Z", SAID - 1),
    "a day": ("2025-06-15", SAID - 54_400_000),
    "a day of a week": ("2025-W24-7", SAID - 54_400_000),
    "a leap day": ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    "the first instant that is taken": ("2000-01-01T00:00:00Z", 946_684_800_000),
    "a moment ago": (NOW - 1, NOW - 1),
    "a day ago": (NOW - DAY, NOW - DAY),
    "now": (NOW, NOW),
    "in a moment": (NOW + 1, -1),
    "in a minute": (NOW + MINUTE, -1),
    "tomorrow": (NOW + DAY, -1),
    "in 365 days": (NOW + 365 * DAY, -1),
    "null": (None, -1),
    "left out": (..., -1),
    "in 367 days": (NOW + 367 * DAY, None),
    "an instant before the first": ("1999-12-31T23:59:59.999Z", None),
    "1970": (0, None),
    "1970 in a text": ("1970-01-01T00:00:00Z", None),
    "before 1970": (-SAID, None),
    "year 1": ("0001-01-01T00:00:00Z", None),
    "year 0": ("0000-01-01T00:00:00Z", None),
    "year 9999": ("9999-12-31T23:59:59Z", None),
    "year 10000": ("10000-01-01T00:00:00Z", None),
    "a year before Christ": ("-0001-01-01T00:00:00Z", None),
    "year 275760, where JavaScript ends": (8.64e15, None),
    "microseconds": (SAID * 1_000, None),
    "nanoseconds": (SAID * 1_000_000, None),
    "64 bits": (2**63 - 1, None),
    "a number of 300 digits": (1e300, None),
    "the smallest number": (5e-324, None),
    "no leap day": ("2025-02-29T00:00:00Z", None),
    "the 31st of June": ("2025-06-31T00:00:00Z", None),
    "a month 13": ("2025-13-01T00:00:00Z", None),
    "a month 0": ("2025-00-01T00:00:00Z", None),
    "an hour 25": ("2025-06-15T25:00:00Z", None),
    "a minute 60": ("2025-06-15T15:60:00Z", None),
    "a leap second": ("2016-12-31T23:59:60Z", None),
    "an offset of 24 hours": ("2025-06-15T15:06:40+24:00", None),
    "two offsets": ("2025-06-15T15:06:40Z+02:00", None),
    "a zone by its name": ("2025-06-15T15:06:40[Europe/Berlin]", None),
    "a zone's letters": ("2025-06-15 15:06:40 CEST", None),
    "the form of mails": ("Sun, 15 Jun 2025 15:06:40 GMT", None),
    "the form of JavaScript": ("Sun Jun 15 2025 15:06:40 GMT+0200", None),
    "the American form": ("06/15/2025", None),
    "the German form": ("15.06.2025", None),
    "a year and a month": ("2025-06", None),
    "a clock": ("15:06:40", None),
    "now as a word": ("now", None),
    "yesterday": ("yesterday", None),
    "Invalid Date": ("Invalid Date", None),
    "nothing": ("", None),
    "a space": (" ", None),
    "digits of another script": (
        "\uff11\uff17\uff15\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
        None,
    ),
    "a hex number": ("0x1976d2c1d00", None),
    "an exponent in a text": ("1.75e12", None),
    "a NUL behind": ("2025-06-15T15:06:40Z\0", None),
    "10,000 digits": ("1" * 10_000, None),
    "10,000 digits of a fraction": ("2025-06-15T15:06:39." + "9" * 10_000, SAID - 1),
    "a NUL and more behind": ("2025-06-15T15:06:40Z\0 or so", None),
    "a NUL within": ("2025-06-15T15:06:40\0+02:00", None),
    "a snowman for the T": ("2025-06-15☃15:06:40Z", None),
    "true": (True, None),
    "a list": ([SAID], None),
    "an object": ({"$date": SAID}, None),
}

#: timestamp, sentAt → when it happened by our clock
CLOCKS: dict[str, tuple[Any, Any, int | None]] = {
    "24 hours ahead": (NOW + DAY - SECOND, NOW + DAY, NOW - SECOND),
    "24 hours behind": (NOW - DAY - SECOND, NOW - DAY, NOW - SECOND),
    "ten years behind": (NOW - 3_650 * DAY, NOW - 3_650 * DAY, NOW),
    "of 1970": (SECOND * 20, SECOND * 1_000_020, None),
    "right": (NOW - HOUR, NOW, NOW - HOUR),
    "and an event after it was sent": (NOW + HOUR, NOW, -1),
    "that cannot be read": (NOW - HOUR, "whenever", NOW - HOUR),
    "that is nothing": (NOW - HOUR, "", NOW - HOUR),
    "that is null": (NOW - HOUR, None, NOW - HOUR),
    "that is an object": (NOW - HOUR, {}, NOW - HOUR),
    "of another year": (NOW - HOUR, NOW + 400 * DAY, NOW - 400 * DAY - HOUR),
    "so far ahead that it was before 2000": (NOW - HOUR, "9999-12-31T00:00:00Z", None),
}


def cases() -> Iterator[Case]:
    for name, (sent, time) in TIMES.items():
        yield Case(f"time: {name}", track(timestamp=sent), **_expected(time))
    for name, (sent, sent_at, time) in CLOCKS.items():
        yield Case(f"a clock {name}", track(timestamp=sent, sentAt=sent_at), **_expected(time))
    yield Case("time: RudderStack's", track(originalTimestamp=NOW - DAY), **_expected(NOW - DAY))
    both = track(originalTimestamp=NOW, timestamp=NOW - DAY)
    yield Case("time: RudderStack's beside the caller's own", both, **_expected(NOW - DAY))
    forwarded = track(originalTimestamp=NOW - DAY, timestamp=NOW - HOUR, receivedAt=NOW - HOUR)
    yield Case("time: of an event that Segment received", forwarded, **_expected(NOW - DAY))
    for path, time in (("batch", NOW - 2 * HOUR), ("import", NOW - HOUR)):
        body = batch([track(timestamp=NOW - HOUR)], b'"sentAt":%d' % (NOW + HOUR))
        yield Case(f"a clock an hour ahead, of a whole {path}", body, path=path, **_expected(time))


def _expected(time: int | None) -> dict[str, Any]:
    if time is None:
        return {"becomes": (INVALID,)}
    return {"becomes": (ACCEPTED,), "says": {"time": NOW if time == -1 else time}}
