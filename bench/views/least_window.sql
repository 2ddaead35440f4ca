-- The least of the four windows alone, whose tiles are of one level.
-- view: least_window
-- source: cards.py:CardTransactions
-- owner: bench@example.com
-- clock: event
SELECT
  cc_num,
  sum(cents) OVER (
    PARTITION BY cc_num ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW
  ) AS spent_1h
FROM CardTransactions
