"""Quarantine over HTTP, for the admin: what lies there, one input with its bytes, replays."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attune.domain.collection.quarantine import REPLAYED, Came, Quarantined, Trace
from attune.domain.errors import AttuneError
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.record_access import admin_name
from attune.use_cases.management.show_times import iso
from attune.use_cases.repairs.select_quarantined import named_one, read_limit, selection

if TYPE_CHECKING:
    from attune.ports.quarantine import Listed, QuarantineStore
    from attune.use_cases.repairs.replay_quarantined import ReplayQuarantined

#: inputs of one answer; those that one answer counts
PAGE: Final = 100
MAX_PAGE: Final = 1_000
COUNTED: Final = 10_000
WAITING: Final = "waiting"
STATES: Final = ("", WAITING, REPLAYED)

type Json = dict[str, Any]


class ManageQuarantine:
    """`admin_key` answers the deployment's admin key."""

    def __init__(self, *, store: QuarantineStore, replay: ReplayQuarantined, admin_key: Callable[[], str]) -> None:
        self._store = store
        self._replay = replay
        self._admin_key = admin_key

    def authorise(self, token: str | None) -> str:
        """Who asks, as traces name them; 401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())
        return admin_name(token)

    def counts(self, query: Mapping[str, str]) -> Json:
        """`{counts: [{reason, source, waiting, replayed}], cursor}` of a part of what lies there.

        The whole is the sum of all parts: call with each answer's cursor until it is null.
        """
        wanted, after = self._selected(query)
        page = self._store.listed(wanted, after, COUNTED)
        tally = Counter((listed.one.reason, listed.one.source, _state(listed)) for listed in page.found)
        counts = [
            {"reason": reason, "source": source}
            | {state: tally[reason, source, state] for state in (WAITING, REPLAYED)}
            for reason, source in sorted({(reason, source) for reason, source, _ in tally})
        ]
        return {"counts": counts, "cursor": page.reached.id if page.reached else None}

    def inputs(self, query: Mapping[str, str]) -> Json:
        """`{items, cursor}`: by reason, day, source and time. 400 `invalid_limit`, `invalid_time`, `invalid_cursor`."""
        wanted, after = self._selected(query)
        state, limit = query.get("state", ""), read_limit(query.get("limit", ""), PAGE, MAX_PAGE)
        if state not in STATES:
            raise AttuneError("invalid_body", f"state must be {WAITING} or {REPLAYED}")
        page = self._store.listed(wanted, after, limit)
        items = [_shown(listed) for listed in page.found if state in ("", _state(listed))]
        return {"items": items, "cursor": page.reached.id if page.reached else None}

    def one(self, name: str) -> Json:
        """All that is known of one input; 404 `unknown_input`."""
        one = named_one(name)
        kept = self._store.read(one)
        if kept is None:
            raise AttuneError("unknown_input", "no input of this id lies in quarantine", status=404)
        raw, came = kept
        tried = self._store.traces(one)
        state = REPLAYED if any(trace.outcome == REPLAYED for trace in tried) else WAITING
        shown = _named(one) | {"size": len(raw), "state": state, "came": _came(came)}
        return shown | _content(raw) | {"tried": [_trace(trace) for trace in tried]}

    def replay(self, body: bytes, by: str) -> Json:
        """See `ReplayQuarantined`."""
        return self._replay(body, by)

    def _selected(self, query: Mapping[str, str]) -> Any:
        return selection(*(query.get(name, "") for name in ("reason", "source", "since", "until", "cursor")))


def _named(one: Quarantined) -> Json:
    return {"id": one.id, "reason": one.reason, "source": one.source, "received_at": iso(one.received_at)}


def _shown(listed: Listed) -> Json:
    last = listed.tried[-1] if listed.tried else None
    tried = {"at": iso(last[0]), "outcome": last[1]} if last else None
    return _named(listed.one) | {"size": listed.size, "state": _state(listed), "last_tried": tried}


def _state(listed: Listed) -> str:
    return REPLAYED if any(outcome == REPLAYED for _, outcome in listed.tried) else WAITING


def _came(came: Came) -> Json:
    """`origin` is null of what was kept before it was noted."""
    replayed_at = iso(came.replayed_at) or None
    return {"origin": came.origin, "trusted": came.trusted, "how": came.how, "replayed_at": replayed_at}


def _content(raw: bytes) -> Json:
    """As text where it is UTF-8, else as base64: exactly its bytes either way."""
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _trace(trace: Trace) -> Json:
    said = {"at": iso(trace.at), "by": trace.by, "outcome": trace.outcome}
    return said | {"patch": trace.patch or None, "message_ids": list(trace.message_ids)}
