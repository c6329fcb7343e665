"""Files of addresses from the command line: what goes to the API, in which calls, and what is said of a wrong file."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.address_files import read_file
from tests.cli.conftest import Api, Attune
from tests.functions.management import ADMIN

FAST = ("--rate", "1000000")


@pytest.fixture
def shop(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> Attune:
    """The command, with a server key of a shop."""
    api.deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    made = api.deployment.call("POST", "/v1/sources/shop/keys", {"type": "server"}, key=ADMIN)
    monkeypatch.setenv("ATTUNE_SERVER_KEY", made.body["key"])
    return attune


def file(path: str, text: str) -> Path:
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def said(api: Api) -> Counter[tuple[str, str, bool]]:
    """Whom the stream puts on which list, or takes off."""
    events = [one for record in api.deployment.records() for one in record["events"]]
    return Counter(
        (":".join(one["identifiers"][0]), one["properties"]["list"], one["properties"]["on"]) for one in events
    )


# --------------------------------------------------------------------------------------------------- what is sent


def test_everybody_in_a_file_goes_onto_the_list_in_as_many_calls_as_it_takes(shop: Attune, api: Api) -> None:
    people = file("people.csv", "".join(f"user_id:u{number}\n" for number in range(501)))
    ran = shop("lists", "add", "vips", people, *FAST)
    assert (ran.code, ran.out) == (0, "vips: 501 addresses, of which nobody has 501\n")
    assert "whom nobody knows is on no list" in ran.err
    assert api.requests.count(("POST", "/v1/lists/vips")) == 2
    assert said(api) == {(f"user_id:u{number}", "vips", True): 1 for number in range(501)}
    assert len({one["time"] for record in api.deployment.records() for one in record["events"]}) == 1


def test_everybody_in_a_file_comes_off_the_list(shop: Attune, api: Api) -> None:
    ran = shop("lists", "remove", "vips", file("people.csv", "email:Ada@Example.com\n"), *FAST)
    assert ran.code == 0
    assert said(api) == {("email:ada@example.com", "vips", False): 1}


def test_of_two_files_only_the_difference_is_sent_and_who_comes_off_first(shop: Attune, api: Api) -> None:
    old = file("old.csv", "email:a@b.com\nemail:b@b.com\n")
    new = file("new.csv", "email,phone\nB@b.com,\nc@b.com,+49 170 1234567\n")
    ran = shop("lists", "replace", "vips", new, "--previous", old, *FAST)
    assert (ran.code, ran.out) == (0, "vips: 3 addresses, of which nobody has 3\n")
    assert said(api) == {
        ("email:a@b.com", "vips", False): 1,
        ("email:c@b.com", "vips", True): 1,
        ("phone:+491701234567", "vips", True): 1,
    }
    by_time = sorted(
        (one["time"], one["properties"]["on"]) for record in api.deployment.records() for one in record["events"]
    )
    assert [on for _, on in by_time] == [False, True, True]
    assert by_time[0][0] < by_time[1][0] == by_time[2][0]


def test_two_files_that_name_the_same_are_no_reason_to_call(shop: Attune, api: Api) -> None:
    old, new = file("old.csv", "email:a@b.com\nuser_id:u1\n"), file("new.csv", "user_id:u1\nemail:A@B.com\n")
    ran = shop("lists", "replace", "vips", new, "--previous", old)
    assert (ran.code, ran.out, ran.err) == (0, "", "nothing was sent: both files name the same\n")
    assert not any(path.startswith("/v1/lists") for _, path in api.requests)


def test_since_when_is_said_where_it_was_asked_for(shop: Attune, api: Api) -> None:
    people = file("people.csv", "user_id:u1\n")
    assert shop("lists", "add", "vips", people, "--effective-at", "2025-06-15T15:06:40Z").code == 0
    [record] = api.deployment.records()
    assert record["events"][0]["time"] == 1_750_000_000_000


def test_the_stream_is_left_room_for_others(shop: Attune) -> None:
    """Two addresses a second: the second call of these waits."""
    long = "x" * 490
    people = file("people.csv", "".join(f"user_id:{long}{number:03}\n" for number in range(162)))
    done = threading.Event()
    timer = threading.Timer(0.5, done.set)
    timer.start()
    assert shop("lists", "add", "vips", people, "--rate", "300").code == 0
    assert done.is_set()
    timer.join()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("email:a@b.com", ["email:a@b.com"]),
        ("\ufeffemail:a@b.com\r\n\r\n  user_id:u1  \r\n", ["email:a@b.com", "user_id:u1"]),
        ("address\nemail:a@b.com\n", ["email:a@b.com"]),
        ("email\nA@B.com\n\n", ["email:a@b.com"]),
        ("email, phone ,crm_id\na@b.com,,7\n,+49 170 123456\n", ["email:a@b.com", "crm_id:7", "phone:+49170123456"]),
        ('"user_id:a,b"\n"user_id:c ""d"""\n', ["user_id:a,b", 'user_id:c "d"']),
        ("user_id:a:b\n", ["user_id:a:b"]),
    ],
)
def test_a_file_is_a_column_of_addresses_or_has_a_header(tmp_path: Path, text: str, addresses: list[str]) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode())
    assert list(read_file(path)) == addresses


# ----------------------------------------------------------------------------------------------- what is not sent


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("user_id:u1\nu2\nemail:nobody\n", ["2", "3"]),
        ("email\na@b.com\nanonymous\n", ["3"]),
        ("email,phone\na@b.com,+49170123456,x\n", ["2"]),
        ("user_id:u1,user_id:u2\n", ["1"]),
        ('user_id:u1\n"user_id:u2\nx"\nuser_id:\n', ["3", "4"]),
        ('user_id:u1\n"user_id:u2\n', ["2"]),
    ],
)
def test_a_wrong_line_is_named_and_nothing_of_the_file_is_sent(
    offline: Attune, text: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_SERVER_KEY", "a key")
    people = file("people.csv", text)
    ran = offline("lists", "add", "vips", people)
    assert ran.code == 1
    for line in lines:
        assert f"people.csv:{line}: " in ran.err
    assert "cannot be reached" not in ran.err


def test_of_very_many_wrong_lines_some_are_named(offline: Attune) -> None:
    ran = offline("lists", "add", "vips", file("people.csv", "user_id:u1\n" + "nobody\n" * 30))
    assert "people.csv:21: " in ran.err
    assert "people.csv:22: " not in ran.err
    assert ran.err.endswith("people.csv: 10 more\n")


@pytest.mark.parametrize(("data", "why"), [(b"", "holds no addresses"), (b"email\n\xff\xfe@b.com\n", "is not UTF-8")])
def test_what_is_no_file_of_addresses_is_said_to_be_none(offline: Attune, data: bytes, why: str) -> None:
    Path("people.csv").write_bytes(data)
    ran = offline("lists", "add", "vips", "people.csv")
    assert ran.code == 1
    assert why in ran.err


def test_a_name_that_no_list_has_is_refused_by_the_api(shop: Attune, api: Api) -> None:
    ran = shop("lists", "add", "VIPs", file("people.csv", "user_id:u1\n"))
    assert ran.code == 1
    assert "invalid_list" in ran.err
    assert said(api) == {}


# --------------------------------------------------------------------------------- what the stream does not take


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[Any], list[int]]]:
    """An API that answers as told, 202 once there is nothing left to tell; what it was asked."""
    bodies: list[Any] = []
    statuses: list[int] = []

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            status = statuses.pop(0) if statuses else 202
            taken = {"accepted": 500, "unknown": 0, "effective_at": "2025-06-15T15:06:40.000Z"}
            body = json.dumps(taken if status == 202 else {"code": "unavailable", "message": "later"}).encode()
            self.send_response(status)
            self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", bodies, statuses
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def patient(bare: Attune, refusing: Any, monkeypatch: pytest.MonkeyPatch) -> Attune:
    monkeypatch.setenv("ATTUNE_API_URL", refusing[0])
    monkeypatch.setenv("ATTUNE_SERVER_KEY", "a key")
    return bare


def test_a_call_that_the_stream_does_not_take_is_the_same_when_it_is_sent_again(patient: Attune, refusing: Any) -> None:
    _, bodies, statuses = refusing
    statuses += [202, 503, 503]
    people = file("people.csv", "".join(f"user_id:u{number}\n" for number in range(1_000)))
    assert patient("lists", "add", "vips", people, *FAST).code == 0
    assert bodies[1] == bodies[2] == bodies[3]
    assert bodies[1]["effective_at"] == "2025-06-15T15:06:40.000Z"
    assert len(bodies) == 4


def test_who_gives_up_says_how_far_it_came(patient: Attune, refusing: Any) -> None:
    _, bodies, statuses = refusing
    statuses += [202, *[503] * 10]
    people = file("people.csv", "".join(f"user_id:u{number}\n" for number in range(1_000)))
    ran = patient("lists", "add", "vips", people, *FAST)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "attune: unavailable: later\n500 of 1,000 addresses were taken; run it again: nothing counts twice\n"
    )
    assert len(bodies) == 7
