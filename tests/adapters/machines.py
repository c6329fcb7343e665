"""A state machine whose executions end when a test says how: it stands for ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.models import stepfunctions_backends

from tests.adapters.cloud import REGION, Cloud

ROLE = "arn:aws:iam::123456789012:role/learning"
#: what a function of ours leaves behind when it fails: `attune/runtime/telemetry.py` lets nothing else out
FAILED = "FunctionFailedError"


class Machine:
    """Its one state waits for a worker, which is the test. moto carries nothing out, so there the record is written."""

    def __init__(self, cloud: Cloud) -> None:
        self._client = cloud.client("stepfunctions")
        self._is_moto = cloud.in_process
        self._activity = str(self._client.create_activity(name=cloud.name("worker"))["activityArn"])
        wait = {
            "Type": "Task",
            "Resource": self._activity,
            "Parameters": {"run.$": "$$.Execution.Name"},
            "TimeoutSeconds": 120,  # so that nothing waits on for ever behind the tests
            "End": True,
        }
        definition = json.dumps({"StartAt": "Wait", "States": {"Wait": wait}})
        made = self._client.create_state_machine(name=cloud.name("machine"), definition=definition, roleArn=ROLE)
        self.arn = str(made["stateMachineArn"])

    def succeed(self, run: str, output: dict[str, Any]) -> None:
        """It ends with this output."""
        if self._is_moto:
            self._write(run, status="SUCCEEDED", output=json.dumps(output))
        else:
            self._client.send_task_success(taskToken=self._token(run), output=json.dumps(output))
            self._wait(run)

    def fail(self, run: str, error: str) -> None:
        """It ends as it does when one of our functions raises."""
        cause = json.dumps({"errorMessage": error, "errorType": FAILED, "stackTrace": ['  File "/var/task/x.py"']})
        if self._is_moto:
            self._write(run, status="FAILED", error=FAILED, cause=cause)
        else:
            self._client.send_task_failure(taskToken=self._token(run), error=FAILED, cause=cause)
            self._wait(run)

    def _token(self, run: str) -> str:
        while True:
            task = self._client.get_activity_task(activityArn=self._activity)
            if task.get("taskToken") and json.loads(task["input"])["run"] == run:
                return str(task["taskToken"])

    def _wait(self, run: str) -> None:
        while self._client.describe_execution(executionArn=self._execution(run))["status"] == "RUNNING":
            pass

    def _execution(self, run: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{run}"

    def _write(self, run: str, **fields: str) -> None:
        backend = stepfunctions_backends["123456789012"][REGION]
        execution = backend.describe_execution(self._execution(run))
        execution.stop_date = datetime.now(UTC)
        for name, value in fields.items():
            setattr(execution, name, value)
