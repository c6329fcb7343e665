"""Numbers, amounts of money and texts: whatever is taken is kept to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bad_input.cases import Case, dump, spliced, track

#: as JSON text; those outside 64 bits or a double's range are no numbers to us
NUMBERS = {
    "0": "",
    "-0": "",
    "-0.0": "",
    "0.0": "",
    "0e0": "",
    "1": "",
    "-1": "",
    "1.0": "",
    "0.1": "",
    "0.30000000000000004": "",
    "1e5": "",
    "1E5": "",
    "1e+5": "",
    "1e-5": "",
    "1e15": "",
    "1e16": "",
    "1e22": "",
    "1e23": "",
    "9007199254740991": "",
    "9007199254740993": "",
    "-9007199254740993": "",
    "9223372036854775807": "",
    "9223372036854775808": "",
    "18446744073709551615": "",
    "18446744073709551616": "invalid_number",
    "-9223372036854775808": "",
    "-9223372036854775809": "invalid_number",
    "9" * 38: "invalid_number",
    "9" * 39: "invalid_number",
    "9" * 4_300: "invalid_number",
    "9" * 4_301: "invalid_number",
    "9" * 9_000: "invalid_number",
    "9" * 38 + ".0": "",
    "0." + "1234567890" * 4: "",
    "1." + "0" * 1_000: "",
    "123456789.123456789": "",
    "3.141592653589793238462643383279": "",
    "1.7976931348623157e308": "",
    "1.7976931348623159e308": "invalid_number",
    "1e308": "",
    "1e309": "invalid_number",
    "1e400": "invalid_number",
    "-1e400": "invalid_number",
    "1e999999999": "invalid_number",
    "5e-324": "",
    "2.2250738585072011e-308": "",
    "1e-400": "",
    "1e-999999999": "",
}

MONEY: dict[str, Any] = {
    "yen, which have no decimals": {"revenue": 1000, "currency": "JPY"},
    "euro with two decimals": {"revenue": 10.55, "currency": "EUR"},
    "euro with three decimals": {"revenue": 10.555, "currency": "EUR"},
    "dinar with three decimals": {"revenue": 1.234, "currency": "KWD"},
    "dinar with two decimals": {"revenue": 1.23, "currency": "KWD"},
    "ouguiya, with fifths": {"revenue": 1.2, "currency": "MRU"},
    "cents as a whole number": {"revenue": 1055, "currency": "EUR"},
    "an amount as text": {"revenue": "10.50", "currency": "EUR"},
    "an amount with a comma": {"revenue": "10,50", "currency": "EUR"},
    "an amount with both": {"revenue": "1.234,50", "currency": "EUR"},
    "an amount with both, the other way": {"revenue": "1,234.50", "currency": "USD"},
    "an amount with a sign of currency": {"revenue": "€10.50"},
    "an amount with its currency behind": {"revenue": "10.50 USD"},
    "an amount with a space": {"revenue": "1 234,50", "currency": "SEK"},
    "an amount with a narrow space": {"revenue": "1\u202f234,50", "currency": "EUR"},
    "an amount in Arabic digits": {"revenue": "\u0661\u0660\u066b\u0665\u0660", "currency": "EGP"},
    "a refund": {"revenue": -10.5, "currency": "EUR"},
    "nothing paid": {"revenue": 0, "currency": "EUR"},
    "minus nothing paid": {"revenue": -0.0, "currency": "EUR"},
    "a thousandth of a cent": {"revenue": 0.00001, "currency": "EUR"},
    "more than there is": {"revenue": 1e18, "currency": "ZWL"},
    "an amount of 38 digits as text": {"revenue": "9" * 38, "currency": "VND"},
    "a currency in small letters": {"revenue": 1, "currency": "eur"},
    "a currency by its number": {"revenue": 1, "currency": "978"},
    "a currency that is none": {"revenue": 1, "currency": "XXX"},
    "a currency that is a sign": {"revenue": 1, "currency": "€"},
    "a currency that is null": {"revenue": 1, "currency": None},
    "a currency that is an object": {"revenue": 1, "currency": {"code": "EUR"}},
    "an amount that is null": {"revenue": None, "currency": "EUR"},
    "an amount that is true": {"revenue": True, "currency": "EUR"},
    "an amount that is a list": {"revenue": [1, 2], "currency": "EUR"},
    "an amount that is an object": {"revenue": {"amount": "1", "currency": "EUR"}},
    "an amount that is empty": {"revenue": "", "currency": "EUR"},
    "an amount that is NaN as text": {"revenue": "NaN", "currency": "EUR"},
    "an amount that is a formula": {"revenue": "=1+1", "currency": "EUR"},
    "products with prices as text": {"products": [{"sku": "a", "price": "9.99", "quantity": "2"}]},
    "products with no list": {"products": {"sku": "a", "price": 9.99}},
    "products of products": {"products": [[{"sku": "a"}]]},
    "500 products": {"products": [{"sku": f"s{n}", "price": n / 100, "quantity": 1} for n in range(500)]},
    "a quantity below one": {"products": [{"sku": "a", "price": 1, "quantity": -1}]},
}

TEXTS = {
    "composed (NFC)": "Caf\u00e9",
    "decomposed (NFD)": "Cafe\u0301",
    "a ligature": "\ufb01n",
    "full width": "\uff21\uff44\uff41",
    "the Kelvin sign": "\u212a",
    "a capital I with a dot": "İstanbul",
    "a sharp s": "straße",
    "a final sigma": "ΣΑΣ",
    "a hundred combining marks": "e" + "\u0301" * 100,
    "text from right to left": "שלום עולם",
    "an override of direction": "abc\u202egpj.exe",
    "isolates of direction": "\u2066a\u2069\u2067b\u2069",
    "a zero width joiner": "👩‍👩‍👧‍👦",
    "a flag": "🇩🇪",
    "a flag of tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a skin tone": "👍🏽",
    "a thousand emoji": "😀" * 1_000,
    "a zero width space": "a\u200bb",
    "a soft hyphen": "a\u00adb",
    "a byte order mark inside": "a\ufeffb",
    "a NUL": "a\0b",
    "a NUL alone": "\0",
    "control characters": "".join(map(chr, range(1, 32))),
    "delete and C1": "\x7f\x80\x85\x9f",
    "line and paragraph separators": "a\u2028b\u2029c",
    "the replacement character": "a\ufffdb",
    "a noncharacter": "\uffff\ufdd0",
    "the last character": "\U0010ffff",
    "private use": "\ue000\U000f0000",
    "mathematical letters": "\U0001d4d0\U0001d4ed\U0001d4ea",
    "every kind of space": " \u00a0\u1680\u2003\u3000 ",
    "Arabic digits": "\u0661\u0662\u0663",
    "homoglyphs": "p\u0430yp\u0430l",
    "line ends": "a\r\nb\nc\r",
    "HTML": "<script>alert(1)</script>",
    "a template": "{{ config.__class__.__init__.__globals__ }}",
    "a format string": "%s%n{0}{__class__}",
    "a lookup": "${jndi:ldap://127.0.0.1/a}",
    "a formula": "=cmd|'/c calc'!A1",
    "a path": "../../../etc/passwd\0.png",
    "a header": "a\r\nSet-Cookie: b=c",
    "JSON in a text": '{"a": [1, 2, {"b": null}]}',
    "14,000 characters": "x" * 14_000,
    "6,000 backslashes": "\\" * 6_000,
    "catastrophe for a pattern": "a" * 28 + "!",
    "spaces before an end": "x" + " " * 14_000 + "x",
}


def cases() -> Iterator[Case]:
    for text, reason in NUMBERS.items():
        becomes = (reason or "accepted",)
        name = text if len(text) < 24 else f"{text[:12]}… ({len(text)} characters)"
        yield Case(
            f"number: {name}", spliced(f'"properties":{{"n":{text},"in":[{text},{{"a":{text}}}]}}'), becomes=becomes
        )
    for text, reason in NUMBERS.items():
        if len(text) < 24:
            body = b'{"type":"identify","userId":"u1","traits":{"n":' + text.encode() + b"}}"
            yield Case(f"number: trait {text}", body, path="identify", becomes=(reason or "accepted",))
    for name, properties in MONEY.items():
        yield Case(f"money: {name}", track(event="Order Completed", properties=properties))
    for name, text in TEXTS.items():
        yield Case(f"text: {name}", track(properties={"text": text, "list": [text]}))
        if text.strip() and len(text) < 2_000:
            becomes = ("reserved_name" if text.startswith("$") else "accepted",)
            yield Case(f"text as an event's name: {name}", track(event=text), becomes=becomes)
        identify = {"type": "identify", "userId": "u1", "traits": {"name": text}}
        yield Case(f"text as a trait: {name}", dump(identify), path="identify")
