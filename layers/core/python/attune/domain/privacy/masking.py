"""What a caller sees who may work with people and need not know how to reach them: addresses told apart, not told.

Two things hide a value: the name under which it stands (`is_personal`: a word of `WORDS` in it, or marked by a source's
`personal`), and what it is: whatever reads like an e-mail address or an international telephone number is one, whatever
it is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.kinds import Definitions
from attune.domain.identifiers import reads_as_address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from attune.domain.definitions.kinds import ComputedTrait
    from attune.domain.identifiers import Identifier

#: in place of a value that is hidden
MASKED: Final = "…"
#: words of a name that say that what it names tells who somebody is, or where they are
WORDS: Final = frozenset({
    "address", "addresses", "avatar", "bank", "bic", "birth", "birthdate", "birthday", "city", "contact", "coordinates",
    "dob", "email", "emails", "fax", "firstname", "forename", "fullname", "gender", "geo", "iban", "initials", "ip",
    "lastname", "lat", "latitude", "lon", "longitude", "mail", "mobile", "mobilephone", "name", "nickname", "nin",
    "passport", "phone", "phones", "photo", "picture", "postal", "postcode", "salutation", "sex", "ssn", "street",
    "surname", "tel", "telephone", "username", "vat", "website", "whatsapp", "zip", "zipcode",
})  # fmt: skip
_SHOWN_OF_A_NUMBER: Final = 2
#: of a telephone number, from its end: what is before them may be written or left out
_TELLING_DIGITS: Final = 7
#: how namespaces of pseudonyms and of account numbers end: `email_hash`, `hubspot_contact_id`
_OF_NO_ADDRESS: Final = ("_hash", "_id")
#: where a word ends: `firstName`, `first_name`, `First Name`, `billing.zip`, `address2`
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_EMAIL: Final = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")


class Mask:
    """How one person is shown: by the names that definitions mark, and without the addresses they are known by."""

    def __init__(self, definitions: Definitions, known_by: Iterable[Identifier] = ()) -> None:
        told = marked_in(definitions)
        self._marked = told | {one.id for one in definitions.computed_traits.values() if _is_of_personal(one, told)}
        numbers = (_digits(one.value) for one in known_by if one.namespace == "phone")
        self._ends = tuple(digits[-_TELLING_DIGITS:] for digits in numbers if len(digits) >= _TELLING_DIGITS)

    def identifier(self, identifier: Identifier) -> str:
        """As `masked`; nothing of a value whose namespace a source marks, or that is the person's number again."""
        shown, value = masked(identifier), identifier.value
        is_hidden = identifier.namespace in self._marked or (shown == value and self._is_address(value))
        return MASKED if is_hidden else shown

    def name(self, name: str) -> str:
        """What a value stands under, which may be an address itself."""
        return MASKED if self._is_address(name) else name

    def value(self, name: str, value: Any) -> Any:
        """A value as it is shown under its name; what lies in it by the names within. Yes, no and nothing are shown."""
        if value is None or isinstance(value, bool):
            return value
        if is_personal(name, self._marked):
            return MASKED
        match value:
            case dict():
                return {self.name(str(one)): self.value(str(one), part) for one, part in value.items()}
            case list() | tuple():
                return [self.value(name, part) for part in value]
            case _:
                return MASKED if self._is_address(str(value)) else value

    def _is_address(self, text: str) -> bool:
        return reads_as_address(text) or bool(self._ends and _digits(text).endswith(self._ends))


class _NoMask(Mask):
    """Shows everything."""

    def identifier(self, identifier: Identifier) -> str:
        """As it is."""
        return identifier.value

    def name(self, name: str) -> str:
        """As it is."""
        return name

    def value(self, name: str, value: Any) -> Any:  # noqa: ARG002 - as of any mask
        """As it is."""
        return value


def is_personal(name: str, marked: Collection[str] = ()) -> bool:
    """Whether what stands under the name is hidden whatever it is. `marked`: `marked_in` of the definitions."""
    is_marked = name in marked or any(step in marked for step in name.split("."))
    return is_marked or any(word.lower() in WORDS for word in _WORD.findall(name))


def _is_of_personal(trait: ComputedTrait, marked: Collection[str]) -> bool:
    """Whether a computed trait repeats what is hidden where it was said."""
    return is_personal(getattr(trait.compute, "property", ""), marked)


def is_personal_namespace(namespace: str, marked: Collection[str] = ()) -> bool:
    """As `is_personal`, of identifiers: a pseudonym of an address is none, nor is the number of an account."""
    return namespace in marked or (is_personal(namespace) and not namespace.endswith(_OF_NO_ADDRESS))


def marked_in(definitions: Definitions) -> frozenset[str]:
    """Names that any source marks as personal: a person's traits are one whole, whoever said them."""
    return frozenset(name for source in definitions.sources.values() for name in source.personal)


def masked(identifier: Identifier) -> str:
    """An e-mail address without its name, a phone number without all but its end; numbers of accounts as they are."""
    namespace, value = identifier.namespace, identifier.value
    if namespace == "email" or _EMAIL.fullmatch(value):
        return f"{value[:1]}{MASKED}@{value.rpartition('@')[2]}"
    if namespace == "phone":
        return f"{MASKED}{value[-_SHOWN_OF_A_NUMBER:]}"
    return MASKED if is_personal_namespace(namespace) or reads_as_address(value) else value


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


NO_MASK: Final[Mask] = _NoMask(Definitions())
