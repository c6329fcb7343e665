-- What profiles are folded anew from: of every event that was applied to one of them, and of every merge into one, the
-- row that counts. The seal stays closed; as text, because a result is a table of texts.
SELECT
  events.profile_id AS profile_id,
  events.verdict AS verdict,
  events.version AS version,
  events.source AS source,
  events.absorbed AS absorbed,
  CASE WHEN events.repeated THEN 1 ELSE 0 END AS repeated,
  TO_BASE64(events.sealed) AS sealed
FROM events
WHERE events.verdict IN ('applied', 'merged')
  AND events.profile_id IN (:profiles)
