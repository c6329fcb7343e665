-- As everybody.sql, of those to whom one of these events was applied, themselves or somebody they absorbed. Events are
-- named as conditions name them, in hexadecimal digits: names are anybody's words.
WITH performers AS (
  SELECT profiles.root AS root
  FROM events
  INNER JOIN profiles ON profiles.profile_id = events.profile_id
  WHERE events.verdict = 'applied'
    AND TO_HEX(TO_UTF8(CASE WHEN events.type = 'track' THEN events.event ELSE events.type END)) IN (:events)
  GROUP BY profiles.root
)
SELECT
  profiles.root AS root,
  events.profile_id AS profile_id,
  events.verdict AS verdict,
  events.version AS version,
  events.source AS source,
  events.absorbed AS absorbed,
  CASE WHEN events.repeated THEN 1 ELSE 0 END AS repeated,
  TO_BASE64(events.sealed) AS sealed
FROM events
INNER JOIN profiles ON profiles.profile_id = events.profile_id
INNER JOIN performers ON performers.root = profiles.root
WHERE events.verdict IN ('applied', 'merged')
ORDER BY profiles.root
