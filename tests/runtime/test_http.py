from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from attune.domain.errors import AttuneError
from attune.ports import StreamUnavailableError
from attune.runtime.http import Request, Response, basic_user, bearer, parse, reply, respond


def answer(endpoint: Any, event: dict[str, Any] | None = None) -> tuple[Response, list[Exception]]:
    failed: list[Exception] = []
    return respond(event or {}, endpoint, failed.append), failed


def raising(error: Exception) -> Any:
    def endpoint(_: Request) -> Response:
        raise error

    return endpoint


def test_a_callers_mistake_is_its_code_and_message() -> None:
    response, failed = answer(raising(AttuneError("too_many", "come later", status=429, retry_after=7)))
    assert response == Response(
        status=429, body={"code": "too_many", "message": "come later"}, headers={"retry-after": "7"}
    )
    assert failed == []


def test_a_stream_out_of_reach_is_503_with_a_time_to_come_again() -> None:
    response, failed = answer(raising(StreamUnavailableError()))
    assert (response.status, response.body["code"], response.headers) == (503, "unavailable", {"retry-after": "5"})
    assert failed == []


def test_a_service_out_of_reach_is_503_and_its_error_is_logged() -> None:
    error = EndpointConnectionError(endpoint_url="https://dynamodb")
    response, failed = answer(raising(error))
    assert (response.status, response.body["code"], response.headers) == (503, "unavailable", {"retry-after": "5"})
    assert failed == [error]


def test_the_unexpected_is_500_without_a_word_about_it() -> None:
    error = KeyError("ada@example.com")
    response, failed = answer(raising(error))
    assert (response.status, response.body["code"]) == (500, "internal")
    assert "ada" not in str(response)
    assert failed == [error]


def test_a_body_that_is_not_base64_as_declared_is_the_callers_mistake() -> None:
    response, _ = answer(lambda _: Response(), {"body": "%%%", "isBase64Encoded": True})
    assert (response.status, response.body["code"]) == (400, "invalid_body")


def test_the_raw_bytes_of_a_body_are_restored() -> None:
    raw = b"\x1f\x8b\x00\xff"
    assert parse({"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}).body == raw
    assert parse({"body": '{"a":"é"}', "isBase64Encoded": False}).body == '{"a":"é"}'.encode()
    assert parse({}).body == parse({"body": None}).body == b""


def test_header_names_are_lower_case_and_absent_parts_empty() -> None:
    request = parse({"routeKey": "GET /x", "headers": {"X-Write-Key": "k"}, "pathParameters": None})
    assert request == Request(route="GET /x", headers={"x-write-key": "k"})


@pytest.mark.parametrize(
    ("delivered", "meant"),
    [
        ("email:a@b.com", "email:a@b.com"),
        ("user_id:100%25", "user_id:100%"),
        ("user_id:a+b", "user_id:a+b"),
        ("user_id:%2541", "user_id:%41"),
        ("user_id:%41", "user_id:%41"),
    ],
)
def test_path_parameters_are_decoded_exactly_once(delivered: str, meant: str) -> None:
    assert parse({"pathParameters": {"profile": delivered}}).parameters == {"profile": meant}


def test_a_reply_is_json_that_nobody_may_cache() -> None:
    assert reply(Response(body={"success": True})) == {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": '{"success":true}',
    }


@pytest.mark.parametrize(
    ("header", "user", "token"),
    [
        (None, None, None),
        ("Bearer abc", None, "abc"),
        ("bearer  abc ", None, "abc"),
        ("Basic YTpi", "a", None),
        ("basic YQ==", "a", None),
        ("Basic !", "", None),
        ("Basic", "", None),
        ("Bearer", None, ""),
        ("Digest a", None, None),
    ],
)
def test_credentials_are_read_by_scheme(header: str | None, user: str | None, token: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    assert (basic_user(headers), bearer(headers)) == (user, token)
