-- What a card paid over four windows, in cents.
-- view: four_windows
-- source: cards.py:CardTransactions
-- owner: bench@example.com
-- clock: event
SELECT
  cc_num,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW
  ) AS spent_1h,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '24' HOUR PRECEDING AND CURRENT ROW
  ) AS spent_24h,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW
  ) AS spent_7d,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '30' DAY PRECEDING AND CURRENT ROW
  ) AS spent_30d
FROM CardTransactions
