"""Runs of a state machine on Step Functions: a run is an execution, by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.ports import ConflictError
from attune.ports.runs import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_stepfunctions import SFNClient

#: what a name may look like: ours, EventBridge's, and most that people give; anything else makes no ARN
_NAME: Final = re.compile(r"[0-9A-Za-z._-]{1,80}")
#: an error's own name, where a Lambda function's failure says it: never a message, which may quote anything
_ERROR: Final = re.compile(r"[A-Za-z][\w.]{0,80}")
_STATES: Final[dict[str, RunState]] = {
    "RUNNING": "running",
    "PENDING_REDRIVE": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "aborted",
}


class StepFunctionsRuns:
    """`Runs`. Lists are eventually consistent; a name is taken for 90 days."""

    def __init__(self, client: SFNClient, machine: str) -> None:
        self._client = client
        self._machine = machine

    def start(self, run: str, given: Mapping[str, Any]) -> None:
        """The machine takes its run's name and start from the execution itself."""
        text = msgspec.json.encode(given, order="sorted").decode()
        try:
            self._client.start_execution(stateMachineArn=self._machine, name=run, input=text)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            known = self.describe(run)
            if known is None or known.state != "running" or known.given != given:
                raise ConflictError(run) from None

    def running(self) -> str | None:
        """The newest, if there are several."""
        found = self._client.list_executions(stateMachineArn=self._machine, statusFilter="RUNNING", maxResults=1)
        return next((one["name"] for one in found["executions"]), None)

    def latest(self, limit: int) -> list[Run]:
        """Newest first, as Step Functions lists them."""
        found = self._client.list_executions(stateMachineArn=self._machine, maxResults=limit)["executions"]
        return [_run(one) for one in found][:limit]

    def describe(self, run: str) -> Run | None:
        """Output where it succeeded; the error's name where it did not."""
        if not _NAME.fullmatch(run):
            return None
        arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{run}"
        try:
            found = self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        return _run(found)


def _run(described: Any) -> Run:
    """Of an execution as it is listed or described."""
    ended: datetime | None = described.get("stopDate")
    state = _STATES[described["status"]]
    return Run(
        run=described["name"],
        state=state,
        started_at=_milliseconds(described["startDate"]),
        ended_at=None if ended is None else _milliseconds(ended),
        given=_object(described.get("input")),
        output=_object(described.get("output")) if state == "succeeded" else {},
        error=_error(described),
    )


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


def _object(text: str | None) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _error(described: Any) -> str:
    """Our functions fail with a message that is the name of what went wrong; else the name that the state has."""
    said = str(_object(described.get("cause")).get("errorMessage", ""))
    return said if _ERROR.fullmatch(said) else str(described.get("error", ""))
