"""Compressed bodies that are broken, too large, or not what their header says."""

from __future__ import annotations

import functools
import gzip
import io
import struct
import zlib
from collections.abc import Iterator

from tests.bad_input.cases import KB, TRACK, Case, batch, dump, sized, track

PLAIN = dump(TRACK)
WHOLE = gzip.compress(PLAIN, mtime=0)
GZIP = {"content-encoding": "gzip"}
INVALID = (400, "invalid_gzip")
UNSUPPORTED = (415, "unsupported_encoding")
TOO_LARGE = (413, "too_large")


def with_flags(flags: int, extra: bytes) -> bytes:
    """The same with optional fields in its header."""
    return WHOLE[:3] + bytes([flags]) + WHOLE[4:10] + extra + WHOLE[10:]


def named() -> bytes:
    held = io.BytesIO()
    with gzip.GzipFile("events.json", "wb", fileobj=held) as file:
        file.write(PLAIN)
    return held.getvalue()


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@functools.cache
def bomb(size: int) -> bytes:
    """Zeros, packed piece by piece so that making it takes no memory."""
    packer, piece = zlib.compressobj(9, wbits=31), bytes(10_000_000)
    return b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()


BROKEN = {
    "cut in its header": WHOLE[:6],
    "its header alone": WHOLE[:10],
    "cut in its middle": WHOLE[: len(WHOLE) // 2],
    "without its last byte": WHOLE[:-1],
    "without its check sum": WHOLE[:-8],
    "a wrong check sum": WHOLE[:-8] + bytes(4) + WHOLE[-4:],
    "a wrong length": WHOLE[:-4] + struct.pack("<I", len(PLAIN) + 1),
    "a flipped bit in its data": WHOLE[:20] + bytes([WHOLE[20] ^ 1]) + WHOLE[21:],
    "a wrong method": WHOLE[:2] + b"\x07" + WHOLE[3:],
    "a wrong second byte": WHOLE[:1] + b"\x8c" + WHOLE[2:],
    "reserved flags": WHOLE[:3] + b"\xe0" + WHOLE[4:],
    "twice in a row": WHOLE + WHOLE,
    "and an empty one": WHOLE + gzip.compress(b""),
    "and a byte more": WHOLE + b"\0",
    "and text": WHOLE + b"{}",
    "a name without an end": with_flags(8, b"events.json"[:0] + b"x" * 50)[:40],
    "an extra field longer than all": with_flags(4, b"\xff\xff"),
    "plain JSON": PLAIN,
    "nothing": b"",
    "two bytes": WHOLE[:2],
    "zlib": zlib.compress(PLAIN),
    "raw deflate": raw_deflate(PLAIN),
    "a zip archive": b"PK\x03\x04" + bytes(26),
    "zstandard": b"\x28\xb5\x2f\xfd" + bytes(12),
    "random bytes": bytes((n * 197 + 31) % 256 for n in range(500)),
}

READABLE = {
    "as its header says": (WHOLE, "gzip"),
    "in capitals": (WHOLE, "GZIP"),
    "with spaces": (WHOLE, "  gzip "),
    "by its old name": (WHOLE, "x-gzip"),
    "without a header": (WHOLE, ""),
    "called identity": (WHOLE, "identity"),
    "with a file's name": (named(), "gzip"),
    "with a comment": (with_flags(16, b"by hand\0"), "gzip"),
    "with an extra field": (with_flags(4, b"\x02\0ab"), "gzip"),
    "not compressed": (gzip.compress(PLAIN, 0), "gzip"),
}

ENCODINGS = (
    "br",
    "deflate",
    "zstd",
    "compress",
    "gzip, gzip",
    "gzip,br",
    "*",
    "gzip;q=1",
    "utf-8",
    "aws-chunked",
    "x" * 10_240,
)


def cases() -> Iterator[Case]:
    for name, body in BROKEN.items():
        yield Case(f"gzip: {name}", body, headers=GZIP, refused=INVALID)
    for name, (body, encoding) in READABLE.items():
        yield Case(f"gzip: {name}", body, headers={"content-encoding": encoding} if encoding else {})
    for encoding in ENCODINGS:
        yield Case(
            f"gzip: encoding {encoding[:20]}", PLAIN, headers={"content-encoding": encoding}, refused=UNSUPPORTED
        )
    yield Case("gzip: gzip of gzip", gzip.compress(WHOLE), headers=GZIP, refused=(400, "invalid_json"))
    yield Case("gzip: gzip of nothing", gzip.compress(b""), headers=GZIP, refused=(400, "invalid_json"))
    yield Case("gzip: broken, without a header", WHOLE[:-4], refused=INVALID)
    for path in ("track", "batch"):
        yield Case(f"gzip: 10 MB of zeros ({path})", bomb(10_000_000), path=path, headers=GZIP, refused=TOO_LARGE)
        yield Case(f"gzip: 200 MB of zeros ({path})", bomb(200_000_000), path=path, headers=GZIP, refused=TOO_LARGE)
    yield Case("gzip: 200 MB of zeros, twice", bomb(200_000_000) * 2, path="batch", headers=GZIP, refused=TOO_LARGE)
    yield Case("gzip: an event of 32 KB", gzip.compress(sized(32 * KB)), headers=GZIP)
    yield Case("gzip: an event of 32 KB and a byte", gzip.compress(sized(32 * KB + 1)), headers=GZIP, refused=TOO_LARGE)
    many = [track(messageId=f"m{n}") for n in range(100)]
    yield Case("gzip: a batch", gzip.compress(batch(many)), path="batch", headers=GZIP, becomes=("accepted",) * 100)
