"""The preview run: a state machine that a person starts, to see whom a segment would hold before it exists."""

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine
from infra.constructs.python_function import PythonFunction


class PreviewMachine(FunctionMachine):
    """CompactLake, so that the lake is of now, then PreviewSegments, each with its last answer until it is done.

    How segments overlap that are there already is asked of the profiles, without the lake. What is asked lies in a
    document of the run, so that no history keeps it: ForgetAsked at the end, and that also where it has failed.

    All may be repeated: one makes days anew, the others only read, or remove.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        compact_lake: PythonFunction,
        preview_segments: PythonFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        nothing: dict[str, Any] = {"preview": {"position": ""}}
        begin = sfn.Pass(self, "Begin", parameters={**RUN, "asked.$": "$", **nothing})
        compact = self._call("CompactLake", compact_lake, KNOWN, "$.lake")
        looking = {"step": "look", "position.$": "$.preview.position"}
        preview = self._call("PreviewSegments", preview_segments, {**KNOWN, **looking}, "$.preview")
        forget = self._forget("ForgetAsked", preview_segments).next(sfn.Succeed(self, "Previewed"))
        forget_failed = self._forget("ForgetAskedOfFailed", preview_segments)
        failed = sfn.Fail(self, "Failed", error_path="$.failed.Error", cause_path="$.failed.Cause")
        forget_failed.next(failed)
        for step in (compact, preview):
            step.add_catch(forget_failed, result_path="$.failed")
        self._until_done("AllCompacted?", compact, "$.lake", then=preview, again=compact)
        self._until_done("AllPreviewed?", preview, "$.preview", then=forget, again=preview)
        is_draft = sfn.Condition.boolean_equals("$.asked.draft", value=True)
        what = sfn.Choice(self, "IsThereADraft?").when(is_draft, compact)
        self._make(
            config,
            name="previews",
            comment="Who would be in a segment, now and in the past weeks",
            functions=[compact_lake, preview_segments],
            steps=begin.next(what.otherwise(preview)),
        )

    def _forget(self, name: str, preview_segments: PythonFunction) -> tasks.LambdaInvoke:
        return self._call(name, preview_segments, {**KNOWN, "step": "forget"}, "$.forgotten")
