"""`Consumer` on Lambda: an answer is taken as a stream's mapping takes it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.response import StreamingBody

from attune.adapters.lambda_consumer import LambdaConsumer, lambda_config
from attune.ports.batches import RefusedError

EVENT = b'{"Records": [{"eventID": "1"}]}'


class Invoked:
    """A client whose function answers so. (No emulator in process carries a function out.)"""

    def __init__(self, answer: bytes, error: str | None = None) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer, self._error = answer, error

    def invoke(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        said: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": StreamingBody(io.BytesIO(self._answer), len(self._answer)),
        }
        return said | ({"FunctionError": self._error} if self._error else {})


def take(client: Any) -> list[str]:
    return LambdaConsumer(client, "run-campaigns").take(EVENT)


def test_the_event_is_handed_over_as_it_is_and_waited_for() -> None:
    client = Invoked(b'{"batchItemFailures": []}')
    assert take(client) == []
    assert client.asked == [{"FunctionName": "run-campaigns", "Payload": EVENT}]


def test_what_was_left_over_is_named() -> None:
    failures = [{"itemIdentifier": "7"}, {"itemIdentifier": "9"}]
    assert take(Invoked(json.dumps({"batchItemFailures": failures}).encode())) == ["7", "9"]


@pytest.mark.parametrize("error", ["Unhandled", "Handled"])
def test_a_function_that_failed_took_nothing(error: str) -> None:
    with pytest.raises(RefusedError):
        take(Invoked(b'{"errorMessage": "ConnectionError"}', error))


@pytest.mark.parametrize("answer", [b"", b"null", b"{}", b'"ok"', b'{"batchItemFailures": [{"itemIdentifier": null}]}'])
def test_an_answer_that_says_nothing_took_nothing(answer: bytes) -> None:
    with pytest.raises(RefusedError):
        take(Invoked(answer))


def test_an_invocation_is_waited_for_and_not_repeated_by_itself() -> None:
    config: Any = lambda_config()
    assert (config.read_timeout, config.retries) == (150, {"total_max_attempts": 1})
