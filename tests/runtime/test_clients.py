from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import UnknownServiceError
from moto import mock_aws

from attune.runtime.clients import client, later

make: Any = client


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-central-1")


def test_a_client_talks_to_its_service_in_the_region_of_the_environment() -> None:
    with mock_aws():
        sqs = make("sqs")
        url = sqs.create_queue(QueueName="some")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="heard")
        assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "heard"
    assert sqs.meta.region_name == "eu-central-1"


def test_a_service_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownServiceError, match="dynamodbb"):
        make("dynamodbb")


def test_a_client_for_later_is_made_once_by_its_first_call() -> None:
    made = []

    def list_made() -> list[str]:
        made.append("one")
        return made

    waiting = later(list_made)
    assert made == []
    assert waiting.count("one") == 1
    assert waiting.index("one") == 0
    assert made == ["one"]


def test_what_keeps_a_client_from_being_made_comes_out_of_its_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = later(lambda: make("dynamodbb"))
    with pytest.raises(UnknownServiceError):
        waiting.get_item(TableName="some")
