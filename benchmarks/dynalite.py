"""DynamoDB's units as reckoned here beside what dynalite counts for the same calls: `make bench TOPIC=units`.

process_events runs over a short stream; each call of its profile store goes to `tables.Bill` and, one by one, to
dynalite (https://github.com/architect/dynalite), which its authors test against DynamoDB itself. It cannot do two
things, and these stay reckoned by what AWS documents:

- transactions: their puts are sent singly, and what it counts for these is doubled, as are units in a transaction
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html);
- what a put costs in an index: it keeps the index and counts nothing for it
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html, "Write capacity units").

Strings are sized by characters there, by bytes of UTF-8 on AWS and here: the same for what these tables hold.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from benchmarks import process_run, streams, tables
from benchmarks.definitions import TWO_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = "make bench TOPIC=units"
EVENTS: Final = 30_000
PEOPLE: Final = 2_000
BATCH: Final = 500
#: fewer commits than this prove little
COMMITS: Final = 3_000

#: says on which free port it listens; it ends with this process, whose end closes its standard input
_SERVER: Final = """
const server = require('dynalite')({createTableMs: 0}).listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
"""


class Mirror:
    """Sends what it hears to dynalite, and adds up what both say it costs, in units of one outside a transaction."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        #: by table and kind of call
        self.reckoned: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        #: calls that cost there what they do not cost here
        self.different: Counter[str] = Counter()

    def put(self, put: dict[str, Any], units: int, price: int) -> None:
        """Under its condition, which must hold."""
        answer = self._client.put_item(**put, ReturnConsumedCapacity="INDEXES")
        kind = "put" if price == 1 else "put in a transaction"
        self._add(f"{put['TableName']}, {kind}", units * price, answer["ConsumedCapacity"]["CapacityUnits"] * price)

    def get(self, table: str, request: dict[str, Any], units: float) -> None:
        """As one batch."""
        wanted: Any = {table: request}
        answer = self._client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="INDEXES")
        if answer["UnprocessedKeys"]:
            raise RuntimeError(f"dynalite left keys of {table} unread")
        kind = "consistent read" if request["ConsistentRead"] else "read"
        self._add(f"{table}, {kind}", units, answer["ConsumedCapacity"][0]["CapacityUnits"])

    def _add(self, what: str, reckoned: float, counted: float) -> None:
        # halves are exact in a float, and a Counter adds floats as well
        self.reckoned[what] += reckoned  # type: ignore[assignment]
        self.counted[what] += counted  # type: ignore[assignment]
        self.calls[what] += 1
        self.different[what] += reckoned != counted


@contextmanager
def dynalite() -> Iterator[DynamoDBClient]:
    """A client of one that keeps everything in memory, on a free port of this machine, with the tables of the bill."""
    node = Path(sys.executable).with_name("node")
    with subprocess.Popen(
        [node, "-e", _SERVER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            if server.stdout is None or not (port := server.stdout.readline().strip()):
                raise RuntimeError("dynalite does not start; `make setup` installs it")
            client = boto3.client(
                "dynamodb",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name="us-east-1",
                aws_access_key_id="none",
                aws_secret_access_key="none",  # noqa: S106 (not a secret)
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
            for table, keys in tables.KEYS.items():
                _create(client, table, keys)
            yield client
        finally:
            server.terminate()


def _create(client: DynamoDBClient, table: str, keys: tuple[str, ...]) -> None:
    due: dict[str, Any] = {
        "IndexName": "due",
        "KeySchema": _schema(tables.INDEX),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    indexed = table == tables.PROFILES
    kinds = dict.fromkeys(keys, "S") | ({"due_shard": "S", "due_at": "N"} if indexed else {})
    wanted: dict[str, Any] = {
        "TableName": table,
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        "BillingMode": "PAY_PER_REQUEST",
    }
    client.create_table(**wanted | ({"GlobalSecondaryIndexes": [due]} if indexed else {}))
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


@functools.cache
def measured() -> tuple[Mirror, process_run.Outcome]:
    """One run over a stream of its own."""
    with tempfile.TemporaryDirectory() as folder, dynalite() as client:
        path = Path(folder) / "stream"
        plan = streams.Plan(events=EVENTS, profiles=PEOPLE)
        with path.open("wb") as file:
            streams.write(plan, streams.sessions(plan), file)
        bench = process_run._Bench(  # noqa: SLF001 (the process benchmark's own run)
            process_run.Run(path=str(path), batch=BATCH, events=EVENTS, segments=TWO_RULES, store="bill")
        )
        mirror = Mirror(client)
        bench.bill.listeners.append(mirror)
        return mirror, bench.measure()


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them: units, and calls on whose units the two do not agree."""
    mirror, outcome = measured()
    found = [_figure("commits", outcome.commits, "commits", holds=outcome.commits >= COMMITS)]
    for what, units in sorted(mirror.reckoned.items()):
        theirs = mirror.counted[what]
        found.append(_figure(what, units, "units", baseline=theirs, ratio=round(units / theirs, 4)))
        found.append(_figure(f"{what}: other units", mirror.different[what], f"of {mirror.calls[what]:,} calls", bar=0))
    return found


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<52}{'reckoned':>12}{'dynalite':>12}{'ratio':>8}")
    for one in figures():
        baseline, ratio = ("" if one[name] is None else f"{one[name]:,}" for name in ("baseline", "ratio"))
        verdict = {True: "holds", False: "FAILS", None: ""}[one["holds"]]
        print(f"{one['figure']:<52}{one['value']:>12,}{baseline:>12}{ratio:>8} {one['unit']} {verdict}")


def _figure(
    name: str,
    value: float,
    unit: str,
    *,
    baseline: float | None = None,
    ratio: float | None = None,
    bar: float | None = None,
    holds: bool | None = None,
) -> dict[str, Any]:
    verdict = value <= bar if bar is not None else holds
    figure = {"figure": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio}
    return figure | {"bar": bar, "holds": verdict, "command": COMMAND}
