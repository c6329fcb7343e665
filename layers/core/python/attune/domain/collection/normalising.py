"""An event's values in the form that its source's definition asks for; then what is to be hashed.

Everything is left as it came where a rule cannot read it without guessing (the note `not_normalised:<path>`). What is
changed leaves a note too: `normalised:<path>`, `hashed:<path>`. An event that carries such a note is taken for done,
so that normalising twice equals once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from attune.domain.collection import ecommerce, values
from attune.domain.collection.drafts import Draft
from attune.domain.collection.value_rules import change_of
from attune.domain.definitions.normalisation import WHERE, MoneyValue, Normalisation, PhoneValue
from attune.domain.events import Event
from attune.domain.identifiers import Identifier, by_strength, normalise_identifier

#: text → pseudonym, under the deployment's key
type Pseudonym = Callable[[str], str]

IDENTIFIERS: Final = "identifiers"
#: hex digits, as a fingerprint has them
_TRACE: Final = 16
#: of a telephone number, from its end: what is before them may be written or left out
_TELLING_DIGITS: Final = 7
#: namespaces whose values have a form of their own: a pseudonym has not, and gets a namespace of its own
_OF_A_FORM: Final = frozenset({"email", "phone"})
_DONE: Final = ("normalised:", "not_normalised:", "hashed:")


class Normaliser:
    """Callable with an event; answers the same object where there is nothing to change."""

    def __init__(self, rules: Normalisation, pseudonym: Pseudonym) -> None:
        self._rules = rules
        self._pseudonym = pseudonym
        asked = {"traits.phone": PhoneValue()} | rules.values if rules.region else rules.values
        self._values = [
            (path, path.split("."), change_of(rule, rules), isinstance(rule, MoneyValue))
            for path, rule in asked.items()
        ]
        self._hashed_namespaces = {path.partition(".")[2] for path in rules.hash if path.startswith(f"{IDENTIFIERS}.")}
        self._hashed = [path for path in rules.hash if not path.startswith(f"{IDENTIFIERS}.")]
        self._identifies = bool(rules.region) or rules.email == "mailbox"

    def __call__(self, event: Event) -> Event:
        """Names first, then values under their new names, then who it names; hashing last."""
        if event.notes and any(note.startswith(_DONE) for note in event.notes):
            return event
        draft = Draft(event)
        self._rename(draft)
        for path, steps, change, is_money in self._values:
            draft.change(path, steps, change, self._currency(draft) if is_money else "")
        if self._identifies:
            self._form_identifiers(draft)
        if self._hashed_namespaces:
            self._hash_identifiers(draft)
        for path in self._hashed:
            part, *steps = path.split(".")
            draft.replace(part, self._hashed_at(draft.parts[part], steps), path, word="hashed")
        return self._without_traces(draft.event()) if self._rules.hash else draft.event()

    def _without_traces(self, event: Event) -> Event:
        """Under our key whatever was made of the content before: else what was hashed could be tried out."""
        is_made = event.type.startswith("$") or "message_id_derived" in event.notes
        made = f"derived-{self._pseudonym(event.message_id)[:_TRACE]}" if is_made else event.message_id
        kept = self._pseudonym(event.fingerprint)[:_TRACE] if event.fingerprint else ""
        return msgspec.structs.replace(event, fingerprint=kept, message_id=made, notes=(*event.notes, "hashed:event"))

    def _hashed_at(self, value: Any, steps: list[str]) -> Any:
        """Every value where the steps lead, under whatever spelling: nothing of it is left because there are two."""
        if not steps:
            return self._hash(value)
        step, rest = steps[0], steps[1:]
        if isinstance(value, list) and step == "*":
            return [self._hashed_at(one, rest) for one in value]
        if not isinstance(value, dict):
            return value
        return {name: self._hashed_at(one, rest) if self._means(name, step) else one for name, one in value.items()}

    def _means(self, name: str, wanted: str) -> bool:
        said = self._rules.traits.get(name, name)
        return wanted in (name, said) or (self._rules.ecommerce and ecommerce.canonical_property(name) == wanted)

    def _rename(self, draft: Draft) -> None:
        rules = self._rules
        if draft.type == "track":
            name = rules.events.get(draft.name, draft.name)
            name = ecommerce.canonical_name(name) if rules.ecommerce else name
            if name != draft.name:
                draft.name = name
                draft.note("normalised", "name")
            if rules.ecommerce and ecommerce.is_of_the_spec(name):
                draft.replace("properties", ecommerce.canonical_properties(draft.parts["properties"]), "properties")
        if not rules.traits:
            return
        traits = draft.parts["traits"]
        for name, wanted in rules.traits.items():
            # a trait that has its name already keeps its value
            if name in traits and wanted not in traits:
                traits = {wanted if one == name else one: value for one, value in traits.items()}
                draft.replace("traits", traits, f"traits.{name}")

    def _currency(self, draft: Draft) -> str:
        """What the event says its amounts are in, else what its source does."""
        said = draft.parts["properties"].get("currency")
        try:
            return self._rules.currency if said is None else values.currency(said)
        except ValueError:
            return ""

    def _form_identifiers(self, draft: Draft) -> None:
        formed = by_strength(self._formed(identifier, draft) for identifier in draft.identifiers)
        draft.identifiers = formed

    def _formed(self, identifier: Identifier, draft: Draft) -> Identifier:
        value = identifier.value
        if identifier.namespace == "phone" and self._rules.region:
            try:
                value = values.phone(value, self._rules.region)
            except ValueError:
                draft.note("not_normalised", "identifiers.phone")
        elif identifier.namespace == "email" and self._rules.email == "mailbox":
            value = values.mailbox(value)
        if value == identifier.value:
            return identifier
        draft.note("normalised", f"identifiers.{identifier.namespace}")
        return Identifier(identifier.namespace, value)

    def _hash_identifiers(self, draft: Draft) -> None:
        """The identifiers, and their values wherever the event says them: a trait `email` is the address again."""
        pseudonyms: dict[Identifier, str] = {}
        kept: list[Identifier] = []
        for identifier in draft.identifiers:
            namespace = identifier.namespace
            if namespace not in self._hashed_namespaces:
                kept.append(identifier)
                continue
            pseudonyms[_alike(identifier)] = pseudonym = self._pseudonym(identifier.value)
            kept.append(Identifier(f"{namespace}_hash" if namespace in _OF_A_FORM else namespace, pseudonym))
            draft.note("hashed", f"identifiers.{namespace}")
        draft.identifiers = by_strength(kept)
        if pseudonyms:
            namespaces = sorted({identifier.namespace for identifier in pseudonyms})
            for part in WHERE:
                draft.parts[part] = _hidden(draft.parts[part], namespaces, pseudonyms)

    def _hash(self, value: Any) -> Any:
        """Of texts and whole numbers; of lists and objects whatever lies in them."""
        if isinstance(value, dict):
            return {name: self._hash(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._hash(part) for part in value]
        if value is None or isinstance(value, bool):
            return value
        return self._pseudonym(str(value))


def _alike(identifier: Identifier) -> Identifier:
    """One identifier for all spellings that may mean the same.

    Without the tables of telephone numbers: an event may hold thousands of texts, and one too many that is hidden does
    no harm.
    """
    if identifier.namespace == "phone":
        number, _, _ = identifier.value.partition("x")
        return Identifier("phone", "".join(filter(str.isdigit, number))[-_TELLING_DIGITS:])
    return Identifier("email", values.mailbox(identifier.value)) if identifier.namespace == "email" else identifier


def _hidden(value: Any, namespaces: list[str], pseudonyms: dict[Identifier, str]) -> Any:
    """The value without what was hashed."""
    if isinstance(value, dict):
        return {
            _hidden(name, namespaces, pseudonyms): _hidden(part, namespaces, pseudonyms) for name, part in value.items()
        }
    if isinstance(value, list):
        return [_hidden(part, namespaces, pseudonyms) for part in value]
    if isinstance(value, str | int) and not isinstance(value, bool):
        for namespace in namespaces:
            identifier = normalise_identifier(namespace, value)
            if identifier and (known := pseudonyms.get(_alike(identifier))):
                return known
    return value
