"""The privacy run: a state machine that carries out what people ask about their data, and a schedule that looks."""

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine
from infra.constructs.privacy_requests import PrivacyRequests
from infra.constructs.python_function import PythonFunction

#: how often somebody looks at the terms, and at what no run has taken
LOOK = Duration.hours(6)
#: between the last object that was rewritten and the compaction that must see it, by whoever's clock
SETTLE = Duration.seconds(5)
#: what was laid down by now counts: rows that a sweep has written anew are younger than the run
BY_NOW = {"run.$": "$.run", "started_at.$": "$.now.at"}


class PrivacyMachine(FunctionMachine):
    """BeginRequests until the stream has carried them; for who asks what is held CompactLake, ExportProfiles.

    For erasures SweepStores, CompactSwept, SweepVersions, of the unlinked after CompactUnlinked, RebuildUnlinked and
    another BeginRequests; then FinishRequests, and so on with the next ones until none is left.
    Every step may be repeated, and a run that was killed is made up for by the next.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        requests: PrivacyRequests,
        sweep_stores: PythonFunction,
        compact_lake: PythonFunction,
        rebuild_profiles: PythonFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._wait = Duration.seconds(config.lake_wait_seconds)
        self._begin = self._of_requests("BeginRequests", requests.fulfil_requests, "begin")
        self._finish = self._of_requests("FinishRequests", requests.fulfil_requests, "finish")
        sweep = self._sweep(sweep_stores, compact_lake, rebuild_profiles)
        read = self._read(requests.export_profiles, compact_lake)
        self._go_on(read, sweep)
        nothing: dict[str, Any] = {"round": "", "swept": {"position": ""}, "export": {"position": ""}}
        start = sfn.Pass(self, "Begin", parameters={**RUN, **nothing, "rebuilt": {"position": ""}})
        self._make(
            config,
            name="privacy",
            comment="What people ask about their data: shown, corrected, restricted, erased with a receipt",
            functions=[*requests.functions, sweep_stores, compact_lake, rebuild_profiles],
            steps=start.next(self._begin),
        )
        self._schedule()

    def _of_requests(self, name: str, function: PythonFunction, step: str) -> tasks.LambdaInvoke:
        return self._call(name, function, {**KNOWN, "step": step, "position.$": "$.round"}, "$.round")

    def _go_on(self, read: sfn.IChainable, sweep: sfn.IChainable) -> None:
        """By what BeginRequests says: rows on their way are waited for, but for what needs none."""
        wait = sfn.Wait(self, "WaitForRows", time=sfn.WaitTime.duration(self._wait))
        over = sfn.Succeed(self, "AllEnded")
        asked = sfn.Choice(self, "WhatNow?").when(_next("over"), over).when(_next("finish"), self._finish)
        self._begin.next(asked.otherwise(wait))
        waited = sfn.Choice(self, "WaitedFor?").when(_next("read"), read).when(_next("sweep"), sweep)
        wait.next(waited.otherwise(self._begin))
        self._finish.next(sfn.Choice(self, "MoreRequests?").when(_next("over"), over).otherwise(self._begin))

    def _read(self, export_profiles: PythonFunction, compact_lake: PythonFunction) -> sfn.IChainable:
        now = self._now("Now")
        compact = self._call("CompactLake", compact_lake, BY_NOW, "$.lake")
        asked = {"requests.$": "$.round.read", "position.$": "$.export.position"}
        export = self._call("ExportProfiles", export_profiles, {**KNOWN, **asked}, "$.export")
        self._until_done("AllExported?", export, "$.export", then=self._begin, again=export)
        self._until_done("AllCompacted?", compact, "$.lake", then=export, again=compact)
        return now.next(compact)

    def _sweep(
        self, sweep_stores: PythonFunction, compact_lake: PythonFunction, rebuild_profiles: PythonFunction
    ) -> sfn.IChainable:
        asked = {"requests.$": "$.round.swept", "position.$": "$.swept.position"}
        stores = self._call("SweepStores", sweep_stores, {**KNOWN, **asked, "stage": "stores"}, "$.swept")
        versions = self._call("SweepVersions", sweep_stores, {**KNOWN, **asked, "stage": "versions"}, "$.swept")
        compact = self._call("CompactSwept", compact_lake, BY_NOW, "$.lake")
        settle = sfn.Wait(self, "Settle", time=sfn.WaitTime.duration(SETTLE))
        self._until_done("AllForgotten?", versions, "$.swept", then=self._finish, again=versions)
        self._until_done("AllSweptCompacted?", compact, "$.lake", then=versions, again=compact)
        self._until_done("AllSwept?", stores, "$.swept", then=settle, again=stores)
        settle.next(self._now("NowSwept")).next(compact)
        unlinked = sfn.Choice(self, "WereTheyUnlinked?").otherwise(stores)
        apart = self._fold_apart(compact_lake, rebuild_profiles)
        return unlinked.when(sfn.Condition.boolean_equals("$.round.rebuilds", value=True), apart)

    def _fold_apart(self, compact_lake: PythonFunction, rebuild_profiles: PythonFunction) -> sfn.IChainable:
        """Who was one with them is folded anew while the lake still holds the rows of both; BeginRequests looks."""
        compact = self._call("CompactUnlinked", compact_lake, BY_NOW, "$.lake")
        them = {"profiles.$": "$.round.rebuild", "anyway.$": "$.round.anyway", "position.$": "$.rebuilt.position"}
        rebuild = self._call("RebuildUnlinked", rebuild_profiles, {**KNOWN, **them}, "$.rebuilt")
        self._until_done("AllRebuilt?", rebuild, "$.rebuilt", then=self._begin, again=rebuild)
        self._until_done("AllUnlinkedCompacted?", compact, "$.lake", then=rebuild, again=compact)
        return self._now("NowUnlinked").next(compact)

    def _now(self, name: str) -> sfn.Pass:
        """Keep what the run knows, the instant, and no position of a round before."""
        kept = {"run.$": "$.run", "started_at.$": "$.started_at", "round.$": "$.round", "swept.$": "$.swept"}
        begun = {"export": {"position": ""}, "rebuilt": {"position": ""}}
        return sfn.Pass(self, name, parameters={**kept, **begun, "now": {"at.$": "$$.State.EnteredTime"}})

    def _schedule(self) -> None:
        events.Rule(
            self,
            "EverySixHours",
            description="Look at the terms of what people ask, and take what no run has taken",
            schedule=events.Schedule.rate(LOOK),
            targets=[
                targets.SfnStateMachine(
                    self.machine,
                    input=events.RuleTargetInput.from_object({}),
                    max_event_age=Duration.hours(2),
                )
            ],
        )


def _next(step: str) -> sfn.Condition:
    return sfn.Condition.string_equals("$.round.next", step)
