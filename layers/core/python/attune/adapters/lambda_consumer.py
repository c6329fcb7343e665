"""`Consumer`: a Lambda function, invoked as the mapping of its stream invokes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.config import Config

from attune.ports.batches import RefusedError

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

#: seconds; longer than any function that reads a stream may take
_PATIENCE: Final = 150


class _Item(msgspec.Struct):
    itemIdentifier: str  # noqa: N815 (Lambda's word)


class _Answer(msgspec.Struct):
    batchItemFailures: list[_Item]  # noqa: N815 (Lambda's word)


class LambdaConsumer:
    """By the function's name."""

    def __init__(self, client: LambdaClient, function: str) -> None:
        self._client = client
        self._function = function

    def take(self, event: bytes) -> list[str]:
        """An answer that is no partial batch response is taken as Lambda takes it: nothing was done."""
        answer = self._client.invoke(FunctionName=self._function, Payload=event)
        said = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise RefusedError(self._function)
        try:
            return [one.itemIdentifier for one in _decoder.decode(said).batchItemFailures]
        except msgspec.MsgspecError:
            raise RefusedError(self._function) from None


def lambda_config() -> Config:
    """Waits for the answer, and does not ask twice by itself: the batch would be run beside itself."""
    return Config(read_timeout=_PATIENCE, retries={"total_max_attempts": 1})


_decoder: Final = msgspec.json.Decoder(_Answer)
