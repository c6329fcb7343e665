"""Why somebody is in a segment, and previews, over HTTP on moto; what the lake answers is told elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.definitions.kinds import decode_definition, snapshot
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.processing.fold import fold_event
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.domain.segments import compile_segments
from attune.ports import Commit, ProfileItem
from tests.adapters.cloud import Cloud
from tests.builders import MINUTE, NOW, Pseudonyms, event, identifiers, profile_id
from tests.functions.management import ADMIN, Deployment

SHOP = {"kind": "source", "id": "shop"}
KEEN = {"kind": "segment", "id": "keen", "when": {"type": "performed", "event": "Product Viewed", "at_least": 2}}
DRAFT = {"kind": "segment", "id": "draft", "when": {"type": "performed", "event": "page", "within": "7d"}}
RESULT = {"segment": "draft", "size": {"size": 3, "low": 3, "high": 3}, "sample": [profile_id()]}


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """One of its own for each test: names of runs are seconds."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def store_a_viewer(deployment: Deployment) -> None:
    """Ada has viewed two products, so she is keen."""
    compiled = compile_segments(snapshot((decode_definition(KEEN),)))
    ada = Profile(profile_id=profile_id(), consent={"personalization": Consent(True, 1, "shop")})
    for number in (2, 1):
        fold_event(ada, event(time=NOW - number * MINUTE), bytes(7) + bytes([number]), compiled)
    tables = deployment.tables
    client = deployment.cloud.client("dynamodb")
    store = DynamoProfiles(client, profiles=tables["profiles"], identities=tables["identities"])
    [named] = identifiers(user_id="ada")
    claim = Claim(identity_key=Pseudonyms().key(named), read=None, identity=Identity(profile_id=ada.profile_id, at=NOW))
    ada.links[claim.identity_key] = Link(named, NOW)
    item = ProfileItem(profile_id=ada.profile_id, version=1, state=encode_profile(ada))
    store.commit(Commit(items=((None, item),), claims=(claim,)))


def server_key(deployment: Deployment, key_type: str = "server") -> str:
    for definition in (SHOP, KEEN):
        place = f"/v1/definitions/{definition['kind']}/{definition['id']}"
        assert deployment.call("PUT", place, definition, key=ADMIN).status == 200
    return str(deployment.call("POST", "/v1/sources/shop/keys", {"type": key_type}, key=ADMIN).body["key"])


def test_a_server_is_told_why_somebody_is_in_a_segment(deployment: Deployment) -> None:
    key = server_key(deployment)
    store_a_viewer(deployment)
    answer = deployment.call("GET", "/v1/profiles/user_id%3Aada/segments/keen", key=key)
    assert answer.status == 200
    [standing] = answer.body["standings"]
    assert (answer.body["in"], standing["condition"]["rests_on"]["value"]) == (True, 2)
    nobody = deployment.call("GET", "/v1/profiles/user_id%3Abob/segments/keen", key=key)
    assert (nobody.status, nobody.body["code"]) == (404, "unknown_profile")
    nothing = deployment.call("GET", "/v1/profiles/user_id%3Aada/segments/none", key=key)
    assert (nothing.status, nothing.body["code"]) == (404, "unknown_segment")
    future = deployment.call("GET", "/v1/profiles/user_id%3Aada/segments/keen?at=2999-01-01", key=key)
    assert (future.status, future.body["code"]) == (400, "invalid_time")


@pytest.mark.parametrize(("key_type", "status"), [("browser", 403), ("none", 401)])
def test_who_has_no_server_key_learns_nothing(deployment: Deployment, key_type: str, status: int) -> None:
    key = server_key(deployment, "browser") if key_type == "browser" else ADMIN
    assert deployment.call("GET", "/v1/profiles/user_id%3Aada/segments/none", key=key).status == status


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/previews"), ("POST", "/v1/previews"), ("GET", "/v1/previews/x")]
)
def test_without_the_admin_key_every_route_of_previews_is_a_401(
    deployment: Deployment, method: str, path: str, key: str | None
) -> None:
    answer = deployment.call(method, path, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_a_preview_is_started_watched_and_told(deployment: Deployment) -> None:
    started = deployment.call("POST", "/v1/previews", {"definition": DRAFT, "weeks": 4, "share": 16}, key=ADMIN)
    assert (started.status, set(started.body)) == (202, {"run"})
    run = started.body["run"]
    again = deployment.call("POST", "/v1/previews", {"definition": DRAFT}, key=ADMIN)
    assert (again.status, again.body["code"]) == (409, "preview_in_progress")
    assert deployment.call("GET", f"/v1/previews/{run}", key=ADMIN).body["result"] is None
    deployment.previews.succeed(run, {"preview": {"done": True, "position": "", "result": RESULT}})
    told = deployment.call("GET", f"/v1/previews/{run}", key=ADMIN).body
    assert (told["state"], told["result"]) == ("succeeded", RESULT)
    [listed] = deployment.call("GET", "/v1/previews", key=ADMIN).body["runs"]
    assert listed["run"] == run
    missing = deployment.call("GET", "/v1/previews/20990101T000000Z", key=ADMIN)
    assert (missing.status, missing.body["code"]) == (404, "unknown_run")


def test_a_preview_that_broke_off_names_the_error(deployment: Deployment) -> None:
    run = deployment.call("POST", "/v1/previews", {"definition": DRAFT}, key=ADMIN).body["run"]
    deployment.previews.fail(run, "QueryFailedError")
    told = deployment.call("GET", f"/v1/previews/{run}", key=ADMIN).body
    assert (told["state"], told["result"]) == ("failed", {"error": "QueryFailedError"})


def given(deployment: Deployment, run: str) -> str:
    client = deployment.cloud.client("stepfunctions")
    arn = f"{deployment.previews.arn.replace(':stateMachine:', ':execution:')}:{run}"
    return str(client.describe_execution(executionArn=arn)["input"])


def asked(deployment: Deployment, run: str) -> dict[str, Any]:
    """What the run is told by its document."""
    found = deployment.cloud.objects(deployment.audit)
    told: dict[str, Any] = json.loads(found[f"previews/{run}.json"])
    return told


def test_without_a_definition_it_is_about_the_segments_there_are(deployment: Deployment) -> None:
    server_key(deployment)
    run = deployment.call("POST", "/v1/previews", key=ADMIN).body["run"]
    assert given(deployment, run) == '{"draft":false}'
    assert asked(deployment, run) == {"segments": ["keen"]}
    deployment.previews.succeed(run, {"preview": {"done": True, "result": {"segments": [], "overlap": []}}})
    assert deployment.call("GET", f"/v1/previews/{run}", key=ADMIN).body["state"] == "succeeded"
    assert accesses(deployment) == []


ANN = "ann@example.com"
OF_ANN = DRAFT | {"when": {"type": "trait", "trait": "email", "operator": "equals", "value": ANN}}


def accesses(deployment: Deployment) -> list[tuple[str, str, str]]:
    """Route, subject, reason of every access record."""
    items = deployment.cloud.client("dynamodb").scan(TableName=deployment.tables["ledger"])["Items"]
    return sorted((one["route"]["S"], one["subject"]["S"], one["reason"]["S"]) for one in items)


def test_whom_a_draft_asks_for_is_in_no_history(deployment: Deployment) -> None:
    """Step Functions keeps what a run is given for 90 days: longer than an erasure allows."""
    run = deployment.call("POST", "/v1/previews", {"definition": OF_ANN}, key=ADMIN).body["run"]
    assert given(deployment, run) == '{"draft":true}'
    assert asked(deployment, run)["segment"]["when"]["value"] == ANN
    assert (asked(deployment, run)["weeks"], asked(deployment, run)["share"]) == (8, 1)


def test_whoever_asks_for_somebody_by_a_draft_leaves_a_record(deployment: Deployment) -> None:
    body, why = {"definition": OF_ANN}, "support_case:4711"
    run = deployment.call("POST", "/v1/previews", body, key=ADMIN, reason=why).body["run"]
    asking = ("POST /v1/previews", f"preview {run}", why)
    assert deployment.call("GET", f"/v1/previews/{run}", key=ADMIN).body["result"] is None
    assert accesses(deployment) == [asking]
    deployment.previews.succeed(run, {"preview": {"done": True, "result": RESULT}})
    assert deployment.call("GET", f"/v1/previews/{run}", key=ADMIN, reason=why).body["result"] == RESULT
    assert accesses(deployment) == [("GET /v1/previews/{run}", f"preview {run}", why), asking]


def test_what_cannot_be_recorded_is_not_asked(deployment: Deployment) -> None:
    deployment.cloud.client("dynamodb").delete_table(TableName=deployment.tables["ledger"])
    assert deployment.call("POST", "/v1/previews", {"definition": OF_ANN}, key=ADMIN).status == 500
    assert deployment.call("GET", "/v1/previews", key=ADMIN).body == {"runs": []}
    assert deployment.cloud.objects(deployment.audit) == {}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"definition": SHOP}, 400, "invalid_definition"),
        ({"definition": DRAFT | {"when": {"type": "guess"}}}, 400, "invalid_definition"),
        ({"definition": DRAFT | {"when": {"type": "segment", "segment": "none"}}}, 400, "invalid_definition"),
        ({"definition": DRAFT, "weeks": 0}, 400, "invalid_body"),
        ({"definition": DRAFT, "weeks": 54}, 400, "invalid_body"),
        ({"definition": DRAFT, "share": 3}, 400, "invalid_body"),
        ({"definition": DRAFT, "share": 8_192}, 400, "invalid_body"),
        ({"definition": DRAFT, "segments": ["keen"]}, 400, "invalid_body"),
        ({"weeks": 8}, 400, "invalid_body"),
        ({"segments": ["none"]}, 404, "unknown_segment"),
        ({"graze": 1}, 400, "invalid_body"),
    ],
)
def test_what_cannot_be_previewed_is_refused(
    deployment: Deployment, body: dict[str, object], status: int, code: str
) -> None:
    answer = deployment.call("POST", "/v1/previews", body, key=ADMIN)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert deployment.call("GET", "/v1/previews", key=ADMIN).body == {"runs": []}
