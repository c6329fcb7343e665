"""What an identifier is, how strong it is, which values identify nobody, and how it is pseudonymised."""

from __future__ import annotations

import hmac
import re
import unicodedata
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DAY: Final = 86_400_000
MAX_VALUE_LENGTH: Final = 512

#: namespaces from the strongest claim about a person to the weakest; `*` is where an unlisted one ranks
PRIORITY: Final = (
    "user_id",
    "shopify_customer_id",
    "hubspot_contact_id",
    "loyalty_id",
    "email",
    "email_hash",
    "phone",
    "phone_hash",
    "*",
    "anonymous_id",
    "shopify_order_id",
    "shopify_checkout_id",
    "checkout_token",
    "cart_token",
)
_RANK: Final = {namespace: rank for rank, namespace in enumerate(PRIORITY)}
_NAMED: Final = frozenset(PRIORITY) - {"*"}

#: carried by things (a cart, a checkout, an order), not people: the newest 50 count, for 30 days
WEAK: Final = frozenset({"cart_token", "checkout_token", "shopify_order_id", "shopify_checkout_id"})
#: drawn at random: who names one was given it
RANDOM: Final = frozenset({"anonymous_id", "cart_token", "checkout_token"})
#: given out by shops and CRMs, counted up, printed in e-mails: only who is trusted names them
ISSUED: Final = (WEAK - RANDOM) | {
    "shopify_customer_id",
    "hubspot_contact_id",
    "salesforce_contact_id",
    "salesforce_lead_id",
    "stripe_customer_id",
}
WEAK_LIFETIME: Final = 30 * DAY

#: how many values of a namespace one profile may hold (Segment's defaults for user_id and the rest, larger for devices)
LIMITS: Final = {
    "user_id": 1,
    "shopify_customer_id": 1,
    # contacts that were merged keep their numbers, and shops make a new customer of whoever comes as a guest
    "hubspot_contact_id": 50,
    "salesforce_contact_id": 50,
    "salesforce_lead_id": 50,
    "stripe_customer_id": 50,
    "anonymous_id": 50,
    "shopify_order_id": 50,
    "shopify_checkout_id": 50,
    "checkout_token": 50,
    "cart_token": 50,
}
DEFAULT_LIMIT: Final = 5

#: besides what consists of zeros and hyphens
_BLOCKED: Final = re.compile(
    r"-1|null|nil|none|undefined|nan|n/a|na|anonymous|guest|unknown|\[object object\]", re.IGNORECASE
)
#: few values begin like one of them, and the others need not be compared
_BLOCKED_BEGIN: Final = frozenset("-NnUuAaGg[")
_NAMESPACE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_MIN_PHONE_DIGITS: Final = 5
#: somewhere in a text: an e-mail address, as it is or encoded for a URL, or an international telephone number
_ADDRESS: Final = re.compile(
    r"[^\s@<>\"']@[^\s@<>\"']|[^\s@<>\"'/?&=]%(?:25)*40[^\s@<>\"'/?&=]|(?:\+|\b00)\(?\d(?:[\s()./-]{0,2}\d){6,}"
)
#: `x12`, `ext. 12`, `;ext=12`, `#12` behind a telephone number
_EXTENSION: Final = re.compile(r"(?:xt(?:ensio)?n?|x|#)[\s.:=]{0,3}(\d{1,7})\D*\Z", re.IGNORECASE)


class Identifier(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One claim about who somebody is, e.g. `Identifier("email", "ada@example.com")`; values are normalised."""

    namespace: str
    value: str


def rank(identifier: Identifier) -> int:
    """0 is strongest."""
    return _RANK.get(identifier.namespace, _RANK["*"])


def by_strength(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """Without repeats, strongest first, ties by namespace and value, so that every producer agrees on the first."""
    found = set(identifiers)
    return tuple(sorted(found, key=_strength) if len(found) > 1 else found)


def _strength(identifier: Identifier) -> tuple[int, str, str]:
    namespace = identifier.namespace
    return _RANK.get(namespace, _RANK["*"]), namespace, identifier.value


def limit(namespace: str) -> int:
    """How many values of this namespace a profile may hold."""
    return LIMITS.get(namespace, DEFAULT_LIMIT)


def normalise_identifier(namespace: object, value: object) -> Identifier | None:
    """The identifier as it is stored, or None for a value that identifies nobody (`""`, `0`, `null`, `anonymous`, ...).

    E-mail addresses are trimmed and lower-cased, and have something on both sides of their one `@` and no space; of
    phone numbers digits and `+` stay, at least five digits and not only zeros, and an extension as `x12`. Integers
    become their decimal text; booleans, floats, objects and values longer than 512 characters identify nobody.
    """
    if not isinstance(value, str):
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        value = str(value)
    if not isinstance(namespace, str):
        return None
    text = value.strip() if value.isascii() else unicodedata.normalize("NFC", value).strip()
    if namespace == "email":
        # normalised once more: J + caron is two characters, its lower case is one
        text = unicodedata.normalize("NFC", text.lower())
        if not _EMAIL.fullmatch(text):
            return None
    if namespace == "phone":
        text = _phone(text)
    if len(text) > MAX_VALUE_LENGTH or _is_blocked(text) or not text.isprintable():
        return None
    return Identifier(namespace, text) if namespace in _NAMED or _NAMESPACE.fullmatch(namespace) else None


def _is_blocked(text: str) -> bool:
    return not text.strip("0-") or (text[0] in _BLOCKED_BEGIN and _BLOCKED.fullmatch(text) is not None)


def _phone(text: str) -> str:
    """Empty if it is none. The digits of an extension are none of the number: with them it may be somebody else's."""
    extension = _EXTENSION.search(text)
    number = _digits(text[: extension.start()]) if extension else ""
    return f"{number}x{extension[1]}" if extension and number else _digits(text)


def _digits(text: str) -> str:
    """With `+`; empty if they are too few or only zeros."""
    text = re.sub(r"[^\d+]", "", text)
    digits = [unicodedata.decimal(character) for character in text if character != "+"]
    return text if len(digits) >= _MIN_PHONE_DIGITS and any(digits) else ""


def reads_as_address(text: str) -> bool:
    """Whether something in it does: an e-mail address, also encoded for a URL, or an international telephone number."""
    return _ADDRESS.search(text) is not None


def is_namespace(text: str) -> bool:
    """Lower case letters, digits and `_`, a letter first, at most 40."""
    return _NAMESPACE.fullmatch(text) is not None


def identity_key(secret: bytes, identifier: Identifier) -> str:
    """Keyed pseudonym of an identifier, 32 hex digits: the key of the identities table and the stream's partition key.

    HMAC-SHA256 cut to 128 bits, because a plain hash of an e-mail address or a phone number can be enumerated.
    """
    text = f"{identifier.namespace}\x1f{identifier.value}".encode()
    return hmac.digest(secret, text, "sha256")[:16].hex()


#: by how much unlinking raises the generation: whoever founds a profile tries 0, 1, 2, … and never comes this far
UNLINKING: Final = 1 << 16


def profile_id_for(secret: bytes, first: str, generation: int = 0) -> str:
    """Id of the profile that the identity key `first` founds; erasure and unlinking raise the generation."""
    return hmac.digest(secret, f"profile\x1f{first}\x1f{generation}".encode(), "sha256")[:16].hex()


def partition_key(secret: bytes, identifiers: Sequence[Identifier]) -> str:
    """The identity key of the strongest identifier: everything that claims it is read in order."""
    return identity_key(secret, by_strength(identifiers)[0])
