-- What models see of a profile, as of an instant: domain/learning/features.py says what each column means, and
-- domain/profiles/activity.py what counts; a test holds this query against both.
-- One row a live profile that consents to personalization. Nothing that happened or arrived after :cutoff counts.
WITH seen AS (
  SELECT
    profiles.root AS profile_id,
    profiles.shopper_clusters AS shopper_clusters,
    profiles.rfm AS rfm,
    events.time AS time,
    CASE WHEN events.type = 'track' THEN events.event ELSE '' END AS event,
    -- the first that is a number; in hundredths
    FLOOR(
      CAST(
        COALESCE(
          CASE WHEN REGEXP_LIKE(events.total, '\A[0-9]{1,12}([.][0-9]+)?\z') THEN events.total END,
          CASE WHEN REGEXP_LIKE(events.revenue, '\A[0-9]{1,12}([.][0-9]+)?\z') THEN events.revenue END,
          CASE WHEN REGEXP_LIKE(events.value, '\A[0-9]{1,12}([.][0-9]+)?\z') THEN events.value END,
          '0'
        ) AS DOUBLE
      ) * 1E2 + 5E-1
    ) AS amount
  FROM events
  -- whom nobody stored, and who is no more, does not count; of the rest the consent of today
  INNER JOIN profiles ON profiles.profile_id = events.profile_id
  WHERE events.verdict = 'applied'
    AND events.type NOT LIKE '$%'
    AND events.time <= :cutoff
    AND events.received_at <= :cutoff
    AND profiles.personalization
)
SELECT
  seen.profile_id AS profile_id,
  CAST(:cutoff - MAX(seen.time) AS DOUBLE) / 8.64E7 AS recency,
  CAST(COUNT_IF(seen.event = 'Order Completed') AS DOUBLE) AS frequency,
  -- as decimals: their sum neither overflows nor depends on the order
  CAST(
    SUM(CASE WHEN seen.event = 'Order Completed' THEN CAST(seen.amount AS DECIMAL(18, 0)) ELSE CAST(0 AS DECIMAL(18, 0)) END)
    AS DOUBLE
  ) / 1E2 AS monetary,
  CAST(:cutoff - MIN(seen.time) AS DOUBLE) / 8.64E7 AS tenure,
  CAST(COUNT_IF(seen.event = 'Product Viewed') AS DOUBLE) AS views,
  CAST(COUNT_IF(seen.event IN ('Product Added', 'Cart Viewed')) AS DOUBLE) AS carts,
  -- three sixteenths of all, and for good: ids are keyed hashes
  CASE WHEN SUBSTR(seen.profile_id, 1, 1) IN ('0', '1', '2') THEN 1 ELSE 0 END AS holdout,
  -- what each model is known to say of the profile, and by which version: who would get the same is not written to
  MAX(seen.shopper_clusters) AS shopper_clusters,
  MAX(seen.rfm) AS rfm
FROM seen
GROUP BY seen.profile_id
ORDER BY seen.profile_id
