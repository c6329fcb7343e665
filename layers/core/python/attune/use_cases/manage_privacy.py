"""Requests about people's data over HTTP, for the admin: what has come in and by when it must be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attune.domain.errors import AttuneError
from attune.ports.privacy import After
from attune.use_cases.recognise_keys import require_admin
from attune.use_cases.show_times import iso

if TYPE_CHECKING:
    from attune.domain.identifiers import Identifier
    from attune.domain.privacy_requests import PrivacyRequest
    from attune.ports.privacy import PrivacyRequests

type Json = dict[str, Any]

#: requests of one answer
PAGE: Final = 100
_SHOWN_OF_A_NUMBER: Final = 2


class ManagePrivacy:
    """Shows requests. `admin_key` answers the deployment's admin key."""

    def __init__(self, *, requests: PrivacyRequests, admin_key: Callable[[], str]) -> None:
        self._requests = requests
        self._admin_key = admin_key

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def show(self, query: Mapping[str, str]) -> Json:
        """`{requests, next}`: those that wait, the first due first; `next` is the `after` of the following page.

        400 `invalid_after` for an `after` that no answer named.
        """
        found = self._requests.waiting(PAGE, _place(query.get("after", "")))
        last = found[-1] if len(found) == PAGE else None
        return {
            "requests": [_shown(request) for request in found],
            "next": f"{last.due_at}.{last.request_id}" if last else None,
        }


def _place(after: str) -> After | None:
    if not after:
        return None
    due_at, _, request_id = after.partition(".")
    is_place = due_at.isascii() and due_at.isdecimal() and len(due_at) <= len(str(10**15)) and request_id.isalnum()
    if not is_place:
        raise AttuneError("invalid_after", "`after` must be the `next` of an answer")
    return After(int(due_at), request_id)


def _shown(request: PrivacyRequest) -> Json:
    """What it takes to find the person and to keep the deadline; addresses are told apart, not told."""
    return {
        "request_id": request.request_id,
        "kind": request.kind,
        "source": request.source,
        "state": request.state,
        "received_at": iso(request.received_at),
        "due_at": iso(request.due_at),
        "reference": request.reference,
        "orders": len(request.orders),
        "subject": [{"namespace": one.namespace, "value": _masked(one)} for one in request.identifiers],
    }


def _masked(identifier: Identifier) -> str:
    """An e-mail address without its name, a phone number without all but its end; numbers of accounts as they are."""
    value = identifier.value
    if identifier.namespace == "email":
        return f"{value[:1]}…@{value.partition('@')[2]}"
    if identifier.namespace == "phone":
        return f"…{value[-_SHOWN_OF_A_NUMBER:]}"
    return value
