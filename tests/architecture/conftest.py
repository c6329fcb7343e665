"""The same templates as in tests/infra."""

from tests.infra.conftest import aws_assembly, templates

__all__ = ["aws_assembly", "templates"]
