"""Verifications over HTTP, for the admin: look for a person or any text in everything stored, and see where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.erasure.residue import MIN_LENGTH
from attune.domain.erasure.verifications import Looked, Wanted, wanted_key
from attune.domain.errors import AttuneError
from attune.domain.identifiers import DAY, by_strength
from attune.domain.privacy.requests import PrivacyRequest
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.management.show_times import iso
from attune.use_cases.management.start_runs import MAX_RUNS, find_run, name_run, show_run
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.profiles.name_subjects import NameSubjects

if TYPE_CHECKING:
    from attune.domain.identifiers import Identifier
    from attune.ports import Clock, DefinitionReader, Identified
    from attune.ports.documents import Documents
    from attune.ports.runs import Run, Runs
    from attune.use_cases.management.record_access import Recorded

type Json = dict[str, Any]

#: in access records, in place of a person: who looks for a text, or for what was looked for
ALL: Final = "privacy verifications"
MAX_SUBJECT: Final = 20
MAX_STRINGS: Final = 100
MAX_LENGTH: Final = 500
_HOUR: Final = DAY // 24
#: days for which the tables' backups last
_BACKUPS: Final = 7


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/privacy/verifications`. `subject`: `namespace:value`; `strings`: any texts."""

    subject: list[str] = []
    strings: list[str] = []


class ManageVerifications:
    """It starts runs. `admin_key` answers the deployment's admin key."""

    def __init__(
        self,
        *,
        runs: Runs,
        documents: Documents,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        admin_key: Callable[[], str],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        retention_hours: int,
    ) -> None:
        """`retention_hours`: the stream's, whose records nobody looks through."""
        self._runs = runs
        self._documents = documents
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._name = NameSubjects(pseudonyms)
        self._admin_key = admin_key
        self._clock = clock
        self._random_bytes = random_bytes
        self._retention = retention_hours * _HOUR

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def start(self, body: bytes, recorded: Recorded) -> Json:
        """`{run}`; 409 `verification_in_progress`, 400 `invalid_body`, `invalid_identifier`, `text_too_short`.

        `recorded`: told of whom it is about, first. What is looked for is kept beside the run, which removes it.
        """
        asked = read_body(body, Asked)
        named = self._named(asked)
        wanted = _wanted(named, asked)
        recorded([self._pseudonyms.key(one) for one in named] or [ALL])
        run = name_run(self._runs, self._clock(), self._random_bytes, _in_progress)
        self._documents.put(wanted_key(run), msgspec.json.encode(wanted))
        self._runs.start(run, {})
        return {"run": run}

    def show(self) -> Json:
        """`{runs}`: the newest, newest first."""
        return {"runs": [show_run(run) for run in self._runs.latest(MAX_RUNS)]}

    def one_run(self, run: str) -> Json:
        """`{run, state, started_at, ended_at, result}`; 404 `unknown_run`."""
        found = find_run(self._runs, run)
        return show_run(found) | {"result": self._result(found)}

    def _result(self, run: Run) -> Json | None:
        """`{found, unread, texts, stores, exceptions}`, or the error's name."""
        if run.state == "running":
            return None
        if run.state != "succeeded":
            return {"error": run.error}
        told = run.output.get("verified", {})
        stores = msgspec.convert(told.get("stores", {}), dict[str, Looked])
        return {
            "found": sum(one.found for one in stores.values()),
            "unread": sum(one.unread for one in stores.values()),
            "texts": told.get("texts", {}),
            "stores": {name: _shown(one) for name, one in stores.items()},
            "exceptions": {
                "stream": iso(run.started_at + self._retention),
                "backups": iso(run.started_at + _BACKUPS * DAY),
            },
        }

    def _named(self, asked: Asked) -> tuple[Identifier, ...]:
        """Of the subject, in every form that a source may have given it."""
        if len(asked.subject) > MAX_SUBJECT:
            raise AttuneError("invalid_body", f"$.subject: at most {MAX_SUBJECT} addresses")
        identifiers = by_strength(read_address(address) for address in asked.subject)
        if not identifiers:
            return ()
        said = PrivacyRequest(request_id="", kind="access", source="", received_at=0, identifiers=identifiers)
        return self._name(said, self._definitions.current())


def _wanted(named: tuple[Identifier, ...], asked: Asked) -> Wanted:
    """The subject's values as they were given and in every form, and numbers without what stands before the country."""
    if len(asked.strings) > MAX_STRINGS or any(len(text) > MAX_LENGTH for text in asked.strings):
        raise AttuneError("invalid_body", f"$.strings: at most {MAX_STRINGS}, of {MAX_LENGTH} characters")
    given = [address.partition(":")[2].strip() for address in asked.subject]
    numbers = [one.value.lstrip("+") for one in named if one.namespace == "phone"]
    texts = tuple(dict.fromkeys([*(one.value for one in named), *numbers, *given, *asked.strings]))
    if not texts:
        raise AttuneError("invalid_body", "$: names neither a subject nor strings")
    if any(len(text) < MIN_LENGTH for text in texts):
        raise AttuneError(
            "text_too_short", f"what has fewer than {MIN_LENGTH} characters stands everywhere and says nothing"
        )
    return Wanted(texts)


def _in_progress(run: str) -> AttuneError:
    return AttuneError("verification_in_progress", f"run {run} is under way; wait for its end", status=409)


def _shown(looked: Looked) -> Json:
    return {"scanned": looked.scanned, "found": looked.found, "unread": looked.unread, "where": looked.where}
