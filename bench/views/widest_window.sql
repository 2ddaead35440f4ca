-- The widest of the four windows alone.
-- view: widest_window
-- source: cards.py:CardTransactions
-- owner: bench@example.com
-- clock: event
SELECT
  cc_num,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '30' DAY PRECEDING AND CURRENT ROW
  ) AS spent_30d
FROM CardTransactions
