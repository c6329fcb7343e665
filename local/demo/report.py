"""What the demo claims: each step with what was expected and what was seen, on the terminal and in demo.json."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from local.demo.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Step:
    """`seconds`: from the moment the step's cause was sent to the moment it was seen, or was given up."""

    step: str
    expected: str
    seen: str
    seconds: float
    ok: bool


@dataclass
class Report:
    """Collects steps and prints them as they happen."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    steps: list[Step] = field(default_factory=list)

    @property
    def failed(self) -> list[Step]:
        """Steps that did not happen as expected."""
        return [step for step in self.steps if not step.ok]

    def chapter(self, title: str) -> None:
        """Print a heading."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, line: str) -> None:
        """Print a line of progress."""
        self.console.print(f"  {line}", style="dim")

    def check(self, step: str, expected: str, seen: str, *, ok: bool, since: float) -> bool:
        """Note a step; `since` is a `time.monotonic` value."""
        done = Step(step, expected, seen, round(time.monotonic() - since, 1), ok)
        self.steps.append(done)
        mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
        self.console.print(f"  {mark} {step} [dim]({done.seconds} s)[/dim]")
        if not ok:
            self.console.print(f"      expected: {expected}\n      seen:     {seen}")
        return ok

    def eventually[T](self, look: Callable[[], T], good: Callable[[T], bool], seconds: float, waiting: str = "") -> T:
        """Look until what is seen is good or the time is over; answers what was seen last."""
        start = said = time.monotonic()
        while not good(seen := look()) and time.monotonic() - start < seconds:
            time.sleep(0.2)
            if waiting and time.monotonic() - said > 15:  # noqa: PLR2004 - often enough to see that it lives
                said = time.monotonic()
                self.say(f"{waiting} ({said - start:.0f} s so far)")
        return seen

    def write(self, path: Path, receiver: Receiver, extra: dict[str, Any]) -> None:
        """The whole story as JSON."""
        story = {
            "ok": not self.failed,
            "steps": [asdict(step) for step in self.steps],
            "webhooks": [asdict(one) | {"message": one.message} for one in receiver.received],
            "endpoint_secret": receiver.secret,
            **extra,
        }
        path.write_text(json.dumps(story, indent=2, ensure_ascii=False) + "\n")
        path.chmod(0o600)
