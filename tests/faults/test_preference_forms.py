"""Pages left open, forms sent twice, a stream that lags: what somebody refused stays refused until they allow it anew.

The judge knows nothing of hashes and holds: it remembers when each purpose was refused last, and lets a permission
count only if it was given on a page that was opened after that.
"""

from __future__ import annotations

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from attune.domain.definitions.purposes import DEFAULTS
from attune.domain.errors import AttuneError
from tests.builders import HOUR, NOW, SECOND, event, identifiers
from tests.faults.effort import examples
from tests.use_cases.test_manage_preferences import ADA, Desk

PURPOSES: Final = ("email", "sms", "advertising")
answers = st.dictionaries(st.sampled_from(PURPOSES), st.booleans(), min_size=1)


class Forms(RuleBasedStateMachine):
    """Ada, her link, and everybody who holds it."""

    @initialize(banner=answers)
    def begin(self, banner: dict[str, bool]) -> None:
        self.desk = Desk()
        consent = {"analytics": True, "personalization": True} | banner
        self.desk.processor.send(event(identifiers=ADA, consent=consent, time=NOW - HOUR))
        self.link = self.desk.made()
        #: what each page that was ever opened showed, and when
        self.pages: list[tuple[int, str]] = []
        #: when each purpose was refused last, while nobody has allowed it since on a page opened later
        self.refused: dict[str, int] = {name: 0 for name, granted in banner.items() if not granted}
        self.now = 0

    def later(self) -> None:
        self.now += 1
        self.desk.processor.now += SECOND

    @rule()
    def a_page_is_opened(self) -> None:
        self.later()
        self.pages.append((self.now, self.desk.seen(self.link)))

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), answer=answers)
    def a_form_is_sent(self, data: st.DataObject, answer: dict[str, bool]) -> None:
        """Of any page that was ever opened, any number of times."""
        opened, seen = data.draw(st.sampled_from(self.pages))
        self.later()
        accepted = True
        try:
            self.desk.manage.save(self.link, answer, seen)
        except AttuneError:  # `choices_changed`, and no other of its codes can come of these answers
            accepted = False
        for purpose, allow in answer.items():
            if not allow:
                self.refused[purpose] = self.now
            elif accepted and self.refused.get(purpose, -1) < opened:
                self.refused.pop(purpose, None)

    @rule()
    def mail_is_unsubscribed(self) -> None:
        self.later()
        self.desk.manage.unsubscribe(self.link)
        self.refused["email"] = self.now

    @rule(answer=answers)
    def a_banner_rides_along(self, answer: dict[str, bool]) -> None:
        """It may refuse, and never ends a refusal."""
        self.later()
        self.desk.processor.send(event(identifiers=ADA, consent=answer, time=self.desk.processor.now))
        self.refused |= {purpose: self.now for purpose, granted in answer.items() if not granted}

    @rule()
    def the_stream_catches_up(self) -> None:
        self.desk.catch_up()

    @invariant()
    def what_is_refused_is_not_allowed(self) -> None:
        if hasattr(self, "desk"):
            shown = self.desk.shown(self.link)
            assert not [purpose for purpose in self.refused if shown[purpose][0]]

    def teardown(self) -> None:
        """Once all is carried, what the page shows is what is recorded."""
        if hasattr(self, "desk"):
            self.desk.catch_up()
            recorded = self.desk.processor.profile("email", "ada@example.com").consent
            for purpose, (allowed, _) in self.desk.shown(self.link).items():
                assert allowed == (purpose in recorded and recorded[purpose].granted)


Forms.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=25, deadline=None, derandomize=True)
TestForms = Forms.TestCase


def test_all_purposes_of_the_machine_are_asked_for() -> None:
    assert set(PURPOSES) <= set(DEFAULTS)
    assert identifiers(email="ada@example.com") == ADA
