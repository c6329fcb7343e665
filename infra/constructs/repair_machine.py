"""The repair run: a state machine that a person starts, to make up for what faults and outages left behind."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine
from infra.constructs.python_function import PythonFunction
from infra.constructs.repairing import Repairing


class RepairMachine(FunctionMachine):
    """By `what` was asked: ReplayBatches, RepairEffects, or (`all`) both; `profiles`: CompactLake, RebuildProfiles.

    For `segments`: WaitForRows, CompactLake, BackfillSegments, and again where rows were still on their way.

    Each step is called with its last answer until it is done. All of them may be repeated: a batch has its receipt, a
    delivery its id, a profile and a definition its version.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        repairing: Repairing,
        compact_lake: PythonFunction,
        rebuild_profiles: PythonFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._done = sfn.Succeed(self, "Repaired")
        effects = self._effects(repairing.repair_effects)
        batches = self._batches(repairing.replay_batches, then=effects)
        nothing: dict[str, Any] = {"batches": {}, "effects": {}, "profiles": {"position": ""}}
        nothing["segments"] = {"position": ""}
        begin = sfn.Pass(self, "Begin", parameters={**RUN, "asked.$": "$", **nothing})
        wait_for_rows = sfn.Wait(
            self, "WaitForRows", time=sfn.WaitTime.duration(Duration.seconds(config.lake_wait_seconds))
        )
        profiles = self._profiles(compact_lake, rebuild_profiles, wait_for_rows)
        wait_for_rows.next(profiles)
        what = sfn.Choice(self, "What?").when(_asked("effects"), effects).when(_asked("profiles"), profiles)
        what.when(_asked("segments"), wait_for_rows)
        self._make(
            config,
            name="repairs",
            comment="Failed batches run again, lost effects made up for; or profiles folded anew, segments backfilled",
            functions=[*repairing.functions, compact_lake, rebuild_profiles],
            steps=begin.next(what.otherwise(batches)),
        )

    def _batches(self, function: PythonFunction, then: sfn.IChainable) -> tasks.LambdaInvoke:
        asked = {"dry_run.$": "$.asked.dry_run", "so_far.$": "$.batches"}
        step = self._call("ReplayBatches", function, {**KNOWN, **asked}, "$.batches")
        more = sfn.Choice(self, "EffectsToo?").when(_asked("batches"), self._done).otherwise(then)
        self._until_done("AllReplayed?", step, "$.batches", then=more, again=step)
        return step

    def _effects(self, function: PythonFunction) -> tasks.LambdaInvoke:
        asked = {"dry_run.$": "$.asked.dry_run", "since.$": "$.asked.since", "so_far.$": "$.effects"}
        step = self._call("RepairEffects", function, {**KNOWN, **asked}, "$.effects")
        self._until_done("AllRepaired?", step, "$.effects", then=self._done, again=step)
        return step

    def _profiles(
        self, compact_lake: PythonFunction, rebuild_profiles: PythonFunction, wait_for_rows: sfn.Wait
    ) -> tasks.LambdaInvoke:
        compact = self._call("CompactLake", compact_lake, KNOWN, "$.lake")
        asked = {"profiles.$": "$.asked.profiles", "position.$": "$.profiles.position"}
        rebuild = self._call("RebuildProfiles", rebuild_profiles, {**KNOWN, **asked}, "$.profiles")
        self._until_done("AllRebuilt?", rebuild, "$.profiles", then=self._done, again=rebuild)
        backfill = self._backfill(rebuild_profiles, wait_for_rows)
        whose = sfn.Choice(self, "Whose?").when(_asked("segments"), backfill).otherwise(rebuild)
        self._until_done("AllCompacted?", compact, "$.lake", then=whose, again=compact)
        return compact

    def _backfill(self, rebuild_profiles: PythonFunction, wait_for_rows: sfn.Wait) -> tasks.LambdaInvoke:
        asked = {"segments.$": "$.asked.segments", "position.$": "$.segments.position"}
        step = self._call("BackfillSegments", rebuild_profiles, {**KNOWN, **asked}, "$.segments")
        question = sfn.Choice(self, "AllBackfilled?").otherwise(step)
        question.when(sfn.Condition.boolean_equals("$.segments.done", value=True), self._done)
        question.when(sfn.Condition.boolean_equals("$.segments.wait", value=True), wait_for_rows)
        step.next(question)
        return step


def _asked(what: str) -> sfn.Condition:
    return sfn.Condition.string_equals("$.asked.what", what)
