"""People live while somebody operates the deployment: calls break, shards split and merge, the stream is replaced,
what was given up is put back, in any order that a state machine thinks of and can make shorter when it finds something.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.builders import HOUR, MINUTE, identifiers
from tests.faults.effort import LONG, examples
from tests.faults.simulator import Schedule
from tests.faults.test_schedules import Life, check_life
from tests.faults.troubles import HARSH, Armed, given_up, recreate_stream, replay_given_up
from tests.faults.wires import Fault, Moment

PEOPLE = 2
DEVICES = ("device-0", "device-1")


class Operations(RuleBasedStateMachine):
    """Rules act on the world; what is stored is judged after each, and what people are in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(1, people=PEOPLE, rate=0.0, shards=2, mapping=HARSH)
        self.world = self.life.world
        self.world.wire = self.wire = Armed()
        self.world._schedule = Schedule(again=0.0, parallel=2)
        self._steps = 0

    @rule(number=st.integers(0, PEOPLE - 1), device=st.integers(0, 1), named=st.booleans(), events=st.integers(1, 2))
    def visit(self, number: int, device: int, named: bool, events: int) -> None:
        person = self.life.people[number]
        names = {"user_id": f"user-{number}"} if named else {}
        claims = identifiers(anonymous_id=f"device-{number}-{device}", **names)
        self.life._send(person, [self.life._event(person, claims) for _ in range(events)])

    @precondition(lambda self: any(person.done for person in self.life.people))
    @rule(pick=st.integers(0, 99))
    def repeat(self, pick: int) -> None:
        """A client that got no answer."""
        sent = [(person, one) for person in self.life.people for one in person.done]
        person, one = sent[pick % len(sent)]
        self.life._send(person, [one], again=True)

    @rule()
    def work(self) -> None:
        self.world.settle()

    @rule(after=st.integers(0, 15), fault=st.sampled_from(Fault), moment=st.sampled_from(Moment))
    def break_something(self, after: int, fault: Fault, moment: Moment) -> None:
        self.wire.arm(after, fault, moment)

    @rule(again=st.sampled_from([0.0, 0.3]), zombie=st.sampled_from([0.0, 0.1]), nonsense=st.sampled_from([0.0, 0.2]))
    def change_the_weather(self, again: float, zombie: float, nonsense: float) -> None:
        self.world._schedule = Schedule(again=again, zombie=zombie, nonsense=nonsense, parallel=3)

    @rule(time=st.sampled_from([MINUTE, 20 * MINUTE, HOUR]))
    def wait(self, time: int) -> None:
        self.world.pass_time(time)

    @rule(pick=st.integers(0, 9))
    def split(self, pick: int) -> None:
        for mapping in (self.world.process, self.world.campaigns):
            places = mapping.open_shards()
            mapping.split(places[pick % len(places)])

    @rule(pick=st.integers(0, 9))
    def merge(self, pick: int) -> None:
        for mapping in (self.world.process, self.world.campaigns):
            places = mapping.open_shards()
            if len(places) > 1:
                left = pick % (len(places) - 1)
                mapping.merge(places[left], places[left + 1])

    @rule()
    def replace_the_stream(self) -> None:
        recreate_stream(self.world)

    @rule()
    def put_back_what_was_given_up(self) -> None:
        self.wire.left = None
        replay_given_up(self.world)

    @invariant()
    def tombstones_lead_to_somebody(self) -> None:
        items = {item.profile_id: item for item in self.world.profiles.all_items()}
        for profile_id, item in items.items():
            met, at = {profile_id}, item.merged_into
            while at is not None:
                assert at not in met
                met.add(at)
                at = items[at].merged_into

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        done = sum(len(person.done) for person in self.life.people)
        assert sum(state["events"] for state in self.world.states()) <= done

    def teardown(self) -> None:
        self.wire.left = None
        self.world._schedule = Schedule(again=0.0, parallel=1)
        self.life.end()
        while given_up(self.world) or self.world.campaigns.given_up:
            replay_given_up(self.world)
        check_life(self.life)


TestOperations = Operations.TestCase
TestOperations.settings = settings(
    derandomize=True,
    max_examples=examples(50, long=2_000),
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
