"""The segment that the README defines in five lines does what the README says of it."""

from __future__ import annotations

import re
from pathlib import Path

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import Segment, snapshot
from attune.domain.profiles.state import decode_profile
from cli.apply import read_definitions
from tests.builders import DAY, HOUR, NOW, event, identify, segments_of
from tests.faults.world import World

README = Path(__file__).resolve().parents[2] / "README.md"


def read_segment(folder: Path) -> Segment:
    [block] = re.findall(r"^```yaml\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert block.count("\n") == 5
    file = folder / "segment.yaml"
    file.write_text(block)
    [(_, found)] = read_definitions([file])
    assert isinstance(found, Segment)
    assert list(check(found, snapshot((found,)))) == []
    return found


def test_three_looks_lead_in_and_an_order_or_the_clock_leads_out(tmp_path: Path) -> None:
    found = read_segment(tmp_path)
    world = World(found, tick=0)

    def now_in(offset: int, name: str = "") -> bool:
        world.settle(until=NOW + offset)
        world.time.now = NOW + offset
        if name:
            world.send(event(name, time=NOW + offset, identifiers=identify().identifiers))
        world.wake()
        world.settle()
        [profile] = [decode_profile(item.state) for item in world.live_items()]
        return found.id in segments_of(profile)

    assert [now_in(hour * HOUR, "Product Viewed") for hour in range(3)] == [False, False, True]
    assert now_in(DAY - 1)
    assert not now_in(DAY)
    assert [now_in(3 * DAY + look, "Product Viewed") for look in range(3)] == [False, False, True]
    assert not now_in(3 * DAY + HOUR, "Order Completed")
