"""Handlers run on moto in this process, with an environment that only they see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.adapters.cloud import Cloud
from tests.functions.management import Deployment


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)
