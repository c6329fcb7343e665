from __future__ import annotations

import json
import time

import pytest
from standardwebhooks import Webhook

from attune.adapters.standard_webhooks import sign

FIRST = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = '{"greeting": "Grüße, 你好"}'


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    headers = sign([FIRST], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_with_either_live_secret_verifies_the_bytes_that_were_sent() -> None:
    headers = sign([FIRST, SECOND], "msg_1", int(time.time()), BODY)
    for secret in (FIRST, SECOND):
        assert Webhook(secret).verify(BODY.encode(), headers) == json.loads(BODY)


@pytest.mark.parametrize("secrets", [[], ["whsec_"], ["whsec_!"], [FIRST, "whsec_a"]])
def test_nothing_is_signed_with_an_unusable_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (any ValueError keeps it from leaving unsigned)
        sign(secrets, "msg_1", 1, BODY)
