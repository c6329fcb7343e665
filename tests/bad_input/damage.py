"""Named cases damaged at random: the bodies of the corpus, cut, flipped, spliced and packed."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random
from typing import Final

from tests.bad_input.cases import ACCEPTED, Case
from tests.bad_input.corpus import CASES

PATHS: Final = (
    *("track", "identify", "page", "screen", "group", "alias", "batch", "import", "t", "b"),
    "/api/s/s2s/track",
)  # fmt: skip
#: what parsers trip over
TOKENS: Final = (
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u0000", b"\\ud800", b"\\udc00", b"\xff", b"\xc0\x80", b"\0"),
    *(b"null", b"true", b"NaN", b"-", b"1e400", b"-0", b"9" * 40, b'"$wake"', b'"":', b'"batch":', b'"type":'),
    *(b'"context":{"consent":7},', b'"userId":null,', b'"timestamp":"9999-12-31",', b" " * 50),
    *(b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80"),
)  # fmt: skip
_SMALL: Final = 40_000
_SOUND: Final = [case for case in CASES if len(case.body) < _SMALL and ACCEPTED in case.becomes and not case.refused]
_ALL: Final = [case for case in CASES if len(case.body) < _SMALL]


def damaged(rng: Random, number: int) -> Case:
    """Mostly a sound request with up to three faults; each of somebody else, so that no profile holds them all."""
    case = rng.choice(_SOUND if rng.random() < 0.7 else _ALL)
    body = case.body.replace(b'"u1"', b'"u%d"' % number)
    for _ in range(rng.randrange(4)):
        body = rng.choice(_FAULTS)(rng, body)
    path = case.path if rng.random() < 0.7 else rng.choice(PATHS)
    headers = dict(case.headers) if rng.random() < 0.5 else {}
    if rng.random() < 0.1:
        body, headers = gzip.compress(body), {"content-encoding": "gzip"}
        if rng.random() < 0.5:
            body = rng.choice(_FAULTS)(rng, body)
    return Case(f"damaged {number}", body, path=path if path in PATHS else "track", headers=headers)


def _flip(rng: Random, body: bytes) -> bytes:
    if not body:
        return body
    at = rng.randrange(len(body))
    return body[:at] + bytes([body[at] ^ (1 << rng.randrange(8))]) + body[at + 1 :]


def _cut(rng: Random, body: bytes) -> bytes:
    start, end = _span(rng, body)
    return body[:start] + body[end:]


def _end(rng: Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _repeat(rng: Random, body: bytes) -> bytes:
    start, end = _span(rng, body)
    return body[:end] + body[start:end] * rng.randrange(1, 4) + body[end:]


def _insert(rng: Random, body: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 30)) + body[at:]


def _splice(rng: Random, body: bytes) -> bytes:
    other = rng.choice(_ALL).body
    start, end = _span(rng, other)
    at = rng.randrange(len(body) + 1)
    return body[:at] + other[start:end] + body[at:]


def _wrap(rng: Random, body: bytes) -> bytes:
    items = rng.choice((body, body + b"," + body))
    return rng.choice((b'{"batch":[', b"[")) + items + rng.choice((b"]}", b"]"))


def _span(rng: Random, body: bytes) -> tuple[int, int]:
    start = rng.randrange(len(body) + 1)
    return start, min(len(body), start + rng.randrange(1, 200))


_FAULTS: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (_flip, _cut, _end, _repeat, _insert, _splice, _wrap)
