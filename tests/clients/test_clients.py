"""Real clients as their registries have them, on the deployed stack: what they say arrives once, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.clients.documented import snippets
from tests.clients.roster import CLIENTS, DRIVERS, is_required, missing
from tests.clients.session import Session
from tests.clients.verdicts import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.state import Stack

    type Property = Callable[[str, object], None]

MATRIX = [(client.name, behaviour) for client in CLIENTS for behaviour in client.behaviours]


@pytest.fixture(scope="module")
def session(stack: Stack, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Everything was sent and judged: by those clients that this run asks for and that are here."""
    asked = {
        item.callspec.params["client"]
        for item in request.session.items
        if hasattr(item, "callspec") and "client" in item.callspec.params
    }
    present = [client for client in CLIENTS if client.name in asked and not missing(client)]
    session = Session(stack, present, tmp_path_factory.mktemp("clients"))
    session.run()
    return session


@pytest.mark.cloud
@pytest.mark.slow
@pytest.mark.parametrize(("client", "behaviour"), MATRIX)
def test_what_a_client_says_arrives_once_and_whole(
    client: str, behaviour: str, record_property: Property, request: pytest.FixtureRequest
) -> None:
    record_property("client", client)
    record_property("behaviour", behaviour)
    [absent] = [missing(one) for one in CLIENTS if one.name == client]
    if absent and not is_required():
        pytest.skip(absent)
    assert not absent
    session: Session = request.getfixturevalue("session")
    assert problems_of(session.scenarios[client, behaviour]) == []


def test_every_client_is_documented() -> None:
    assert set(snippets()) == {client.name for client in CLIENTS}


def test_the_documented_fetch_is_the_one_that_is_tested() -> None:
    lines = (DRIVERS / "patient_fetch.mjs").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("//")).replace("export async", "async")
    assert text in (DRIVERS.parents[2] / "docs" / "collect.md").read_text()
