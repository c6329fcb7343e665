"""Requests about people's data over HTTP, for the admin: what is asked, what becomes of it, and by when it must be."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.privacy.masking import masked
from attune.domain.privacy.requests import PrivacyRequest, State
from attune.ports import ConflictError
from attune.ports.privacy import After
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.show_times import iso, second
from attune.use_cases.privacy.read_requests import ReadRequests

if TYPE_CHECKING:
    from attune.ports import Clock, DefinitionReader, Identified
    from attune.ports.documents import Documents
    from attune.ports.privacy import PrivacyRequests
    from attune.ports.runs import Runs
    from attune.use_cases.privacy.begin_requests import BeginRequests

type Json = dict[str, Any]
type Recorded = Callable[[Iterable[str]], None]

#: in access records, in place of a person: the list of all
ALL: Final = "privacy requests"
#: requests of one answer
PAGE: Final = 100
STATES: Final[tuple[State, ...]] = State.__value__.__args__
#: why a request may be refused: a closed set, so that a refusal names nobody
REASONS: Final = (
    "identity_not_proven",
    "unfounded",
    "excessive",
    "legal_obligation",
    "legal_claims",
    "public_interest",
    "free_expression",
    "withdrawn",
    "duplicate",
)
#: what an outcome has only while the request is under way
_OF_THE_WAY: Final = frozenset({"attempts", "tried_at"})
#: seconds for which the addresses of an export lead there
SHOWN_FOR: Final = 900


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a refusal: one of `REASONS`."""

    reason: str


class ManagePrivacy:
    """Takes requests, begins them, and shows them. `admin_key` answers the deployment's admin key."""

    def __init__(
        self,
        *,
        requests: PrivacyRequests,
        begin: BeginRequests,
        runs: Runs,
        documents: Documents,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        admin_key: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._requests = requests
        self._begin = begin
        self._runs = runs
        self._documents = documents
        self._definitions = definitions
        self._read = ReadRequests(pseudonyms)
        self._admin_key = admin_key
        self._clock = clock

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def ask(self, body: bytes, recorded: Recorded) -> Json:
        """The request, begun: what it holds is held when this returns, what it changes follows by the stream.

        `recorded`: told of whom it is about, first.
        400 `invalid_body`, `invalid_kind`, `no_subject`, `invalid_identifier`, `ambiguous_subject`, `no_such_source`,
        `ambiguous_traits`.
        """
        request = self._read(body, self._definitions.current(), self._clock())
        recorded(self._begin.named(request))
        if not self._requests.keep(request):
            request = self._known(request.request_id)
        return self._carry_out(request) if request.state == "running" else _shown(request)

    def fulfil(self, request_id: str) -> Json:
        """Begin one that a webhook brought; 404 `unknown_request`, 409 `not_waiting`."""
        known = self._waiting(request_id)
        request = msgspec.structs.replace(known, state="running", started_at=self._clock())
        self._save(request, "received")
        return self._carry_out(request)

    def refuse(self, request_id: str, body: bytes) -> Json:
        """End one that waits, for a reason of `REASONS`; 404 `unknown_request`, 409 `not_waiting`, 400."""
        reason = read_body(body, Refused).reason
        if reason not in REASONS:
            raise AttuneError("unknown_reason", f"a request is refused as one of {', '.join(REASONS)}")
        refused = over(self._waiting(request_id), "refused", self._clock(), {"reason": reason})
        self._save(refused, "received")
        return _shown(refused)

    def show(self, query: Mapping[str, str]) -> Json:
        """`{requests, next}`: those of a `state` (`received`), the first due first; `next`: `after` of the next page.

        400 `invalid_after` for an `after` that no answer named, `invalid_state`.
        """
        state = _state(query.get("state", "received"))
        found = self._requests.waiting(PAGE, _place(query.get("after", "")), state=state)
        last = found[-1] if len(found) == PAGE else None
        return {
            "requests": [_shown(request) for request in found],
            "next": f"{last.due_at}.{last.request_id}" if last else None,
        }

    def one(self, request_id: str) -> Json:
        """404 `unknown_request`."""
        return _shown(self._known(request_id))

    def export(self, request_id: str) -> Json:
        """`{request_id, json, html, expires_at}`: addresses that show what is held to whoever has them.

        404 `unknown_request`, `no_export` (not yet, or no longer).
        """
        request = self._known(request_id)
        keys = {kind: export_key(request.request_id, kind) for kind in ("json", "html")}
        if request.kind != "access" or request.state != "done" or not self._documents.keys(keys["json"]):
            raise AttuneError(
                "no_export", "nothing lies there to be shown: it is not ready, or older than a week", status=404
            )
        now = self._clock()
        urls = {kind: self._documents.url(key, SHOWN_FOR) for kind, key in keys.items()}
        return {"request_id": request_id, **urls, "expires_at": iso(now + SHOWN_FOR * 1_000)}

    def receipt(self, request_id: str) -> Json:
        """The receipt of an erasure, as it was written; 404 `unknown_request`, `no_receipt`."""
        request = self._known(request_id)
        key = request.outcome.get("receipt")
        data = self._documents.get(key) if isinstance(key, str) else None
        if data is None:
            raise AttuneError("no_receipt", "only erasures that are done have a receipt", status=404)
        receipt: Json = msgspec.json.decode(data)
        return receipt

    def about(self, request_id: str) -> list[str]:
        """Identity keys of whom a request names, while it does; else that it is about one of many requests."""
        request = self._requests.get(request_id) if request_id.isalnum() else None
        return list(self._begin.named(request) if request else ()) or [ALL]

    def _carry_out(self, request: PrivacyRequest) -> Json:
        in_flight = self._begin(request)
        if self._runs.running() is None:
            # Where this second has had its run, that one takes what waits, or the next does.
            with contextlib.suppress(ConflictError):
                self._runs.start(second(self._clock()), {})
        return _shown(request) | ({"in_flight": True} if in_flight else {})

    def _known(self, request_id: str) -> PrivacyRequest:
        found = self._requests.get(request_id) if request_id.isalnum() else None
        if found is None:
            raise AttuneError("unknown_request", "there is no request of this id", status=404)
        return found

    def _waiting(self, request_id: str) -> PrivacyRequest:
        found = self._known(request_id)
        if found.state != "received":
            raise _not_waiting(found.state)
        return found

    def _save(self, request: PrivacyRequest, read_state: State) -> None:
        try:
            self._requests.save(request, read_state=read_state)
        except ConflictError:
            raise _not_waiting("meanwhile") from None


def over(request: PrivacyRequest, state: State, now: int, outcome: Json) -> PrivacyRequest:
    """It names nobody any more; `outcome` says how many addresses and orders it named, and what was done.

    Nor has it the asker's own number of it: people write names there.
    """
    told: Json = {"identifiers": len(request.identifiers), "orders": len(request.orders)}
    told |= {name: said for name, said in outcome.items() if name not in _OF_THE_WAY}
    ended = msgspec.structs.replace(request, state=state, ended_at=now, outcome=told)
    return msgspec.structs.replace(ended, identifiers=(), orders=(), traits={}, reference="")


def export_key(request_id: str, kind: str) -> str:
    """`exports/<request>/data.json` or `data.html`."""
    return f"exports/{request_id}/data.{kind}"


def _not_waiting(state: str) -> AttuneError:
    return AttuneError(
        "not_waiting", f"only a request that waits can be fulfilled or refused: it is {state}", status=409
    )


def _state(text: str) -> State:
    for state in STATES:
        if state == text:
            return state
    raise AttuneError("invalid_state", f"a request is in one of the states {', '.join(STATES)}")


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
        "started_at": iso(request.started_at) or None,
        "ended_at": iso(request.ended_at) or None,
        "reference": request.reference,
        "orders": len(request.orders),
        "subject": [{"namespace": one.namespace, "value": masked(one)} for one in request.identifiers],
        "outcome": request.outcome,
    }
