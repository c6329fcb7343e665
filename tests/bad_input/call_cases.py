"""Calls whose fields are not what they should be: types, names, ids, consent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bad_input.cases import ACCEPTED, Case, batch, dump, track

NOBODY = "no_identifier"
UUID = "00000000-0000-0000-0000-000000000000"

#: what is sent as `userId` → the user that it names, or None
USERS: dict[str, tuple[Any, str | None]] = {
    "a number": (7, "7"),
    "a large number": (2**64 - 1, str(2**64 - 1)),
    "a number below nothing": (-7, "-7"),
    "one character": ("x", "x"),
    "spaces around it": ("  u1 ", "u1"),
    "256 characters": ("u" * 256, "u" * 256),
    "512 characters": ("u" * 512, "u" * 512),
    "513 characters": ("u" * 513, None),
    "2 KB": ("u" * 2_048, None),
    "512 emoji": ("😀" * 512, "😀" * 512),
    "decomposed letters": ("Cafe\u0301", "Caf\u00e9"),
    "letters from right to left": ("שלום", "שלום"),
    "a colon": ("email:ada@example.com", "email:ada@example.com"),
    "a slash": ("a/b", "a/b"),
    "a percent sign": ("100%", "100%"),
    "SQL": ("' OR 1=1 --", "' OR 1=1 --"),
    "an e-mail address": ("Ada@Example.com", "Ada@Example.com"),
    "a truth as text": ("true", "true"),
    "nothing": ("", None),
    "a space": (" ", None),
    "null": (None, None),
    "null as text": ("null", None),
    "NULL as text": ("NULL", None),
    "undefined": ("undefined", None),
    "None as text": ("None", None),
    "NaN as text": ("NaN", None),
    "nil": ("nil", None),
    "zero": (0, None),
    "zero as text": ("0", None),
    "zeros": ("0000", None),
    "dashes": ("----", None),
    "minus one": (-1, None),
    "anonymous": ("Anonymous", None),
    "guest": ("guest", None),
    "an object as JavaScript writes it": ("[object Object]", None),
    "the empty UUID": (UUID, None),
    "true": (True, None),
    "a fraction": (1.5, None),
    "a whole fraction": (7.0, None),
    "a list": (["u1"], None),
    "an object": ({"id": "u1"}, None),
    "a NUL": ("u\0", None),
    "a line end within": ("u\n1", None),
    "a direction within": ("u\u202e1", None),
    "a zero width space alone": ("\u200b", None),
    "a byte order mark": ("\ufeffu1", None),
    "a private character": ("\ue000", None),
}

MESSAGE_IDS: dict[str, tuple[Any, str]] = {
    "a number": (7, ACCEPTED),
    "100 characters": ("m" * 100, ACCEPTED),
    "100 emoji": ("😀" * 100, ACCEPTED),
    "a space": (" ", ACCEPTED),
    "a NUL": ("m\0", ACCEPTED),
    "nothing": ("", ACCEPTED),
    "null": (None, ACCEPTED),
    "left out": (..., ACCEPTED),
    "101 characters": ("m" * 101, "invalid_message_id"),
    "2 KB": ("m" * 2_048, "invalid_message_id"),
    "true": (True, "invalid_message_id"),
    "a fraction": (1.5, "invalid_message_id"),
    "a list": (["m1"], "invalid_message_id"),
    "an object": ({}, "invalid_message_id"),
}

NAMES: dict[str, tuple[Any, str]] = {
    "left out": (..., "invalid_name"),
    "null": (None, "invalid_name"),
    "nothing": ("", "invalid_name"),
    "a space": (" ", "invalid_name"),
    "line ends": ("\r\n", "invalid_name"),
    "a number": (7, "invalid_name"),
    "true": (True, "invalid_name"),
    "a list": (["Viewed"], "invalid_name"),
    "an object": ({"name": "Viewed"}, "invalid_name"),
    "one of ours": ("$consent", "reserved_name"),
    "one of ours, in capitals": ("$CONSENT", "reserved_name"),
    "a dollar sign": ("$", "reserved_name"),
    "a price": ("$5 off", "reserved_name"),
    "spaces and one of ours": (" \t$wake", "reserved_name"),
    "an odd space and one of ours": ("\u00a0$wake", "reserved_name"),
    "a dollar sign later": ("Paid $5", ACCEPTED),
    "a full width dollar sign": ("\uff04consent", ACCEPTED),
    "10,000 characters": ("E" * 10_000, ACCEPTED),
}

TYPES: dict[str, tuple[Any, str]] = {
    "left out": (..., "invalid_type"),
    "null": (None, "invalid_type"),
    "nothing": ("", "invalid_type"),
    "in capitals": ("TRACK", "invalid_type"),
    "with a space": ("track ", "invalid_type"),
    "unknown": ("jump", "invalid_type"),
    "a batch": ("batch", "invalid_type"),
    "an import": ("import", "invalid_type"),
    "a letter": ("t", "invalid_type"),
    "a number": (7, "invalid_type"),
    "true": (True, "invalid_type"),
    "a list": (["track"], "invalid_type"),
    "an object": ({}, "invalid_type"),
    "consent, which is ours": ("$consent", "reserved_name"),
    "a score, which is ours": ("$score", "reserved_name"),
    "a wake-up, which is ours": ("$wake", "reserved_name"),
    "a dollar sign": ("$", "reserved_name"),
}

NO_OBJECTS: dict[str, Any] = {
    "a list": [],
    "a text": "x",
    "an empty text": "",
    "a number": 0,
    "true": True,
    "false": False,
}

CONSENTS: dict[str, Any] = {
    "a text": "yes",
    "a list": [],
    "true": True,
    "preferences that are a list": {"categoryPreferences": ["email"]},
    "preferences that are a text": {"categoryPreferences": "email"},
    "a category that is 1": {"categoryPreferences": {"email": 1}},
    "a category that is 0": {"categoryPreferences": {"email": 0}},
    "a category that is text": {"categoryPreferences": {"email": "true"}},
    "a category that is null": {"categoryPreferences": {"email": None}},
    "one of two that is text": {"categoryPreferences": {"email": True, "sms": "no"}},
}

SAID: dict[str, Any] = {
    "preferences that are null": {"categoryPreferences": None},
    "no preferences": {},
    "unknown categories": {"categoryPreferences": {"C0001": True, "": False, "$x": True}},
}

EXTERNAL: dict[str, Any] = {
    "no list": {"id": "x", "type": "loyalty_id"},
    "a list of texts": ["x"],
    "no type": [{"id": "x"}],
    "a type that is a number": [{"id": "x", "type": 7}],
    "an empty type": [{"id": "x", "type": ""}],
    "a type of dots": [{"id": "x", "type": "..."}],
    "an id that is null": [{"id": None, "type": "loyalty_id"}],
    "an id that is an object": [{"id": {}, "type": "loyalty_id"}],
    "a type of 100 characters": [{"id": "x", "type": "t" * 100}],
    "an address that is none": [{"id": "ada", "type": "email"}],
    "a number that is none": [{"id": "12", "type": "phone"}],
    "20 of them": [{"id": f"x{n}", "type": f"kind_{n}"} for n in range(20)],
    "1,000 of them": [{"id": "x", "type": f"k{n}"} for n in range(1_000)],
}


def cases() -> Iterator[Case]:
    for name, (sent, user) in USERS.items():
        says = {"user": user} if user else {}
        yield Case(f"user: {name}", track(userId=sent), becomes=(ACCEPTED if user else NOBODY,), says=says)
    for name, (sent, outcome) in MESSAGE_IDS.items():
        yield Case(f"message id: {name}", track(messageId=sent), becomes=(outcome,))
    for name, (sent, outcome) in NAMES.items():
        yield Case(f"name: {name}", track(event=sent), becomes=(outcome,))
    for name, (sent, outcome) in TYPES.items():
        yield Case(f"type: {name}", batch([track(type=sent)]), path="batch", becomes=(outcome,))
    yield from _parts()
    yield from _others()


def _parts() -> Iterator[Case]:
    for field in ("properties", "traits", "context"):
        for name, sent in NO_OBJECTS.items():
            yield Case(f"{field}: {name}", track(**{field: sent}), becomes=("invalid_event",))
        yield Case(f"{field}: null", track(**{field: None}))
    for name, sent in CONSENTS.items():
        yield Case(f"consent: {name}", track(context={"consent": sent}), becomes=("invalid_consent",))
    for name, sent in SAID.items():
        yield Case(f"consent: {name}", track(context={"consent": sent}))
    for name, sent in EXTERNAL.items():
        yield Case(f"external ids: {name}", track(context={"externalIds": sent}))
    for name, sent in NO_OBJECTS.items():
        yield Case(f"integrations: {name}", track(integrations=sent))


def _others() -> Iterator[Case]:
    yield Case("user: null, beside a device", track(userId=None, anonymousId="d1"))
    yield Case("user: nobody at all", track(userId=..., anonymousId=...), becomes=(NOBODY,))
    yield Case("user: a device that is null", track(userId=None, anonymousId=None), becomes=(NOBODY,))
    yield Case("user: user_id, which is no field", track(userId=..., user_id="u1"), becomes=(NOBODY,))
    yield Case("group: no group", dump({"userId": "u1"}), path="group")
    yield Case(
        "group: a group that is an object", dump({"userId": "u1", "groupId": {}, "traits": {"a": 1}}), path="group"
    )
    yield Case("alias: nobody before", dump({"userId": "u1"}), path="alias")
    yield Case("alias: somebody who is null", dump({"userId": "u1", "previousId": None}), path="alias")
    yield Case("alias: oneself", dump({"userId": "u1", "previousId": "u1"}), path="alias")
    yield Case("alias: nobody now", dump({"userId": None, "previousId": "d1"}), path="alias")
    yield Case(
        "page: called like one of ours",
        dump({"userId": "u1", "name": "$wake"}),
        path="page",
        becomes=("reserved_name",),
    )
    yield Case("page: a name that is a number", dump({"userId": "u1", "name": 7, "category": []}), path="page")
    yield Case("screen: no name", dump({"userId": "u1"}), path="screen")
    yield Case(
        "identify: an address that is none", dump({"userId": "u1", "traits": {"email": "ada@@x"}}), path="identify"
    )
    yield Case("identify: an address alone", dump({"traits": {"email": "ada@example.com"}}), path="identify")
    yield Case(
        "identify: traits in two places",
        dump({"userId": "u1", "traits": {"a": 1}, "context": {"traits": {"a": 2}}}),
        path="identify",
    )
    yield Case(
        "identify: traits in a context that are a list",
        dump({"userId": "u1", "context": {"traits": []}}),
        path="identify",
        becomes=("invalid_event",),
    )
    yield Case("fields that nobody knows", track(**{f"field{n}": n for n in range(500)}))
    yield Case("fields of the transport", track(writeKey="atn_w_x_y", receivedAt="never", sentAt="never"))
    yield Case("type: the path's counts", track(type="identify"))
    yield Case("type: the path's counts, also over one of ours", track(type="$wake"))
