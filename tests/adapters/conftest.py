"""Backends of the contract suites: every suite runs on memory, on moto in process and, where it is up, on the
local cloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.adapters.cloud import Cloud

MEMORY, MOTO, LOCAL_CLOUD = "memory", "moto", "local cloud"


@pytest.fixture(scope="module")
def moto_cloud() -> Iterator[Cloud]:
    """Not longer than a module: while it is up, all of botocore in this process is caught."""
    with mock_aws():
        yield Cloud()


@pytest.fixture(scope="session")
def local_cloud(request: pytest.FixtureRequest) -> Cloud:
    """The emulator of the session's deployed stack; the suites create stores of their own beside it."""
    stack: Any = request.getfixturevalue("stack")
    return Cloud(stack.aws_endpoint_url)


@pytest.fixture(params=[MEMORY, MOTO, pytest.param(LOCAL_CLOUD, marks=pytest.mark.cloud)])
def backend(request: pytest.FixtureRequest) -> Cloud | None:
    """None stands for memory: the AWS adapters are judged by what memory does, and memory by the same suite."""
    if request.param == MEMORY:
        return None
    name = "moto_cloud" if request.param == MOTO else "local_cloud"
    cloud: Cloud = request.getfixturevalue(name)
    return cloud


@pytest.fixture(params=[MEMORY, pytest.param(LOCAL_CLOUD, marks=pytest.mark.cloud)])
def racing_backend(request: pytest.FixtureRequest) -> Cloud | None:
    """For suites with threads: never moto, which loses concurrent updates."""
    return None if request.param == MEMORY else request.getfixturevalue("local_cloud")
