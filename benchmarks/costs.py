"""What Attune costs on AWS: at rest by the month, at work by the million events. Arithmetic only: it measures nothing.

Calls are counted from the code and the templates; prices are AWS's list prices for us-east-1 in US dollars, without
free tiers. Durations and sizes that no code fixes are assumptions, each one a constant here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

MILLION: Final = 1_000_000
GB: Final = 2**30
HOURS: Final = 730
MINUTES: Final = HOURS * 60
DAYS: Final = HOURS / 24

# Prices
SHARD_HOUR: Final = 0.015
SHARD_HOUR_LONGER: Final = 0.020  # retention beyond 24 hours, up to 7 days
PUT_UNIT: Final = 0.014 / MILLION  # each 25 KB of a record
WRITE: Final = 0.625 / MILLION  # 1 KB written
READ: Final = 0.125 / MILLION  # 4 KB read consistently; half of it eventually
API_CALL: Final = 1.00 / MILLION
INVOCATION: Final = 0.20 / MILLION
GB_SECOND: Final = 1.33334e-5  # arm64
SQS_CALL: Final = 0.40 / MILLION
FIREHOSE_GB: Final = 0.029
S3_GB_MONTH: Final = 0.023
S3_PUT: Final = 5.00 / MILLION
LOG_GB: Final = 0.50
TRACE: Final = 5.00 / MILLION
KMS_CALL: Final = 0.03 / 10_000
TRANSITION: Final = 0.025 / 1_000  # of a state machine
ATHENA_GB: Final = 5.00 / 1_024  # scanned; at least 10 MB a query
KEY, SECRET, ALARM, DASHBOARD, METRIC = 1.00, 0.40, 0.10, 3.00, 0.30  # a month each

# Counted from infra/ and the code
SECRETS, ALARMS, DUE_SHARDS, IDLE_METRICS = 4, 17, 16, 2
QUEUE_POLLS: Final = 5 * 3 * MINUTES  # Lambda keeps five long polls of 20 s on the delivery queue
TRACED: Final = 0.05  # X-Ray's default share beyond the first trace in a second
COMPACT_MB, TRAIN_MB, REFRESH_MB = 3_008, 3_008, 512
STEPS: Final = 8  # transitions of a learning run that has nothing to do: seven states, and the start
LEARNING_METRICS: Final = 4  # sent once a day: each is paid for an hour
WAVE: Final = 6_000  # scores in an invocation of refresh_scores; each wave costs three transitions
SCORES_PER_SECOND: Final = 500  # how fast a wave sends, with one shard
ROWS, ROWS_PER_SECOND, TURN = 500, 200, 600  # of a file: a chunk, the stream's share with one shard; seconds of a turn
IMPORT_MB: Final = 1_024

# Assumed
STREAM_EVENT, LAKE_ROW, LAKE_ROW_STORED = 1_300, 2_200, 1_200  # bytes for an event of 1 KB; stored: compressed
PROFILE_KB: Final = 2
IDENTIFIERS: Final = 2  # looked up for each commit; the cache, which saves most of it, is left out
IDENTITY_KB: Final = 0.2
NEW_IDENTIFIERS: Final = 0.1  # of commits: those that claim one, in a transaction, which costs double
REARMED: Final = 0.2  # of commits: those that move the profile in the due index (two writes of 1 KB)
LOG_LINE: Final = 350
METRIC_LINES: Final = 6  # of an invocation: outcomes, the segments that somebody entered or left, and how late
COLLECT_MS, PROCESS_MS, PROCESS_EVENT_MS, WAKE_MS, CAMPAIGN_MS, DELIVER_MS = 20, 20, 2, 300, 50, 300
IDLE_COMPACT_MS, IDLE_TRAIN_MS, IDLE_REFRESH_MS = 5_000, 15_000, 2_000  # mostly their start
# A learning run over a million profiles: a snapshot, a day of rows with its neighbours, queries of all days
COMPACT_MS, TRAIN_MS, EVENTS_PER_PROFILE, SCANNED = 600_000, 180_000, 100, 50  # bytes of an event in the columns read
SCORE_EVENT, SCORE_ROW, SCORE_ROW_STORED = 400, 700, 300  # bytes of `$score`, on the stream and in the lake


@dataclass(frozen=True, slots=True)
class Load:
    """How events come: in a request, in a process_events invocation, and how many commits each of them causes."""

    name: str
    events_per_request: int
    events_per_invocation: int
    commits_per_event: float


LOADS: Final = (
    Load("one event a request, every event a commit of its own", 1, 10, 1.0),
    Load("20 events a request, each request one commit", 20, 500, 0.05),
)


def compute(invocations: float, milliseconds: float, megabytes: int) -> float:
    """Dollars for Lambda on arm64."""
    return invocations * (INVOCATION + milliseconds / 1_000 * megabytes / 1_024 * GB_SECOND)


def at_rest() -> dict[str, float]:
    """Dollars a month with nobody there, by what they pay for."""
    # wake_profiles: its marks, the index twice for each due shard (who is new, who was just passed), its marks again
    looks = READ + 2 * DUE_SHARDS * READ / 2 + WRITE
    return {
        "Kinesis: 1 shard": SHARD_HOUR * HOURS,
        "KMS: 1 key (2 more after its first and second yearly rotation)": KEY,
        "Secrets Manager: 4 secrets": SECRETS * SECRET,
        "CloudWatch: 17 alarms": ALARMS * ALARM,
        "CloudWatch: 1 dashboard": DASHBOARD,
        "CloudWatch: 2 metrics, log lines and traces of wake_profiles": (
            IDLE_METRICS * METRIC + MINUTES * (2 * LOG_LINE / GB * LOG_GB + TRACE)
        ),
        "wake_profiles: DynamoDB": MINUTES * looks,
        "wake_profiles: Lambda": compute(MINUTES, WAKE_MS, 512),
        "SQS: Lambda's polls of the delivery queue": QUEUE_POLLS * SQS_CALL,
        # the tables' and the log's for wake_profiles, the two streams' for Lambda, which polls them
        "KMS: requests, one in five minutes for each of four users": 4 * MINUTES / 5 * KMS_CALL,
        "learning: a run a day that finds nothing new": DAYS * learning_at_rest(),
    }


def learning_at_rest() -> float:
    """Dollars for a run over an empty lake: starts of functions, a query at the least, their metrics."""
    lambdas = (
        compute(1, IDLE_COMPACT_MS, COMPACT_MB)
        + compute(1, IDLE_TRAIN_MS, TRAIN_MB)
        + compute(1, IDLE_REFRESH_MS, REFRESH_MB)
    )
    return lambdas + STEPS * TRANSITION + 10 / 1_024 * ATHENA_GB + LEARNING_METRICS * METRIC / HOURS


def learning(profiles: int) -> dict[str, float]:
    """Dollars for one learning run over so many profiles, by what they pay for."""
    share, waves = profiles / MILLION, ceil(profiles / WAVE)
    return {
        # the snapshot, graves before it and for each model that takes over, and those learnt from, consistently
        "scans of profiles: DynamoDB": profiles * PROFILE_KB / 4 * READ * (4 / 2 + 1),
        "scans for holds: DynamoDB": 2 * profiles * IDENTIFIERS * IDENTITY_KB / 4 * READ,
        "compact_lake, train_models: Lambda": (
            compute(1, COMPACT_MS * share, COMPACT_MB) + compute(1, TRAIN_MS * share, TRAIN_MB)
        ),
        "Athena": profiles * EVENTS_PER_PROFILE * SCANNED / GB * ATHENA_GB,
        "refresh_scores: Lambda and transitions": (
            compute(waves, WAVE / SCORES_PER_SECOND * 1_000, REFRESH_MB) + (STEPS + 3 * waves) * TRANSITION
        ),
        "scores: Kinesis": profiles * ceil(SCORE_EVENT / 25_600) * PUT_UNIT,
        "scores: process_events": compute(profiles / 500, PROCESS_MS + PROCESS_EVENT_MS * 500, 1_024),
        "scores: DynamoDB": profiles * (PROFILE_KB * WRITE + READ / 2),
        "scores: may they be told": profiles * (1 + IDENTIFIERS) * READ,
        "scores: lake": profiles * (SCORE_ROW * FIREHOSE_GB + SCORE_ROW_STORED * S3_GB_MONTH) / GB,
    }


def at_work(load: Load) -> dict[str, float]:
    """Dollars for a million events of 1 KB, by what they pay for; the lake's storage for its first month."""
    requests = MILLION / load.events_per_request
    invocations = MILLION / load.events_per_invocation
    commits = MILLION * load.commits_per_event
    written = PROFILE_KB + 2 * REARMED + NEW_IDENTIFIERS * (PROFILE_KB + 2)
    logs = requests * 2 * LOG_LINE + invocations * METRIC_LINES * LOG_LINE
    return {
        "API Gateway": requests * API_CALL,
        "collect_events: Lambda": compute(requests, COLLECT_MS, 512),
        "Kinesis: PUT units": requests * ceil(load.events_per_request * STREAM_EVENT / 25_600) * PUT_UNIT,
        "process_events: Lambda": compute(
            invocations, PROCESS_MS + PROCESS_EVENT_MS * load.events_per_invocation, 1_024
        ),
        "DynamoDB: writes": commits * written * WRITE,
        "DynamoDB: reads": commits * (IDENTIFIERS + 1) * READ / 2,
        "lake: Firehose and S3": MILLION * (LAKE_ROW * FIREHOSE_GB + LAKE_ROW_STORED * S3_GB_MONTH) / GB,
        "CloudWatch logs": logs / GB * LOG_GB,
        "X-Ray": (requests + invocations) * TRACED * TRACE,
    }


def deliveries() -> float:
    """Dollars for a million messages sent at the first attempt (bodies up to 2 KB, four identifiers a profile)."""
    reads = (1 + 4) + (1 + 1 + 4)  # profile and holds; then delivery, profile and holds
    writes = 3 * 3  # the claim, the attempt, the outcome: 3 KB each
    queue = 3  # send, receive, delete
    lambdas = compute(MILLION / 5, CAMPAIGN_MS, 512) + compute(MILLION, DELIVER_MS, 512)
    return MILLION * (reads * READ + writes * WRITE + queue * SQS_CALL) + lambdas


def imports() -> float:
    """Dollars for a million rows of a file, each of somebody else, until they are on the stream."""
    seconds = MILLION / ROWS_PER_SECOND
    turns = ceil(seconds / TURN)
    lambdas = compute(turns, seconds / turns * 1_000, IMPORT_MB)
    return lambdas + MILLION / ROWS * S3_PUT + (3 + 3 * turns) * TRANSITION + MILLION * PUT_UNIT


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    rest = sum(at_rest().values())
    return [
        _figure("at rest", rest, "USD/month", bar=20.0),
        _figure("at rest, with 7 days of retention", rest + SHARD_HOUR_LONGER * HOURS, "USD/month", bar=None),
        *(_figure(load.name, sum(at_work(load).values()), "USD/million events", bar=None) for load in LOADS),
        _figure("messages", deliveries(), "USD/million deliveries", bar=None),
        _figure("rows of files, onto the stream", imports(), "USD/million rows", bar=None),
        _figure("a learning run", sum(learning(MILLION).values()), "USD/million profiles", bar=None),
    ]


def _figure(name: str, value: float, unit: str, *, bar: float | None) -> dict[str, Any]:
    return {
        "figure": name,
        "value": round(value, 2),
        "unit": unit,
        "baseline": None,
        "ratio": None,
        "bar": bar,
        "holds": None if bar is None else value <= bar,
        "command": "make bench TOPIC=costs",
    }


def show() -> None:
    """Print what adds up to the figures."""
    print(f"at rest, USD a month: {sum(at_rest().values()):.2f}")
    _table(at_rest())
    for load in LOADS:
        print(f"\na million events, {load.name}, USD: {sum(at_work(load).values()):.2f}")
        _table(at_work(load))
    print(f"\na million messages, USD: {deliveries():.2f}")
    print(f"\na million rows of files, onto the stream, USD: {imports():.2f}")
    print(f"\na learning run over a million profiles, USD: {sum(learning(MILLION).values()):.2f}")
    _table(learning(MILLION))


def _table(items: dict[str, float]) -> None:
    for item, dollars in items.items():
        print(f"  {dollars:>6.2f}  {item}")
