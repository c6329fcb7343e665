"""`up` and `down` with an emulator and the CDK CLI of their own, on assemblies written by hand."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import deploy, ministack, processes
from local.repair import repair
from local.stack import down, up
from local.state import LocalCloudError, StateDirectory, client_settings

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    ministack.install(print)


def an_assembly(folder: Path, resources: dict[str, Any]) -> Path:
    """A synthesized app of one stack."""
    folder.mkdir()
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://000000000000/us-east-1",
        "properties": {"templateFile": "small.template.json"},
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": {"small": artifact}}))
    outputs = {"TableName": {"Value": {"Ref": "Table"}}} if "Table" in resources else {}
    template = {"Resources": resources, "Outputs": outputs}
    (folder / "small.template.json").write_text(json.dumps(template))
    return folder


def a_table(time_to_live: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "Replicas": [{"Region": "us-east-1"}],
            "TimeToLiveSpecification": time_to_live,
        },
    }


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path / "state")
    state.create()
    return state


def test_a_stack_that_does_not_deploy_says_why_and_leaves_nothing_running(
    state: StateDirectory, tmp_path: Path
) -> None:
    broken = an_assembly(tmp_path / "broken", {"Nonsense": {"Type": "AWS::XRay::Group", "Properties": {}}})
    with pytest.raises(LocalCloudError, match="AWS::XRay::Group"):
        up(state, assembly=broken, say=lambda _: None)
    assert processes.running(state.pid_file("emulator")) is None
    assert not state.stack_file.exists()
    assert state.deploy_log.exists()
    assert not down(state)


def test_repair_takes_from_the_template_what_the_emulator_dropped(state: StateDirectory, tmp_path: Path) -> None:
    settings = {"AttributeName": "expires_at", "Enabled": True}
    generated = {"GenerateSecretString": {"PasswordLength": 40, "ExcludePunctuation": True}}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "it", **generated}}
    app = an_assembly(tmp_path / "app", {"Table": a_table(settings), "Secret": secret})
    address = ministack.start(state)
    try:
        outputs = deploy.deploy(app, address, state, print)
        assert repair(app, address) == ["Table: TTL", "Secret: secret without punctuation"]
        assert repair(app, address) == [], "a second repair has nothing to do"
        dynamodb = boto3.client("dynamodb", **client_settings(address))
        kept = dynamodb.describe_time_to_live(TableName=outputs["TableName"])["TimeToLiveDescription"]
        assert kept["AttributeName"] == "expires_at"
        value = boto3.client("secretsmanager", **client_settings(address)).get_secret_value(SecretId="it")
        assert len(value["SecretString"]) == 40
        assert value["SecretString"].isalnum()
    finally:
        assert ministack.stop(state)


def test_two_emulators_run_side_by_side_and_stop_alone(tmp_path: Path) -> None:
    states = [StateDirectory(tmp_path / name) for name in ("one", "two")]
    for state in states:
        state.create()
    addresses = [ministack.start(state) for state in states]
    try:
        assert ministack.stop(states[0])
        assert not ministack.healthy(addresses[0])
        assert ministack.healthy(addresses[1])
    finally:
        for state in states:
            ministack.stop(state)
