"""What somebody asks about a person's data, out of the body of a call: checked, and named as it will be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.identifiers import Identifier, by_strength
from attune.domain.privacy.requests import Kind, PrivacyRequest, Variant
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.profiles.name_subjects import NameSubjects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.ports import Identified

#: addresses of one person, and characters of a request's number at whoever asks
MAX_SUBJECT: Final = 20
MAX_REFERENCE: Final = 100
#: traits of one rectification
MAX_TRAITS: Final = 100
#: kinds that the API takes; a shop asks itself to be forgotten
KINDS: Final[tuple[Kind, ...]] = tuple(kind for kind in Kind.__value__.__args__ if kind != "shop_erasure")
#: no namespace of an identifier: what is made of it is nobody's identity key
_REQUEST: Final = "#request"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/privacy/requests`. `subject`: `namespace:value`, all of one person."""

    kind: str
    subject: list[str] = []
    source: str = ""
    variant: Variant = "delete"
    suppress: bool = False
    traits: dict[str, Any] = {}
    reference: str = ""


class ReadRequests:
    """Callable with a body, the definitions and the time: a request that begins at once."""

    def __init__(self, pseudonyms: Identified) -> None:
        self._pseudonyms = pseudonyms
        self._name = NameSubjects(pseudonyms)

    def __call__(self, body: bytes, definitions: Definitions, now: int) -> PrivacyRequest:
        """Keeps nothing.

        400 `invalid_body`, `invalid_kind`, `no_subject`, `no_such_source`, `invalid_identifier`, `ambiguous_subject`,
        `ambiguous_traits`.
        """
        asked = read_body(body, Asked)
        _check(asked)
        if asked.source and asked.source not in definitions.sources:
            raise AttuneError("no_such_source", "$.source: there is no source of this name")
        identifiers = by_strength(_subject(asked.subject))
        self._name.check(identifiers, asked.source, definitions)
        return PrivacyRequest(
            request_id=self._id(asked, identifiers, now),
            kind=_kind(asked.kind),
            source=asked.source,
            received_at=now,
            identifiers=identifiers,
            reference=asked.reference,
            state="running",
            variant=asked.variant,
            suppress=asked.suppress,
            traits=self._name.traits(asked.traits, identifiers, asked.source, definitions) if asked.traits else {},
            started_at=now,
        )

    def _id(self, asked: Asked, identifiers: Sequence[Identifier], now: int) -> str:
        """Asked again under its `reference` it is the same request. Under our key: a request's id tells of nobody."""
        said = (asked.kind, identifiers, asked.source, asked.reference or now, asked.variant, asked.suppress)
        text = msgspec.json.encode((said, asked.traits), order="sorted").decode()
        return self._pseudonyms.key(Identifier(_REQUEST, text))


def _check(asked: Asked) -> None:
    _kind(asked.kind)
    if not asked.subject:
        raise AttuneError("no_subject", "$.subject: name at least one address of the person")
    if len(asked.subject) > MAX_SUBJECT:
        raise AttuneError("invalid_body", f"$.subject: at most {MAX_SUBJECT} addresses")
    if len(asked.reference) > MAX_REFERENCE or not asked.reference.isprintable():
        raise AttuneError("invalid_body", f"$.reference: at most {MAX_REFERENCE} printable characters")
    if bool(asked.traits) != (asked.kind == "rectification") or len(asked.traits) > MAX_TRAITS:
        raise AttuneError("invalid_body", f"$.traits: up to {MAX_TRAITS}, of a rectification and of nothing else")
    if asked.kind != "erasure" and (asked.suppress or asked.variant != "delete"):
        raise AttuneError("invalid_body", "$: only an erasure takes suppress and variant")


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise AttuneError("invalid_kind", f"a request is one of {', '.join(KINDS)}")


def _subject(addresses: Sequence[str]) -> list[Identifier]:
    found = []
    for index, address in enumerate(addresses):
        try:
            found.append(read_address(address))
        except AttuneError:
            raise AttuneError("invalid_identifier", f"$.subject[{index}]: is not namespace:value") from None
    return found
