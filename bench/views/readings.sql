-- The newest reading of a sensor, and four aggregates of its last week.
-- view: readings
-- source: readings.py:Readings
-- owner: bench@example.com
SELECT
  sensor,
  last_value(v0) OVER (PARTITION BY sensor ORDER BY ts) AS v0,
  last_value(v1) OVER (PARTITION BY sensor ORDER BY ts) AS v1,
  last_value(v2) OVER (PARTITION BY sensor ORDER BY ts) AS v2,
  last_value(v3) OVER (PARTITION BY sensor ORDER BY ts) AS v3,
  last_value(v4) OVER (PARTITION BY sensor ORDER BY ts) AS v4,
  last_value(v5) OVER (PARTITION BY sensor ORDER BY ts) AS v5,
  last_value(v6) OVER (PARTITION BY sensor ORDER BY ts) AS v6,
  last_value(v7) OVER (PARTITION BY sensor ORDER BY ts) AS v7,
  sum(counted) OVER week AS total_7d,
  avg(counted) OVER week AS middle_7d,
  min(counted) OVER week AS least_7d,
  max(counted) OVER week AS most_7d
FROM Readings
WINDOW week AS (PARTITION BY sensor ORDER BY ts RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW)
