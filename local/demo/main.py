"""From a fresh clone to a verified campaign webhook: the stack, the shop's definitions, the story, the verdict."""

import argparse
import secrets
import sys
import time
from pathlib import Path

import yaml

from local import first_steps
from local.demo.collecting import Collecting
from local.demo.learning import Learning
from local.demo.receiver import Receiver
from local.demo.report import Report
from local.demo.shop import SHOPIFY_SOURCE, Shop
from local.demo.story import CART_TIMER, Story
from local.stack import DEFAULT_STATE, up
from local.state import StateDirectory

FAULTS = ("consent", "order", "signature")
#: what the endpoint verifies with where the fault is `signature`
WRONG_SECRET = "whsec_" + "A" * 43 + "="
#: the segment that the reminder of the definitions goes by, and the one of the demo
LEFT_CART, LEFT_CART_SOON = "abandoned_cart", "abandoned_cart_soon"
CAMPAIGNS = "campaigns.yaml"


def main(arguments: list[str]) -> int:
    """Run the demo; 1 if any step did not really happen."""
    parser = argparse.ArgumentParser(prog="attune demo", description=__doc__)
    parser.add_argument("--break", dest="fault", choices=FAULTS, help="plant a fault; the demo must notice it")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE.path, help="where the stack keeps its files")
    chosen = parser.parse_args(arguments)
    state = StateDirectory(chosen.state.resolve())
    report = Report()
    receiver = Receiver()
    run = str(int(time.time()))
    try:
        report.chapter("The local cloud: an emulator, `cdk deploy` of the whole app, the API on a port of its own")
        stack = up(state, say=report.say)
        shop = Shop(stack, shopify_secret=f"shpss_{secrets.token_hex(16)}")
        prepare(shop, receiver, state, chosen.fault)
        Story(shop, receiver, report, run, chosen.fault).tell()
        if chosen.fault is None:
            collecting = Collecting(shop, report, run)
            collecting.tell()
            Learning(shop, report, run).tell()
            collecting.books()
    except Exception as error:  # noqa: BLE001 - whatever ends the story early is told as its end
        report.check(
            "the demo ran to its end", "no error", f"{type(error).__name__}: {error}", ok=False, since=time.monotonic()
        )
    finally:
        state.create()
        report.write(state.path / "demo.json", receiver, {"run": run, "fault": chosen.fault, "endpoint": receiver.url})
        receiver.close()
    return verdict(report, state)


def prepare(shop: Shop, receiver: Receiver, state: StateDirectory, fault: str | None) -> None:
    """The shop's definitions with a short timer and the receiver's address, and the two sides' secrets."""
    folder = shortened_definitions(state.path / "demo-definitions", receiver.url)
    first_steps.apply_definitions(shop.stack, folder)
    shop.admin("PUT", f"/v1/sources/{SHOPIFY_SOURCE}/secrets", {"secrets": [shop.shopify_secret]})
    made = shop.admin("POST", "/v1/channels/shop_webhook/secrets")
    receiver.secret = WRONG_SECRET if fault == "signature" else made["secret"]
    # the functions look at definitions and secrets again after a few seconds
    time.sleep(first_steps.SETTLING)


def shortened_definitions(folder: Path, endpoint: str) -> Path:
    """The repository's definitions, but with a cart's timer that a demo can wait for, and the endpoint.

    The short timer is a segment of its own, which serves at once: a changed one would wait for its backfill.
    """
    for file in sorted(first_steps.DEFINITIONS.rglob("*.yaml")):
        documents = [document for document in yaml.safe_load_all(file.read_text()) if document]
        for document in list(documents):
            if document["id"] == LEFT_CART:
                when = document["when"] | {"after": f"{CART_TIMER}s"}
                documents.append(document | {"id": LEFT_CART_SOON, "when": when, "grace": "0s"})
            if document["kind"] == "channel":
                document["url"] = endpoint
        text = yaml.safe_dump_all(documents, sort_keys=False)
        if file.name == CAMPAIGNS:
            text = text.replace(LEFT_CART, LEFT_CART_SOON)
        copy = folder / file.relative_to(first_steps.DEFINITIONS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    return folder


def verdict(report: Report, state: StateDirectory) -> int:
    """Say how it went."""
    failed = report.failed
    report.console.print()
    for step in failed:
        report.console.print(
            f"[red]did not happen:[/red] {step.step}\n  expected: {step.expected}\n  seen: {step.seen}"
        )
    word = f"{len(report.steps) - len(failed)} of {len(report.steps)} steps happened"
    report.console.print(f"{word}; the story with every webhook is in {state.path / 'demo.json'}")
    if not failed:
        report.console.print("The stack is still running: `make up` says how to talk to it, `make down` stops it.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
