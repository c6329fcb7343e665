"""The learning loop, told: a history through the API, a training, and what comes back to the customers."""

import gzip
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from local.demo.report import Report
from local.demo.shop import EVERYTHING, SHIRT, Shop
from local.demo.shoppers import HABITS, batches, history
from local.state import ROOT

MODEL: Final = "shopper_clusters"
SEGMENT: Final = "vip_by_cluster"
SHOPPERS: Final = 3_000
#: seconds: for the history to be folded; for a run; for a score to come back; for functions to know a new model
FOLDED_WITHIN: Final = 300
TRAINED_WITHIN: Final = 420
SCORED_WITHIN: Final = 120
SERVED_WITHIN: Final = 90


@dataclass
class Learning:
    """One telling, on whatever the stack has seen before; `run` makes the newcomer a new one."""

    shop: Shop
    report: Report
    run: str
    shoppers: int = SHOPPERS

    def tell(self) -> None:
        """Everything in order."""
        self.report.chapter("What the shop learns from its history")
        if self.seed() and self.train():
            self.scores_come_back()
            self.newcomer()

    def seed(self) -> bool:
        """Two years of a few thousand shoppers, through the public API with the server key."""
        since = time.monotonic()
        told = list(history(self.shoppers, _now()))
        newest = told[-1][0]
        if self.shop.profile("user_id", newest) is None:
            sent = 0
            for body in batches(self.shoppers, _now()):
                self.shop.send_batch(gzip.compress(body))
                sent += len(body)
                self.report.say(f"{sent / 1_000_000:.1f} MB of history sent")
        events = sum(len(done) for _, _, done in told)
        seen = self.report.eventually(
            lambda: self.shop.profile("user_id", newest), lambda found: found is not None, FOLDED_WITHIN, "folding it"
        )
        return self.report.check(
            f"{events:,} events of {self.shoppers:,} shoppers went through the API and the stream",
            f"the last of them, {newest}, has a profile",
            f"profile_id {(seen or {}).get('profile_id')}",
            ok=seen is not None,
            since=since,
        )

    def train(self) -> bool:
        """`attune models train --wait`, as an operator runs it."""
        since = time.monotonic()
        environment = {"ATTUNE_API_URL": self.shop.stack.api_url, "ATTUNE_ADMIN_KEY": self.shop.stack.admin_key}
        done = subprocess.run(
            [sys.executable, "-m", "cli", "models", "train", "--wait"],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=TRAINED_WITHIN,
        )
        for line in done.stdout.splitlines():
            self.report.say(line)
        model = self._model()
        clusters = [f"{one['name']} {one['share']:.0%}" for one in model.get("clusters", [])]
        if clusters:
            self.report.say(f"clusters: {', '.join(clusters)}")
        return self.report.check(
            "a model was trained on the lake, and serves",
            f"the run succeeds, {MODEL} serves, one of its clusters is vip",
            f"exit {done.returncode} {done.stderr.strip()}; {model.get('state')}; {clusters}",
            ok=done.returncode == 0
            and model.get("state") == "serving"
            and any(one["name"] == "vip" for one in model.get("clusters", [])),
            since=since,
        )

    def scores_come_back(self) -> None:
        """The best customer is in the cluster and the segment; who only looked in yesterday is not."""
        since = time.monotonic()
        best, newcomer = f"shopper-{_index('vip'):05d}", f"shopper-{_index('newcomer'):05d}"
        seen = self.report.eventually(
            lambda: [self._seen(user_id) for user_id in (best, newcomer)],
            lambda both: all(one["score"] for one in both),
            SCORED_WITHIN,
            "scores are on the stream",
        )
        self.report.say(f"{best}: {seen[0]}")
        self.report.say(f"{newcomer}: {seen[1]}")
        self.report.check(
            "scores came back on the stream: the best customer is in the cluster vip and in its segment",
            f"{best} scored vip and in {SEGMENT}, {newcomer} scored otherwise and not in it",
            f"{seen}",
            ok=seen[0]["score"] == "vip"
            and SEGMENT in seen[0]["segments"]
            and seen[1]["score"] not in (None, "vip")
            and SEGMENT not in seen[1]["segments"],
            since=since,
        )

    def newcomer(self) -> None:
        """Somebody who was not there when the model was trained is scored with their first events."""
        since = time.monotonic()
        device = f"newcomer-{self.run}"

        def look() -> str | None:
            # a function learns of a new champion within a minute; until then each page is a new chance
            self.shop.visit(device, EVERYTHING).page("Home").view(SHIRT).end()
            time.sleep(2)
            profile = self.shop.profile("anonymous_id", device) or {}
            return _score(profile)

        score = self.report.eventually(look, lambda found: found is not None, SERVED_WITHIN, "browsing")
        self.report.check(
            "a visitor who came after the training was scored online",
            "a cluster, without another run",
            f"{score}",
            ok=score is not None,
            since=since,
        )

    def _model(self) -> dict[str, Any]:
        models = self.shop.admin("GET", "/v1/models")["models"]
        return next((one for one in models if one["name"] == MODEL), {})

    def _seen(self, user_id: str) -> dict[str, Any]:
        profile = self.shop.profile("user_id", user_id) or {}
        return {"score": _score(profile), "segments": profile.get("segments", [])}


def _score(profile: dict[str, Any]) -> str | None:
    score = profile.get("scores", {}).get(MODEL)
    return None if score is None else str(score["value"])


def _index(habit: str) -> int:
    return [one.name for one in HABITS].index(habit)


def _now() -> datetime:
    """The start of the hour: a telling that is broken off and begun again sends the same events."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
