"""Text that is no JSON, or that readers of JSON disagree about."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bad_input.cases import TRACK, Case, dump, spliced, track

INVALID = (400, "invalid_json")

NO_JSON = {
    "nothing": b"",
    "a space": b" ",
    "white space of every kind": b" \t\r\n",
    "a NUL": b"\0",
    "ten thousand NULs": bytes(10_000),
    "an opening brace": b"{",
    "a closing brace": b"}",
    "a colon": b":",
    "two values": b"{} {}",
    "a value and a comma": b"{},",
    "JSON lines": dump(TRACK) + b"\n" + dump(TRACK),
    "a byte order mark before JSON": b"\xef\xbb\xbf" + dump(TRACK),
    "a byte order mark inside": b'{"type":\xef\xbb\xbf"track"}',
    "UTF-16 with a mark": dump(TRACK).decode().encode("utf-16"),
    "UTF-16 little endian": dump(TRACK).decode().encode("utf-16-le"),
    "UTF-16 big endian": dump(TRACK).decode().encode("utf-16-be"),
    "UTF-32": dump(TRACK).decode().encode("utf-32"),
    "UTF-7": b"+AHs-+AH0-",
    "Latin-1": '{"event":"Café"}'.encode("latin-1"),
    "an overlong slash": b'{"event":"\xc0\xaf"}',
    "an overlong NUL": b'{"event":"\xc0\x80"}',
    "a surrogate in bytes": b'{"event":"\xed\xa0\x80"}',
    "a surrogate pair in bytes (CESU-8)": b'{"event":"\xed\xa0\xbd\xed\xb8\x80"}',
    "a character beyond Unicode": b'{"event":"\xf4\x90\x80\x80"}',
    "five bytes of UTF-8": b'{"event":"\xf8\x88\x80\x80\x80"}',
    "UTF-8 cut within a character": b'{"event":"\xe2\x82"}',
    "a lone continuation byte": b'{"event":"\x80"}',
    "a lone high surrogate": b'{"event":"\\ud800"}',
    "a lone low surrogate": b'{"event":"\\udc00"}',
    "surrogates the wrong way round": b'{"event":"\\udc00\\ud800"}',
    "a high surrogate and a letter": b'{"event":"\\ud83dA"}',
    "a high surrogate twice": b'{"event":"\\ud83d\\ud83d"}',
    "a lone surrogate as key": b'{"\\ud800":1}',
    "an escape cut short": b'{"event":"\\u12"}',
    "an escape of no digits": b'{"event":"\\uzzzz"}',
    "an escape of hex digits (C)": b'{"event":"\\x41"}',
    "an unknown escape": b'{"event":"\\q"}',
    "an escaped line end": b'{"event":"a\\\nb"}',
    "a line end in a text": b'{"event":"a\nb"}',
    "a tab in a text": b'{"event":"a\tb"}',
    "a NUL in a text": b'{"event":"a\0b"}',
    "a text without an end": b'{"event":"a',
    "single quotes": b"{'event':'a'}",
    "backquotes": b"{`event`:`a`}",
    "a key without quotes": b'{event:"a"}',
    "a number as key": b'{1:"a"}',
    "null as key": b'{null:"a"}',
    "no colon": b'{"event" "a"}',
    "two colons": b'{"event"::"a"}',
    "no value": b'{"event":}',
    "no comma": b'{"event":"a""userId":"u1"}',
    "two commas": b'{"event":"a",,"userId":"u1"}',
    "a comma at the end": b'{"event":"a",}',
    "a comma at the start": b'{,"event":"a"}',
    "a comma at a list's end": b'{"properties":[1,]}',
    "a list without an end": b'{"properties":[1',
    "a brace for a bracket": b'{"properties":[1}',
    "a bracket for a brace": b'{"properties":{"a":1]',
    "a comment": b'{"event":"a"/* why */}',
    "a comment to the line's end": b'{"event":"a"} // why',
    "a hash": b'# {"event":"a"}',
    "NaN": b'{"properties":{"n":NaN}}',
    "Infinity": b'{"properties":{"n":Infinity}}',
    "minus Infinity": b'{"properties":{"n":-Infinity}}',
    "undefined": b'{"userId":undefined}',
    "True": b'{"properties":{"b":True}}',
    "None": b'{"properties":{"b":None}}',
    "a plus sign": b'{"properties":{"n":+1}}',
    "a minus sign alone": b'{"properties":{"n":-}}',
    "leading zeros": b'{"properties":{"n":007}}',
    "a leading zero and a sign": b'{"properties":{"n":-01}}',
    "a point before digits": b'{"properties":{"n":.5}}',
    "a point after digits": b'{"properties":{"n":5.}}',
    "an exponent without digits": b'{"properties":{"n":1e}}',
    "a hex number": b'{"properties":{"n":0x1F}}',
    "a number with separators": b'{"properties":{"n":1_000}}',
    "a number with a comma": b'{"properties":{"n":1,5}}',
    "a big integer of JavaScript": b'{"properties":{"n":1n}}',
    "a form": b"event=a&userId=u1",
    "a form whose value is JSON": b'data={"event":"a"}',
    "base64 of JSON": b"eyJldmVudCI6ImEifQ==",
    "XML": b"<event>a</event>",
    "an XML bomb": b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1_000 + b'">]><a>&b;&b;</a>',
    "HTML": b"<html><body>{}</body></html>",
    "YAML": b"event: a\nuserId: u1\n",
    "msgpack": b"\x82\xa5event\xa1a\xa6userId\xa2u1",
    "a Python literal": b"{'event': 'a', 'userId': u'u1'}",
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.",
    "a JSONP call": b'callback({"event":"a"})',
    "XSSI protection": b")]}',\n{}",
    "half a call": dump(TRACK)[: len(dump(TRACK)) // 2],
    "a call without its last byte": dump(TRACK)[:-1],
    "a call and a NUL": dump(TRACK) + b"\0",
    "16,000 opening brackets": b"[" * 16_000,
    "16,000 lists in each other": b"[" * 16_000 + b"]" * 16_000,
}

NO_CALL = {
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a text": b'"track"',
    "an empty text": b'""',
    "an empty list": b"[]",
    "a list of a call": b"[" + dump(TRACK) + b"]",
    "a call as text": dump(dump(TRACK).decode()),
}

#: member of a track call → the reason
AMBIGUOUS = {
    "a key twice": ('"properties":{"a":1,"a":2}', "duplicate_keys"),
    "a key twice with the same value": ('"properties":{"a":1,"a":1}', "duplicate_keys"),
    "a key twice, once escaped": ('"properties":{"a":1,"\\u0061":2}', "duplicate_keys"),
    "an empty key twice": ('"properties":{"":1,"":2}', "duplicate_keys"),
    "a key twice far apart": (
        '"properties":{"a":1,' + ",".join(f'"b{n}":0' for n in range(500)) + ',"a":2}',
        "duplicate_keys",
    ),
    "a key twice deep down": ('"properties":{"a":[{"b":{"c":1,"c":2}}]}', "duplicate_keys"),
    "the user twice": ('"userId":"u2"', "duplicate_keys"),
    "the user twice, once escaped": ('"\\u0075serId":"u2"', "duplicate_keys"),
    "the type twice": ('"type":"identify"', "duplicate_keys"),
    "two __proto__": ('"properties":{"__proto__":1,"__proto__":2}', "duplicate_keys"),
    "17 objects in each other": ('"properties":' + '{"a":' * 16 + "1" + "}" * 16, "too_deep"),
    "17 lists in each other": ('"properties":{"a":' + "[" * 15 + "]" * 15 + "}", "too_deep"),
    "100 levels": ('"properties":{"a":' + "[" * 100 + "]" * 100 + "}", "too_deep"),
    "900 levels": ('"properties":{"a":' + "[" * 900 + "]" * 900 + "}", "too_deep"),
}

#: odd, and data like any other
ODD_KEYS = {
    "an empty key": "",
    "a space as key": " ",
    "__proto__ as key": "__proto__",
    "constructor as key": "constructor",
    "toString as key": "toString",
    "a key of MongoDB": "$where",
    "a key of ours": "$consent",
    "a key with dots": "a.b.c",
    "a key with brackets": "a[0]",
    "a key of DynamoDB": "#n",
    "a key with a colon": ":v",
    "a key with quotes": 'a"b',
    "a quote and a colon as key": '":',
    "a key with a backslash": "a\\b",
    "a key with a NUL": "a\0b",
    "a key with a line end": "a\nb",
    "a key with a slash": "../../etc/passwd",
    "a key that is a template": "{{ 7 * 7 }}",
    "a key that is SQL": "'; DROP TABLE events; --",
    "a key of 10,000 characters": "k" * 10_000,
    "a key of emoji": "👩‍👩‍👧‍👦",
    "a key from right to left": "مرحبا",
    "a key that is a number": "1",
    "a key that is null": "null",
}


def cases() -> Iterator[Case]:
    for name, body in NO_JSON.items():
        yield Case(f"JSON: {name}", body, refused=INVALID)
    for name, body in NO_CALL.items():
        yield Case(f"JSON: no call but {name}", body, becomes=("invalid_event",))
    for name, (member, reason) in AMBIGUOUS.items():
        yield Case(f"JSON: {name}", spliced(member), becomes=(reason,))
    for name, key in ODD_KEYS.items():
        yield Case(f"JSON: {name}", track(properties={key: "v", "a": {key: 1}}))
    yield Case("JSON: 16 objects in each other", spliced('"properties":' + '{"a":' * 15 + "1" + "}" * 15))
    yield Case("JSON: 2,000 keys", track(properties={f"key{n}": n for n in range(2_000)}))
    yield Case("JSON: a list of 10,000 numbers", track(properties={"list": [7] * 10_000}))
    yield Case("JSON: a list of 5,000 empty lists", track(properties={"list": [[]] * 5_000}))
    yield Case("JSON: texts full of quotes and colons", track(properties={"text": '":' * 5_000, "more": '"a":1,"a":2'}))
    yield Case("JSON: white space around a call", b"\r\n\t " + dump(TRACK) + b" \n")
    yield Case("JSON: every character escaped", escaped())
    yield Case("JSON: a solidus escaped", spliced('"properties":{"url":"https:\\/\\/shop.example\\/"}'))


def escaped() -> bytes:
    """The call with each character of its texts as an escape."""

    def text(said: str) -> str:
        return '"' + "".join(f"\\u{ord(character):04x}" for character in said) + '"'

    return ("{" + ",".join(f"{text(name)}:{text(value)}" for name, value in TRACK.items()) + "}").encode()
