"""How far the gathering of what is held of somebody has come, and where its pieces lie until the whole is written."""

from __future__ import annotations

import msgspec


class Progress(msgspec.Struct, kw_only=True):
    """Of one request; written down after every piece that the next call need not gather again.

    `run`: of the machine, which gathers. `began_at` (ms): as of when. `roots`: live profiles it began with, and `born`
    (ms): when the life before theirs ended, 0 for none. `part`: what is gathered, from `place` on (its own words;
    empty: from its begin); empty once all are. `pieces`: how many lie there by part; `sizes`: bytes of their entries.
    `left_out`: by part and code, how many entries are not in them.
    """

    run: str
    began_at: int
    roots: tuple[str, ...] = ()
    born: int = 0
    part: str = ""
    place: str = ""
    pieces: dict[str, int] = {}
    sizes: dict[str, int] = {}
    left_out: dict[str, dict[str, int]] = {}


def pieces_of(request_id: str) -> str:
    """The prefix of all that lies there only while it is gathered."""
    return f"exports/{request_id}/pieces/"


def progress_key(request_id: str) -> str:
    """`exports/<request>/pieces/progress.json`."""
    return pieces_of(request_id) + "progress.json"


def piece_key(request_id: str, part: str, number: int) -> str:
    """`exports/<request>/pieces/events-000001.ndjson`: entries, one a line; the first piece is number 1."""
    return f"{pieces_of(request_id)}{part}-{number:06d}.ndjson"


def encode_progress(progress: Progress) -> bytes:
    """JSON."""
    return msgspec.json.encode(progress)


def decode_progress(data: bytes) -> Progress:
    """Raises `msgspec.MsgspecError` for anything else."""
    return msgspec.json.decode(data, type=Progress)
