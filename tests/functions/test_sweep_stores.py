"""sweep_stores as the privacy machine calls it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from attune.domain.erasure.receipts import Swept
from attune.runtime.telemetry import FunctionFailedError
from attune.use_cases.erasure.sweep_late import NOTES
from tests.adapters.cloud import REGION, Cloud
from tests.builders import SECRET
from tests.functions.management import CONTEXT
from tests.sweeping import ANN, ANNS, REQUEST, SAID, SweptWorld, residues

HANDLER = Path(__file__).parents[2] / "functions" / "sweep_stores" / "handler.py"
MINUTE = 60_000
RUN = {"run": "20250615T150640Z", "started_at": "2025-06-15T15:06:40.250Z", "requests": [REQUEST]}


class Deployed:
    """Everything the function is told of, Ann and Bob in it."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Cloud()
        self.world = SweptWorld(self.cloud, folder)
        self.world.fill()
        self.world.begin()

    def environment(self) -> dict[str, str]:
        secret = self.cloud.secret(json.dumps({"live": [SECRET.decode()]}))
        buckets = {f"{name.upper()}_BUCKET": bucket for name, bucket in self.world.names.items()}
        tables = {f"{role.upper()}_TABLE": table for role, table in self.world.tables.items()}
        return {**buckets, **tables, "STREAM_RETENTION_HOURS": "24", "IDENTITY_SECRET": secret}

    def call(self, event: dict[str, Any], *, minutes_left: int = 14) -> Any:
        spec = importlib.util.spec_from_file_location("sweep_stores_handler", HANDLER)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def remaining() -> int:
            return minutes_left * MINUTE

        return module.handler(event, SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=remaining))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    with mock_aws():
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        boto3.setup_default_session()
        deployed = Deployed(tmp_path)
        for name, value in deployed.environment().items():
            monkeypatch.setenv(name, value)
        yield deployed


def test_it_is_called_with_its_last_position_until_done_however_little_time_there_is(deployed: Deployed) -> None:
    for stage in ("stores", "versions"):
        answer: dict[str, Any] = {"done": False, "position": ""}
        calls = 0
        while not answer["done"]:
            calls += 1
            minutes = 1 if calls < 5 else 14
            answer = deployed.call({**RUN, "stage": stage, "position": answer["position"]}, minutes_left=minutes)
            assert answer.keys() == {"done", "position", "swept_at"}
        assert calls > 2
    left = {key for _, key, _ in residues(deployed.world.everything(), (*ANNS, SAID, ANN))}
    note = f"{NOTES}{REQUEST}-0000.json"  # of whom rows may still come: it names ids, and goes with them
    assert {key for key in left if not key.startswith("quarantine/")} == {"imports/till/now.ndjson", note}
    assert len(left) == 3  # the new life's
    assert not [key for _, key, _ in residues(deployed.world.everything(), (*ANNS, SAID)) if key == note]
    assert deployed.world.tally().stores["deliveries"] == Swept(found=2, removed=2)


@pytest.mark.parametrize("wrong", [{"stage": "all"}, {"stage": "stores", "requests": "x"}, {"run": 1}])
def test_a_machine_that_hands_over_something_else_is_a_fault_of_the_deployment(
    deployed: Deployed, wrong: dict[str, Any]
) -> None:
    with pytest.raises(FunctionFailedError):
        deployed.call({**RUN, **wrong})
