"""What one customer consents to, shown from the ledger as it is stored, and said with its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.profiles.consent import Consent, Evidence, chain
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from tests.builders import NOW, key_of, profile_id
from tests.cli.conftest import Api, Attune

DEFINITIONS = Path(__file__).resolve().parents[2] / "definitions"
ADA = Identifier("user_id", "ada")


@pytest.fixture
def ada(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """She agreed to e-mail in a form, under a notice, and that has expired. She said nothing else."""
    applied = attune("apply", *(DEFINITIONS / f"{name}.yaml" for name in ("purposes", "sources", "tracking_plans")))
    assert applied.code == 0, applied.err
    made = attune("keys", "create", "storefront", "--type", "server")
    monkeypatch.setenv("ATTUNE_SERVER_KEY", made.out.strip())
    record = Consent(True, NOW, "storefront", until=NOW + 1)
    evidence = Evidence("form", "2025-06", "00ff")
    entry = chain(profile_id(), 1, "email", record, recorded_at=NOW, previous=b"", evidence=evidence)
    known = Profile(profile_id=profile_id(), links={}, consent={"email": record}, first_seen=NOW)
    key = key_of(ADA.namespace, ADA.value)
    known.links = {key: Link(ADA, NOW)}
    tables = api.deployment.tables
    store = DynamoProfiles(
        api.deployment.cloud.client("dynamodb"),
        profiles=tables["profiles"],
        identities=tables["identities"],
        ledger=tables["ledger"],
    )
    item = ProfileItem(profile_id=profile_id(), version=1, state=encode_profile(known))
    claim = Claim(identity_key=key, read=None, identity=Identity(profile_id=profile_id(), at=NOW))
    store.commit(Commit(items=((None, item),), claims=(claim,), ledger=(entry,)))


def test_what_somebody_consents_to_is_shown_with_why_and_what_it_opens(attune: Attune, ada: None) -> None:
    shown = attune("consent", "show", "user_id:ada")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0] == f"profile {profile_id()}"
    assert "  no  analytics           no consent" in lines
    expired = "expired; storefront, 2025-06-15T15:06:40.000Z; until 2025-06-15T15:06:40.001Z; notice 2025-06"
    assert f"  no  email               {expired}" in lines
    assert "  closed store: no consent (analytics)" in lines


def test_the_same_as_json_is_what_the_api_answers(attune: Attune, ada: None) -> None:
    told = json.loads(attune("consent", "show", "user_id:ada", "--json").out)
    email = told["purposes"]["email"]
    assert (email["method"], email["notice"], email["why"]) == ("form", "2025-06", "expired")
    assert told["edges"]["segment"] == {"allowed": False, "purpose": "personalization", "reason": "no_consent"}


def test_a_word_goes_out_with_how_it_was_said_and_what_was_shown(attune: Attune, api: Api, ada: None) -> None:
    evidence = ("--method", "form", "--notice", "2025-06")
    assert attune("consent", "set", "user_id:ada", "--grant", "email", *evidence).code == 0
    [record] = api.deployment.records()
    assert record["events"][0]["evidence"] == {"method": "form", "notice": "2025-06"}
    assert attune("consent", "set", "user_id:ada", "--grant", "email").code == 0
    assert api.deployment.records()[-1]["events"][0]["evidence"] == {"method": "api"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--grant", "email", "--notice", "2019-01"), "unknown_notice: no version of the notice of email"),
        (
            ("--grant", "email", "--grant", "sms", "--notice", "2025-06"),
            "unknown_notice: no version of the notice of sms",
        ),
        (("--grant", "email", "--method", "by heart"), "invalid_body: "),
        (("--grant", "$restriction"), "unknown_purpose: "),
    ],
)
def test_evidence_that_nobody_defined_is_refused(
    attune: Attune, ada: None, arguments: tuple[str, ...], message: str
) -> None:
    ran = attune("consent", "set", "user_id:ada", *arguments)
    assert ran.code == 1
    assert message in ran.err
