"""`attune apply`: all or nothing of what can be checked, in an order that never refers to what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml

from attune.domain.definitions.conditions import Condition
from attune.domain.definitions.kinds import KINDS
from tests.cli.conftest import Api, Attune

SIGNALS = ["analytics_storage", "C0002"]
EXAMPLES = Path(__file__).resolve().parents[2] / "definitions"

CHANNEL = "kind: channel\nid: hook\nurl: https://shop.example/hooks\n"
SEGMENT = "kind: segment\nid: keen\nwhen: {type: performed, event: Product Viewed, at_least: 4, within: 24h}\n"
CAMPAIGN = "kind: campaign\nid: offer\ntrigger: {segment: keen}\nchannel: hook\nmessage: {text: Hello}\n"
BAD = """\
kind: segment
id: Bad Id
when:
  type: all
  conditions:
    - type: performed
      event: X
      at_least: -1
    - {type: guessed}
grace: 5 minutes
graze: 5m
---
kind: widget
id: x
---
kind: campaign
id: x
trigger: {}
channel: hook
message: {}
"""


def put_requests(api: Api) -> list[str]:
    return [path.removeprefix("/v1/definitions/") for method, path in api.requests if method == "PUT"]


def test_the_examples_are_applied_in_order_of_what_refers_to_what(attune: Attune, api: Api) -> None:
    first = attune("apply", EXAMPLES)
    warned, told = first.err.splitlines()[:2]
    assert "favourite_topics: what was last said 365d ago or longer goes from profiles" in warned
    assert (first.code, told.split()[0]) == (0, "backfill")
    assert first.out.splitlines() == [
        "created   purpose advertising",
        "created   purpose email",
        "created   tracking_plan storefront",
        "created   source shopify_store",
        "created   source storefront",
        "created   channel shop_webhook",
        "created   computed_trait average_order_value",
        "created   computed_trait days_since_order",
        "created   computed_trait favourite_brand",
        "created   computed_trait favourite_category",
        "created   computed_trait first_referrer",
        "created   computed_trait last_session_seconds",
        "created   computed_trait lifecycle_stage",
        "created   computed_trait lifetime_value",
        "created   computed_trait order_count",
        "created   computed_trait session_count",
        "created   segment abandoned_cart",
        "created   segment at_risk",
        "created   segment browse_abandonment",
        "created   segment first_time_buyer",
        "created   segment highly_engaged",
        "created   segment lapsed",
        "created   segment loyal_customer",
        "created   segment new_subscriber",
        "created   segment price_sensitive",
        "created   segment product_viewer",
        "created   segment top_tenth",
        "created   segment vip",
        "created   segment vip_by_cluster",
        "created   campaign cart_reminder",
        "created   campaign viewer_offer",
    ]
    second = attune("apply", EXAMPLES)
    assert second.code == 0
    assert {line.split()[0] for line in second.out.splitlines()} == {"unchanged"}
    assert len(put_requests(api)) == len(first.out.splitlines())


def test_only_what_differs_is_changed(attune: Attune, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(f"{CAMPAIGN}---\n{SEGMENT}---\n{CHANNEL}")
    attune("apply", file)
    api.requests.clear()
    file.write_text(f"{CAMPAIGN}---\n{SEGMENT.replace('24h', '12h')}---\n{CHANNEL}")
    ran = attune("apply", file)
    assert ran.out.splitlines() == ["unchanged channel hook", "changed   segment keen", "unchanged campaign offer"]
    assert put_requests(api) == ["segment/keen"]


def test_a_dry_run_says_what_would_happen_and_changes_nothing(attune: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CHANNEL)
    ran = attune("apply", "--dry-run", tmp_path)
    assert (ran.code, ran.out) == (0, "created   channel hook\n")
    assert "nothing was changed" in ran.err
    assert put_requests(api) == []


def test_what_a_file_refers_to_may_be_deployed_already(attune: Attune, tmp_path: Path) -> None:
    parts = {"channel": CHANNEL, "segment": SEGMENT, "campaign": CAMPAIGN}
    for name, text in parts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        assert attune("apply", tmp_path / f"{name}.yaml").code == 0


def test_every_problem_is_shown_with_its_line_and_nothing_is_applied(attune: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(CHANNEL)
    (tmp_path / "bad.yaml").write_text(BAD)
    ran = attune("apply", "good.yaml", "bad.yaml")
    assert (ran.code, ran.out) == (1, "")
    types = ", ".join(f'"{one.__struct_config__.tag}"' for one in get_args(Condition))
    kinds = ", ".join(f'"{one}"' for one in KINDS)
    assert ran.err.removeprefix("attune: ").splitlines() == [
        'bad.yaml:2: $.id: "Bad Id" does not match "^[a-z][a-z0-9_-]{0,63}$"',
        "bad.yaml:8: $.when.conditions[0].at_least: -1 is less than the minimum of 0",
        f'bad.yaml:9: $.when.conditions[1].type: "guessed" is not one of {types}',
        'bad.yaml:10: $.grace: "5 minutes" does not match "^[0-9]{1,6}(ms|s|m|h|d)$"',
        "bad.yaml:11: $.graze: there is no such field",
        f'bad.yaml:13: $.kind: "widget" is not one of {kinds}',
        'bad.yaml:18: $.trigger: "segment" is a required property',
    ]
    assert api.requests == []


def test_a_reference_to_nothing_is_found_before_anything_is_applied(attune: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{CHANNEL}---\n{CAMPAIGN}")
    ran = attune("apply", "a.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "attune: a.yaml:7: $.trigger.segment: there is no segment `keen`\n"
    assert put_requests(api) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: channel\nid: a\nid: b\n", "a.yaml:3: $.id: is there twice"),
        ("kind: [\n", "a.yaml:2: $: is not YAML: expected the node content, but found '<stream end>'"),
        ("kind: !!python/object:os.system x\n", "a.yaml:1: $.kind: `x` is not a os.system"),
        ("a: &a [*a]\n", "a.yaml:1: $.a[0]: an alias stands inside what it repeats"),
        ("? [a, b]\n: c\n", "keys must be text"),
        ("a: \x01\n", "a.yaml:1: $: is not YAML: "),
        ("\t- a\n", "a.yaml:1: $: is not YAML: "),
        ("just text\n", 'a.yaml:1: $: "just text" is not of type "object"'),
    ],
)
def test_what_is_not_yaml_of_json_values_is_refused_with_its_line(
    offline: Attune, tmp_path: Path, text: str, problem: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    ran = offline("apply", "a.yaml")
    assert ran.code == 1
    assert problem in ran.err


def test_bytes_that_are_no_text_are_refused(offline: Attune, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"kind: \xff\n")
    assert "a.yaml:1: $: is not text in UTF-8" in offline("apply", "a.yaml").err


def test_words_that_old_yaml_takes_for_something_else_stay_text(attune: Attune, api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CHANNEL + "name: no\ndescription: 2026-01-01\n")
    assert attune("apply", "a.yaml").code == 0
    stored = api.deployment.call("GET", "/v1/definitions/channel/hook", key="admin-key-of-the-tests").body
    assert (stored["definition"]["name"], stored["definition"]["description"]) == ("no", "2026-01-01")


def test_one_definition_in_two_places_is_refused(offline: Attune, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CHANNEL)
    (tmp_path / "b.yaml").write_text("---\n" + CHANNEL)
    assert "b.yaml:3: $.id: channel `hook` is also in a.yaml:2" in offline("apply", "a.yaml", "b.yaml").err


def test_a_path_that_leads_nowhere_is_named(offline: Attune, tmp_path: Path) -> None:
    assert "nowhere: there is no such file or folder" in offline("apply", "nowhere").err
    (tmp_path / "empty").mkdir()
    assert "empty: holds no .yaml files" in offline("apply", "empty").err


def test_a_purpose_that_takes_the_place_of_ours_says_which_signals_it_no_longer_hears(
    attune: Attune, tmp_path: Path
) -> None:
    (tmp_path / "purpose.yaml").write_text("{kind: purpose, id: analytics, signals: [C0002]}")
    ran = attune("apply", "--dry-run", tmp_path)
    assert "purpose.yaml:1: $.signals: analytics_storage will mean nothing any more" in ran.err


def test_what_a_purpose_makes_go_is_said_before_it_is_applied(attune: Attune, api: Api, tmp_path: Path) -> None:
    file = tmp_path / "purpose.yaml"

    def said(*options: str, **retention: object) -> list[str]:
        document = {"kind": "purpose", "id": "analytics", "signals": SIGNALS, "retention": retention}
        file.write_text(yaml.safe_dump(document))
        ran = attune("apply", *options, file)
        assert ran.code == 0
        return [line.partition("$.retention.")[2] for line in ran.err.splitlines() if line.startswith("warning: ")]

    [first] = said("--dry-run", events="400d")
    assert first.startswith("events: rows of the lake that came before 20")
    assert put_requests(api) == []
    rows, messages, trait = said(events="400d", messages="40d", traits={"hair": "30d"})
    assert [rows.partition(":")[0], messages.partition(":")[0]] == ["events", "messages"]
    assert trait.endswith("30d ago or longer goes from profiles; sealed copies in the lake's rows stay for 400 days")
    assert said(events="500d", messages="90d", traits={"hair": "40d"}) == []
    assert said() == []
    assert [line.partition(":")[0] for line in said(events="9000h")] == ["events"]
    assert said(events="9000h") == []
