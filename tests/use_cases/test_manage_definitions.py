"""The definitions' editor on memory adapters: what it takes, what it refuses, and what it hands out once."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryDefinitions, MemoryKeys, MemorySecrets
from attune.domain.collection import api_keys
from attune.domain.definitions.conditions import Performed, SegmentTest
from attune.domain.definitions.kinds import Definition
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.errors import AttuneError
from attune.ports import ConflictError, Key
from attune.use_cases.definitions.manage_definitions import ManageDefinitions
from attune.use_cases.management.recognise_keys import recognise
from tests.builders import NOW, campaign, cart_segment, channel, definition_list, source, views_segment

ADMIN = "admin key of the tests"
#: of a segment that no backfill has been run for
NEW = {"awaits_backfill": True, "pending": False}


class Editor:
    """`ManageDefinitions` and the stores it works on."""

    def __init__(self, store: MemoryDefinitions | None = None) -> None:
        self.store = store or MemoryDefinitions(definition_list())
        self.keys = MemoryKeys()
        self.webhook_secrets = MemorySecrets()
        self.channel_secrets = MemorySecrets()
        numbers = itertools.count(1)
        self.manage = ManageDefinitions(
            store=self.store,
            keys=self.keys,
            webhook_secrets=self.webhook_secrets,
            channel_secrets=self.channel_secrets,
            admin_key=lambda: ADMIN,
            clock=lambda: NOW,
            random_bytes=lambda size: next(numbers).to_bytes(size, "big"),
        )

    def put(self, definition: Definition) -> dict[str, Any]:
        kind = str(type(definition).__struct_config__.tag)
        return self.manage.put(kind, definition.id, msgspec.json.encode(definition))


@pytest.fixture
def editor() -> Editor:
    return Editor()


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code, caught.value.message


@pytest.mark.parametrize("token", [None, "", "admin key of the test", "ADMIN KEY OF THE TESTS", "\udc80"])
def test_only_the_admin_key_is_let_in(editor: Editor, token: str | None) -> None:
    editor.manage.authorise(ADMIN)
    assert refused(lambda: editor.manage.authorise(token))[:2] == (401, "unknown_admin_key")


def test_a_deployment_without_an_admin_key_lets_nobody_in(editor: Editor) -> None:
    editor.manage._admin_key = lambda: ""
    assert refused(lambda: editor.manage.authorise(""))[:2] == (401, "unknown_admin_key")


def test_a_new_definition_starts_with_version_1_and_each_change_raises_it(editor: Editor) -> None:
    first = editor.put(channel(id="second"))
    assert first == {"kind": "channel", "id": "second", "version": 1, "changed": True}
    again = editor.put(channel(id="second", name="Another name"))
    assert again == {"kind": "channel", "id": "second", "version": 2, "changed": True}


def test_an_identical_document_changes_nothing(editor: Editor) -> None:
    spelled_out = json.dumps(
        {"id": "keen", "kind": "segment", "grace": "0s", "description": ""}
        | {"when": {"within": "24h", "at_least": 4, "event": "Product Viewed", "type": "performed", "where": []}}
    )
    answer = editor.manage.put("segment", "keen", spelled_out.encode())
    assert answer == {"kind": "segment", "id": "keen", "version": 1, "changed": False} | NEW
    assert [one.version for one in editor.store.history("segment", "keen")] == [1]


def test_a_purpose_awaits_a_backfill_where_it_keeps_traits_for_another_time(editor: Editor) -> None:
    city, plain = Retention(traits={"city": "30d"}), {"awaits_backfill": False, "pending": False}
    said = [
        Purpose(id="surveys"),
        Purpose(id="surveys", retention=city),
        Purpose(id="surveys", retention=Retention(messages="60d")),
    ]
    answers = [editor.put(one) for one in said]
    assert [{name: one[name] for name in NEW} for one in answers] == [plain, NEW, plain]


def test_definitions_are_shown_one_by_one_and_by_kind(editor: Editor) -> None:
    editor.put(views_segment(id="also_keen"))
    shown = editor.manage.all_of("segment")["definitions"]
    assert [(one["id"], one["version"]) for one in shown] == [("abandoned_cart", 1), ("also_keen", 1), ("keen", 1)]
    one = editor.manage.one("segment", "keen")
    assert one == shown[2]
    assert one["definition"]["when"] == {
        "type": "performed",
        "event": "Product Viewed",
        "at_least": 4,
        "within": "24h",
    }


def test_what_is_not_there_and_what_is_no_kind_are_404(editor: Editor) -> None:
    manage = editor.manage
    assert refused(lambda: manage.one("segment", "gone"))[:2] == (404, "unknown_definition")
    assert refused(lambda: manage.delete("segment", "gone"))[:2] == (404, "unknown_definition")
    assert refused(lambda: manage.create_key("gone", b'{"type":"server"}'))[:2] == (404, "unknown_definition")
    assert refused(lambda: manage.create_channel_secret("gone"))[:2] == (404, "unknown_definition")
    for call in (
        lambda: manage.all_of("key"),
        lambda: manage.one("segment@history", "keen#00000001"),
        lambda: manage.put("revision", "all", b"{}"),
        lambda: manage.delete("key", "x"),
    ):
        assert refused(call)[:2] == (404, "unknown_kind")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"kind":"segment","id":"keen"}', "$: Object missing required field `when`"),
        (b'{"kind":"segment","id":"keen","whem":1}', "$: Object contains unknown field `whem`"),
        (b'{"id":"keen"}', "$: Object missing required field `kind`"),
        (b"[]", "$: Expected `object`, got `array`"),
        (
            b'{"kind":"segment","id":"keen","when":{"type":"performed","event":"X","at_least":-1}}',
            "$.when.at_least: Expected `int` >= 0",
        ),
        (
            b'{"kind":"segment","id":"other","when":{"type":"performed","event":"X"}}',
            "$.id: is `other`, the path says `keen`",
        ),
        (
            b'{"kind":"channel","id":"keen","url":"https://shop.example"}',
            "$.kind: is `channel`, the path says `segment`",
        ),
        (
            b'{"kind":"segment","id":"keen","when":{"type":"performed","event":"","within":"0s"}}',
            "$.when.event: names no event\n$.when.within: must be longer than nothing",
        ),
    ],
)
def test_an_invalid_definition_is_refused_with_the_place_of_each_problem(
    editor: Editor, body: bytes, message: str
) -> None:
    assert refused(lambda: editor.manage.put("segment", "keen", body)) == (400, "invalid_definition", message)
    assert editor.store.get("segment", "keen") == (1, views_segment())


def test_unknown_references_are_named_all_at_once(editor: Editor) -> None:
    status, code, message = refused(
        lambda: editor.put(campaign(id="lost", channel="nowhere", message={"a": "{{ b }}"}))
    )
    assert (status, code) == (400, "invalid_definition")
    lines = message.splitlines()
    assert lines[0] == "$.channel: there is no channel `nowhere`"
    assert lines[1].startswith("$.message.a: ")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff", "invalid_json"),
        (b'{"a":"\xff"}', "invalid_json"),
        (b'{"kind":"segment","kind":"source","id":"keen"}', "invalid_json"),
        (b"[" * 50_000, "invalid_json"),
        (b'{"a":1e999}', "invalid_json"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"a":"\\ud800"}', "invalid_json"),
    ],
)
def test_a_body_that_is_not_sound_json_is_a_400(editor: Editor, body: bytes, code: str) -> None:
    assert refused(lambda: editor.manage.put("segment", "keen", body))[:2] == (400, code)
    assert refused(lambda: editor.manage.create_key("shop", body))[:2] == (400, code)


def test_a_body_beyond_the_limit_is_a_413(editor: Editor) -> None:
    assert refused(lambda: editor.manage.put("segment", "keen", b" " * 100_001))[:2] == (413, "too_large")


def test_what_others_refer_to_cannot_be_deleted(editor: Editor) -> None:
    assert refused(lambda: editor.manage.delete("segment", "abandoned_cart")) == (
        409,
        "definition_in_use",
        "still referred to by campaign cart_reminder",
    )
    assert editor.manage.delete("campaign", "cart_reminder") == {
        "kind": "campaign",
        "id": "cart_reminder",
        "deleted": True,
    }
    assert editor.manage.delete("segment", "abandoned_cart")["deleted"] is True
    assert editor.store.get("segment", "abandoned_cart") is None


class Contested(MemoryDefinitions):
    """Somebody else changes the definition just before each of the first `times` writes."""

    def __init__(self, times: int) -> None:
        self.left = 0
        super().__init__(definition_list())
        self.left = times

    def put(self, definition: Definition, *, read_version: int | None, at_once: bool = True) -> int:
        self._interfere()
        return super().put(definition, read_version=read_version, at_once=at_once)

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        self._interfere()
        super().delete(kind, definition_id, read_version=read_version)

    def _interfere(self) -> None:
        if self.left > 0:
            self.left -= 1
            stored = self.get("segment", "keen")
            assert stored is not None
            super().put(views_segment(name=f"change {self.left}"), read_version=stored[0])


def test_a_concurrent_change_is_read_again_and_written_over() -> None:
    editor = Editor(Contested(times=3))
    answer = editor.put(views_segment(name="Mine"))
    assert answer == {"kind": "segment", "id": "keen", "version": 5, "changed": True} | NEW
    editor = Editor(Contested(times=2))
    assert editor.manage.delete("segment", "keen")["deleted"] is True


def test_a_definition_that_never_keeps_still_is_a_409() -> None:
    editor = Editor(Contested(times=99))
    assert refused(lambda: editor.put(views_segment(name="Mine")))[:2] == (409, "conflict")
    assert refused(lambda: editor.manage.delete("segment", "keen"))[:2] == (409, "conflict")


def test_a_changed_segment_is_shown_as_it_serves_and_as_it_will() -> None:
    instants = itertools.count(NOW - 1_000)
    editor = Editor(MemoryDefinitions(definition_list(), clock=lambda: next(instants)))
    searched = views_segment(when=Performed(event="Searched"))
    assert editor.put(searched) | {"version": 2} == editor.put(searched) | {"changed": True}
    shown = editor.manage.one("segment", "keen")
    assert (shown["version"], shown["pending_version"], shown["settled"]) == (1, 2, False)
    assert (shown["definition"]["when"]["event"], shown["pending"]["when"]["event"]) == ("Product Viewed", "Searched")
    assert editor.put(views_segment())["pending"] is False
    assert editor.manage.one("segment", "keen")["pending"] is None
    versions = editor.manage.past("segment", "keen")["versions"]
    assert [(one["version"], one["since"] is not None) for one in versions] == [(3, True), (2, False), (1, True)]
    assert refused(lambda: editor.manage.past("segment", "gone"))[:2] == (404, "unknown_definition")


def test_a_segment_that_another_one_asks_for_cannot_be_deleted(editor: Editor) -> None:
    editor.put(views_segment(id="both", when=SegmentTest(segment="keen")))
    assert refused(lambda: editor.manage.delete("segment", "keen"))[1:] == (
        "definition_in_use",
        "still referred to by segment both",
    )
    status, _, message = refused(lambda: editor.put(views_segment(when=SegmentTest(segment="both"))))
    assert (status, "asks for `keen` itself" in message) == (400, True)


def test_a_deletion_that_another_one_overtook_is_a_404(editor: Editor) -> None:
    class Overtaken(MemoryDefinitions):
        def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
            super().delete(kind, definition_id, read_version=read_version)
            raise ConflictError

    manage = Editor(Overtaken(definition_list())).manage
    assert refused(lambda: manage.delete("segment", "keen"))[:2] == (404, "unknown_definition")


@pytest.mark.parametrize("key_type", ["browser", "server"])
def test_a_new_key_is_shown_once_stored_as_a_digest_and_recognised(editor: Editor, key_type: str) -> None:
    made = editor.manage.create_key("shop", json.dumps({"type": key_type}).encode())
    assert set(made) == {"key_id", "key", "type", "role"}
    stored = editor.keys.key(made["key_id"])
    assert stored is not None
    assert (stored.source, stored.type, stored.created_at) == ("shop", key_type, NOW)
    assert stored.digest == api_keys.digest(made["key"])
    definitions = editor.store.current()
    assert recognise(made["key"], editor.keys, definitions) == stored
    forged = made["key"][:-1] + ("a" if made["key"][-1] != "a" else "b")
    assert recognise(forged, editor.keys, definitions) is None


def test_a_masked_key_is_a_server_s_and_is_told_apart(editor: Editor) -> None:
    made = editor.manage.create_key("shop", b'{"type": "server", "role": "masked"}')
    assert made["role"] == "masked"
    assert [one["role"] for one in editor.manage.keys_of("shop")["keys"]] == ["masked"]
    assert refused(lambda: editor.manage.create_key("shop", b'{"type": "browser", "role": "masked"}'))[:2] == (
        400,
        "invalid_body",
    )


def test_keys_are_listed_without_what_they_open_and_one_that_is_revoked_opens_nothing(editor: Editor) -> None:
    first = editor.manage.create_key("shop", b'{"type":"server"}')
    second = {"key_id": "abcdefgh2345", "key": "atn_s_abcdefgh2345_" + "a" * 52}
    digest = api_keys.digest(second["key"])
    editor.keys.add(Key(key_id=second["key_id"], source="shop", type="server", digest=digest, created_at=NOW))
    listed = editor.manage.keys_of("shop")["keys"]
    assert {one["key_id"] for one in listed} == {first["key_id"], second["key_id"]}
    assert listed[0] == {
        "key_id": listed[0]["key_id"],
        "type": "server",
        "role": "full",
        "created_at": "2025-06-15T15:06:40.000Z",
    }
    assert editor.manage.revoke_key("shop", first["key_id"]) == {"key_id": first["key_id"], "revoked": True}
    definitions = editor.store.current()
    assert recognise(first["key"], editor.keys, definitions) is None
    assert recognise(second["key"], editor.keys, definitions) is not None
    for owner, key_id in (("shop", first["key_id"]), ("elsewhere", second["key_id"])):
        assert refused(partial(editor.manage.revoke_key, owner, key_id))[:2] == (404, "unknown_key")


def test_a_key_of_a_source_that_is_gone_opens_nothing(editor: Editor) -> None:
    made = editor.manage.create_key("shop", b'{"type":"server"}')
    editor.manage.delete("source", "shop")
    assert recognise(made["key"], editor.keys, editor.store.current()) is None


def test_a_key_does_not_become_another_type_by_its_letter(editor: Editor) -> None:
    made = editor.manage.create_key("shop", b'{"type":"browser"}')
    assert recognise(made["key"].replace("atn_w_", "atn_s_"), editor.keys, editor.store.current()) is None


@pytest.mark.parametrize("body", [b"{}", b'{"type":"admin"}', b'{"type":"server","extra":1}', b'"server"'])
def test_a_key_of_no_known_type_is_refused(editor: Editor, body: bytes) -> None:
    assert refused(lambda: editor.manage.create_key("shop", body))[:2] == (400, "invalid_body")


def test_a_webhook_source_has_one_or_two_live_secrets(editor: Editor) -> None:
    editor.put(source(id="shopify", type="shopify", origins=(), shop_domain="a.myshopify.com"))
    put = editor.manage.put_source_secrets
    assert put("shopify", b'{"secrets":["first-secret"]}') == {"source": "shopify", "live": 1}
    assert put("shopify", b'{"secrets":["second-secret","first-secret"]}') == {"source": "shopify", "live": 2}
    assert editor.webhook_secrets.live("shopify") == ("second-secret", "first-secret")
    for body in (
        b'{"secrets":[]}',
        b'{"secrets":["short"]}',
        b'{"secrets":["long-enough","long-enough","long-enough"]}',
    ):
        assert refused(lambda body=body: put("shopify", body))[:2] == (400, "invalid_secret")  # type: ignore[misc]
    assert refused(lambda: put("shopify", b'{"secrets":"abcdefgh"}'))[:2] == (400, "invalid_body")
    assert refused(lambda: put("shop", b'{"secrets":["first-secret"]}'))[:2] == (400, "source_without_webhooks")
    mapping = Mapping(event="'Sold'", identifiers={"email": "email"})
    editor.put(source(id="drops", type="file", origins=(), mapping=mapping))
    assert refused(lambda: put("drops", b'{"secrets":["first-secret"]}'))[:2] == (400, "source_without_webhooks")
    assert editor.webhook_secrets.live("shopify") == ("second-secret", "first-secret")


def test_a_channels_previous_secret_stays_live_beside_the_new_one(editor: Editor) -> None:
    made = [editor.manage.create_channel_secret("shop_webhook")["secret"] for _ in range(3)]
    assert len(set(made)) == 3
    assert editor.channel_secrets.live("shop_webhook") == (made[2], made[1])
    assert all(secret.startswith("whsec_") and len(base64.b64decode(secret[6:])) == 32 for secret in made)


def test_a_keyed_segment_may_change_its_timer(editor: Editor) -> None:
    assert editor.put(cart_segment(grace="0s"))["version"] == 2
