-- As history.sql, of everybody at once: person by person, with whomever they absorbed. One reading of the table, however
-- many there are; the result is read in pieces.
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
WHERE events.verdict IN ('applied', 'merged')
  -- one in so many, drawn by the end of their ids, which are keyed hashes
  AND SUBSTR(profiles.root, 30) <= :last
ORDER BY profiles.root
