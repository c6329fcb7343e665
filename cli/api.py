"""The HTTP API as the command uses it: one call, one answer, every failure in words."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

import httpx
import typer

from cli.connection import Connection
from cli.errors import CliError

#: seconds; API Gateway gives up after 30
TIMEOUT: Final = 35.0

type Json = dict[str, Any]


class ApiError(CliError):
    """The API refused; `code` is one of those that docs/api.md lists. `retry_after`: seconds, where it said so."""

    def __init__(self, status: int, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


class Api:
    """Calls with one of the connection's keys. Use it in a `with` statement."""

    def __init__(self, connection: Connection, *, key: str, transport: httpx.BaseTransport | None = None) -> None:
        if not key:
            raise CliError("no key is given: set ATTUNE_ADMIN_KEY (profiles and consent: ATTUNE_SERVER_KEY)")
        self._url = connection.api_url
        loopback = urlsplit(self._url).scheme == "http"
        self._client = httpx.Client(
            base_url=self._url,
            headers={"authorization": f"Bearer {key}"}
            | ({"x-attune-reason": connection.reason} if connection.reason else {}),
            timeout=TIMEOUT,
            transport=transport,
            trust_env=not loopback,  # a proxy of the network must not get to see what stays on this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def call(self, method: str, *path: str, body: object = None, query: dict[str, str] | None = None) -> Json:
        """The answer's JSON. The steps of `path` are percent-encoded each; raises `ApiError` or `CliError`."""
        address = "/v1/" + "/".join(quote(step, safe="") for step in path)
        try:
            response = self._client.request(method, address, json=body, params=query)
        except httpx.TransportError as error:
            raise CliError(f"{self._url} cannot be reached: {str(error) or type(error).__name__}") from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise CliError(f"{self._url} answered {response.status_code} and not as Attune does")
        if not response.is_success:
            wait = response.headers.get("retry-after", "")
            raise ApiError(
                response.status_code,
                str(answer.get("code", "error")),
                str(answer.get("message", "")),
                float(wait) if wait.isdecimal() else None,
            )
        return answer


def admin_api(context: typer.Context) -> Api:
    """With the admin's key, to wherever the command's options lead."""
    connection: Connection = context.obj()
    return Api(connection, key=connection.admin_key)


def server_api(context: typer.Context) -> Api:
    """With a server key."""
    connection: Connection = context.obj()
    return Api(connection, key=connection.server_key)
