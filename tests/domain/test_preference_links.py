"""Links under which people decide: whoever alters one, however little, holds none."""

from __future__ import annotations

import base64
import hmac
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.consent.preference_links import PreferenceLink, link_token, read_link
from attune.domain.errors import AttuneError
from tests.builders import NOW, SECRET, key_of

UNTIL = NOW // 1_000 + 60
LINK = PreferenceLink(
    identity_key=key_of("email", "ada@example.com"), expires_at=UNTIL, made_at=NOW, source="storefront"
)
TOKEN = link_token(SECRET, LINK)

links = st.builds(
    PreferenceLink,
    identity_key=st.binary(min_size=16, max_size=16).map(bytes.hex),
    expires_at=st.integers(UNTIL, 2**40 - 1),
    made_at=st.integers(0, 2**48 - 1),
    source=st.from_regex("[a-z][a-z0-9_-]{0,63}", fullmatch=True),
)


def refusal(token: str, now: int = NOW, secret: bytes = SECRET) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        read_link(secret, token, now)
    return caught.value.status, caught.value.code


@given(links)
def test_what_is_signed_is_read_again(link: PreferenceLink) -> None:
    token = link_token(SECRET, link)
    assert read_link(SECRET, token, NOW) == link
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")


def test_a_token_tells_nothing_of_whom_it_is_for() -> None:
    said = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    assert b"ada" not in said
    assert b"example" not in said


def test_it_works_until_the_second_in_which_it_expires() -> None:
    assert read_link(SECRET, TOKEN, UNTIL * 1_000 - 1) == LINK
    assert refusal(TOKEN, UNTIL * 1_000) == (410, "link_expired")


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_no_letter_of_a_token_is_idle(place: int) -> None:
    """Another letter in any place, and so every bit of it; and the same letters cut off there."""
    for other in string.ascii_letters + string.digits + "-_+/=. ":
        if other != TOKEN[place]:
            assert refusal(TOKEN[:place] + other + TOKEN[place + 1 :]) == (403, "invalid_link")
    assert refusal(TOKEN[:place]) == (403, "invalid_link")


@pytest.mark.parametrize("added", ["=", "==", "A", "AAAA", " ", "\n", "/", "\0", "é"])
def test_nothing_may_be_added(added: str) -> None:
    assert refusal(TOKEN + added) == (403, "invalid_link")
    assert refusal(added + TOKEN) == (403, "invalid_link")


@given(st.text(max_size=300) | st.binary(max_size=150).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_whatever_else_comes_is_no_link(token: str) -> None:
    assert refusal(token) == (403, "invalid_link")


def test_an_expired_link_that_was_altered_is_told_no_more_than_any_other() -> None:
    late = link_token(SECRET, msgspec.structs.replace(LINK, expires_at=1))
    assert refusal(late) == (410, "link_expired")
    assert refusal(late[:-1] + ("A" if late[-1] != "A" else "E")) == (403, "invalid_link")


def test_another_deployment_s_links_do_not_work_here() -> None:
    assert refusal(link_token(b"another secret", LINK)) == (403, "invalid_link")


def test_what_signs_identities_signs_no_link() -> None:
    """Whoever could have any text made an identity key has not got a signature, nor a part of one, by that."""
    said = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))[:-32]
    forged = base64.urlsafe_b64encode(said + hmac.digest(SECRET, said, "sha256")).decode().rstrip("=")
    assert refusal(forged) == (403, "invalid_link")
