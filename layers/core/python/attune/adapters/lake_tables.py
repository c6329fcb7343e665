"""The compacted lake as tables: which columns there are and where their files lie.

The one place for it: compaction writes these columns, the stack declares them to Glue, queries name them.
"""

from __future__ import annotations

from typing import Final

#: raw rows as Firehose lays them down, by arrival: `events/dt=2025-06-15/hour=15/…`
RAW: Final = "events/"
#: Athena's answers
QUERIES: Final = "queries/"

#: one row an event: (name, Glue's type). The first ones are those of `verdicts.Row`.
EVENTS: Final = (
    ("message_id", "string"),
    ("source", "string"),
    ("verdict", "string"),
    ("received_at", "bigint"),
    ("processed_at", "bigint"),
    ("version", "bigint"),
    ("reason", "string"),
    ("fingerprint", "string"),
    ("profile_id", "string"),
    ("absorbed", "string"),
    ("type", "string"),
    ("event", "string"),
    ("time", "bigint"),
    # of the properties, as text; null where the event says nothing
    ("order_id", "string"),
    ("product_id", "string"),
    ("total", "string"),
    ("revenue", "string"),
    ("value", "string"),
    # all clear properties, as JSON
    ("properties", "string"),
    # what the profile's consent was when the row was made; null where nobody had said anything
    ("consent_personalization", "boolean"),
    ("sealed", "binary"),
    # it was applied more than once: its producer told it again when nobody remembered it any more
    ("repeated", "boolean"),
)
#: the arrival day, from the folder: `compacted/events/dt=2025-06-15/events.parquet`
#: what rows hold beyond these, by which arrivals are told apart; they are counted, and stay out of the table
ARRIVALS: Final = (("replayed_at", "bigint"), ("copy", "bigint"))
EVENTS_PARTITION: Final = ("dt", "string")
EVENTS_LOCATION: Final = "compacted/events/"

#: every stored profile id, absorbed ones included: which live profile it has become, and of that one the rest
PROFILES: Final = (
    ("profile_id", "string"),
    ("root", "string"),
    ("personalization", "boolean"),
    # what it holds of each model: "<version> <value>"; empty where it holds nothing
    ("shopper_clusters", "string"),
    ("rfm", "string"),
)
PROFILES_LOCATION: Final = "compacted/profiles/"
