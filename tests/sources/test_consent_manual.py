"""What docs/collect.md says of consent and of OneTrust's receipts is what comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import yaml

from attune.domain.definitions.sources import Source
from attune.sources.consent_signals import USUAL, hear
from attune.sources.onetrust import read
from attune.sources.webhooks import Call
from tests.builders import NOW, source
from tests.sources.test_onetrust import ADA, THEN, one, problems, receipt, said

COLLECT = (Path(__file__).parents[2] / "docs/collect.md").read_text()
MANUAL = COLLECT.partition("\n## OneTrust\n")[2].partition("\n## ")[0]


def test_the_manual_s_example_is_a_statement_and_its_definition_may_be_applied() -> None:
    definition = yaml.safe_load(MANUAL.partition("```yaml\n")[2].partition("```")[0])
    assert problems(definition) == []
    body = MANUAL.partition("```json\n")[2].partition("```")[0].encode()
    [event] = read(Call(body=body), msgspec.convert(definition, Source), NOW).made
    assert (event.consent, event.time, event.identifiers) == ({"email": True}, THEN, (ADA,))


def test_every_status_does_what_the_manual_says() -> None:
    does = {"grants": [{"email": True}], "withdraws": [{"email": False}], "says nothing": []}
    rows = re.findall(r"^\| (`.*`) \| (\w.*?) \|$", MANUAL, re.MULTILINE)
    assert {effect for _, effect in rows} == set(does)
    for statuses, effect in rows:
        for status in re.findall(r"`(\w+)`", statuses):
            told = said(receipt(one("Newsletter", status))).made
            assert ([event.consent for event in told], [n for event in told for n in event.notes]) == (does[effect], [])


def test_the_manual_s_context_is_heard_as_it_says() -> None:
    part = COLLECT.partition("\n## Consent\n")[2].partition("\n## ")[0]
    context = json.loads(part.partition("```json\n")[2].partition("```")[0])
    banner = source(consent_categories={"Statistics": ("analytics",), "Marketing": ("email",)})
    told = hear(context, banner, USUAL, gpc=False, method="banner")
    assert told.consent == {"analytics": True, "email": False, "advertising": False}
    assert (told.evidence, told.notes) == ({"method": "banner", "notice": "2025-06"}, ())
