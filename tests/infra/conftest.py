"""The cloud assemblies, synthesized once for all sessions until their sources change."""

from pathlib import Path

import pytest

from infra.assembly import assembly
from tests.infra.templates import Templates


@pytest.fixture(scope="session")
def aws_assembly() -> Path:
    return assembly("aws")


@pytest.fixture(scope="session")
def templates(aws_assembly: Path) -> Templates:
    """What goes to AWS in production."""
    return Templates.read(aws_assembly)


@pytest.fixture(scope="session")
def local_templates() -> Templates:
    """What the local cloud gets."""
    return Templates.read(assembly("local"))
