"""Stories told to a world second by second: the same is said at the same instants, whatever breaks meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.builders import SECOND, event

if TYPE_CHECKING:
    from attune.domain.events import Event
    from attune.domain.identifiers import Identifier
    from tests.faults.world import World


class Teller:
    """Says one thing after the other, each under a message id and in a second of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._number = 0

    def _do(self, name: str, *named: Identifier, **fields: Any) -> None:
        self._send(self._made(name, *named, **fields))

    def _made(self, name: str, *named: Identifier, **fields: Any) -> Event:
        self._number += 1
        return event(name, message_id=f"m{self._number}", time=self._later(), identifiers=named, **fields)

    def _later(self) -> int:
        """The next full second: how often anybody looked at the clock does not matter."""
        self.world.time.now = (self.world.time.now // SECOND + 1) * SECOND
        return self.world.time.now

    def _send(self, said: Event) -> None:
        self.world.send(said, received_at=said.time)
