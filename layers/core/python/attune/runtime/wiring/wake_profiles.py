"""wake_profiles: reads the due index, writes to the stream."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_profiles import DynamoDueIndex
from attune.adapters.kinesis_stream import KinesisStream
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.processing.wake_profiles import WakeProfiles

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.path import WakeProfilesSettings


def wake_profiles(settings: WakeProfilesSettings, count: Count) -> WakeProfiles:
    """The marks lie in the definitions table under the kind `mark`."""
    return WakeProfiles(
        due=DynamoDueIndex(
            client("dynamodb"),
            profiles=settings.profiles_table,
            index=settings.due_index,
            marks=settings.definitions_table,
        ),
        stream=KinesisStream(client("kinesis"), settings.stream_name),
        clock=now,
        sleep=time.sleep,
        stream_shards=settings.stream_shards,
        count=count,
    )
