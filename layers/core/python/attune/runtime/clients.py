"""The only maker of AWS clients: all of one botocore session, which reads endpoints and credentials once.

boto3 is not imported: what it adds to botocore, resources and file transfers, nothing here uses, and every cold start
would wait for it.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.loaders import Loader

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from botocore.config import Config

    # A client of boto3's is a client of botocore's, and boto3's stubs know which service's name makes which.
    client = boto3.client
else:

    def client(service: str, config: Config | None = None) -> Any:
        """For what (nearly) every invocation calls: made while Lambda starts the function, at full speed."""
        return _session().create_client(service, config=config)


def later[Client](make: Callable[[], Client]) -> Client:
    """For what only rare paths call: made at its first call, so that no start waits for it."""
    return cast("Client", _Later(make))


class _Later:
    """Stands for a client that is not there yet."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = functools.cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


class _Models(Loader):
    """Botocore's models of services, without its look into every service's folder before the first is read."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 (no folder lacks a type in use)
        """Asked whether there is such a service, and for botocore's message if there is none."""
        return os.listdir(self.BUILTIN_DATA_PATH)  # noqa: PTH208 (as paths they would cost what this saves)


@functools.cache
def _session() -> botocore.session.Session:
    session = botocore.session.Session()
    session.register_component("data_loader", _Models())
    return session
