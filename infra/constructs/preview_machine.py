"""The preview run: a state machine that a person starts, to see whom a segment would hold before it exists."""

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine
from infra.constructs.python_function import PythonFunction


class PreviewMachine(FunctionMachine):
    """CompactLake, so that the lake is of now, then PreviewSegments, each with its last answer until it is done.

    How segments overlap that are there already is asked of the profiles, without the lake.

    Both may be repeated: one makes days anew, the other only reads.
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
        asked = {"asked.$": "$.asked", "position.$": "$.preview.position"}
        preview = self._call("PreviewSegments", preview_segments, {**KNOWN, **asked}, "$.preview")
        done = sfn.Succeed(self, "Previewed")
        self._until_done("AllCompacted?", compact, "$.lake", then=preview, again=compact)
        self._until_done("AllPreviewed?", preview, "$.preview", then=done, again=preview)
        what = sfn.Choice(self, "IsThereADraft?").when(sfn.Condition.is_present("$.asked.segment"), compact)
        self._make(
            config,
            name="previews",
            comment="Who would be in a segment, now and in the past weeks",
            functions=[compact_lake, preview_segments],
            steps=begin.next(what.otherwise(preview)),
        )
