"""What became of all that arrived, as DuckDB counts it: the arrivals of `verdicts.Row`, and its rule."""

from __future__ import annotations

from typing import Final

#: Over `rows`, those of all days that are judged together: source, verdict, reason, how many arrivals, when the last of
#: them was received; of those whose row that counts is one of the day `$day`. Merges are no arrivals, nor is what names
#: a profile (`ADDRESSED`). Only messages of the day are looked at. An erased one came to what its reason says.
ENDED: Final = """
WITH arrivals AS (
    SELECT day, source, message_id, fingerprint, received_at, replayed_at, copy, version, verdict, reason,
        CASE WHEN verdict = 'erased' THEN reason ELSE verdict END AS came_to,
        min(processed_at) FILTER (came_to = 'applied') OVER of_arrival AS applied_at,
        max(processed_at) FILTER (verdict = 'duplicate') OVER of_arrival AS found_at
    FROM rows SEMI JOIN (SELECT source, message_id, fingerprint FROM rows WHERE day = $day)
        USING (source, message_id, fingerprint)
    WHERE verdict <> 'merged' AND type NOT IN ('$score', '$unlink', '$wake')
    WINDOW of_arrival AS (PARTITION BY source, message_id, fingerprint, received_at, replayed_at, copy)
    QUALIFY 1 = row_number() OVER (
        PARTITION BY source, message_id, fingerprint, received_at, replayed_at, copy
        ORDER BY verdict = 'duplicate', list_contains($unstored::VARCHAR[], profile_id),
            version DESC, verdict = 'dropped' DESC, processed_at DESC, day DESC, position DESC
    )
), told AS (
    SELECT day, source, verdict, reason, received_at, CASE came_to
        -- Its event had been applied to another arrival when it was found to be a duplicate; or it was archived by a
        -- worker that did not know yet why another was not applied.
        WHEN 'applied' THEN found_at IS NOT NULL AND (
            len(list_filter(list(applied_at) OVER event, lambda one: one <= found_at))
                > (applied_at <= found_at)::INTEGER
            OR coalesce(max(version) FILTER (came_to IN ('conflict', 'dropped')) OVER event > version, false)
        )
        WHEN 'dropped' THEN 1 < row_number() OVER alike
        WHEN 'conflict' THEN 1 < row_number() OVER alike
        ELSE false
    END AS known FROM arrivals
    WINDOW event AS (PARTITION BY source, message_id, fingerprint),
        alike AS (PARTITION BY source, message_id, fingerprint, came_to ORDER BY received_at, replayed_at, copy)
)
SELECT source, CASE WHEN known THEN 'duplicate' ELSE verdict END AS ended,
    CASE WHEN known OR verdict = 'erased' THEN '' ELSE reason END AS why, count(*), max(received_at)
FROM told WHERE day = $day GROUP BY ALL ORDER BY ALL
"""
