"""Who calls, for the record: from the key they showed, the route they took and the reason they gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.runtime.http import bearer
from attune.use_cases.management.record_access import Caller, admin_name, read_reason

if TYPE_CHECKING:
    from attune.ports import Key
    from attune.runtime.http import Request

REASON = "x-attune-reason"


def by_server_key(request: Request, key: Key) -> Caller:
    """With a key of a source; 400 `invalid_reason`."""
    return Caller(f"server key {key.key_id}", request.route, _reason(request), key.source)


def by_admin(request: Request) -> Caller:
    """With the admin's key, which the caller has checked; 400 `invalid_reason`."""
    return Caller(admin_name(bearer(request.headers)), request.route, _reason(request))


def by_link(request: Request) -> Caller:
    """With a signed link that somebody was sent."""
    return Caller("preference link", request.route)


def _reason(request: Request) -> str:
    return read_reason(request.headers.get(REASON, "").strip())
