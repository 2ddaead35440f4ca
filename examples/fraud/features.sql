-- What the fraud model looks at.
-- view: fraud_features
-- source: features.py:Transactions
-- owner: risk@example.com
SELECT
  account_id, cc_num, merchant,
  count(*) FILTER (WHERE status = 'failed') OVER (
    PARTITION BY account_id ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW
  ) AS transaction_count_1h,
  count(*) FILTER (WHERE status = 'failed') OVER (
    PARTITION BY account_id ORDER BY ts RANGE BETWEEN INTERVAL '7' DAY PRECEDING AND CURRENT ROW
  ) AS transaction_count_7d,
  avg(amt) OVER (
    PARTITION BY cc_num, merchant ORDER BY ts RANGE BETWEEN INTERVAL '30' DAY PRECEDING AND CURRENT ROW
  ) AS average_transaction_amount_by_merchant_30d
FROM Transactions
