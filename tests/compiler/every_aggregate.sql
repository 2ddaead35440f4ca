-- The views of every_aggregate.py once more, as somebody who knows SQL writes them by hand.
-- view: shop_features
-- source: every_aggregate.py:Orders
-- owner: shop@example.com
-- tile.paid_density_3d: 1h
SELECT
  shop, customer, express,
  count(*) OVER last_hour AS orders_1h,
  count(*) OVER last_days AS orders_3d,
  count(*) OVER (PARTITION BY shop ORDER BY ordered_at RANGE INTERVAL 20 DAYS PRECEDING) AS orders_20d,
  count(*) OVER (PARTITION BY shop ORDER BY ordered_at
    RANGE BETWEEN INTERVAL '25' HOUR PRECEDING AND INTERVAL '1' DAY PRECEDING) AS orders_1h_lag_1d,
  count(weight) OVER last_hour AS weighed_1h,
  sum(o.cents) OVER (PARTITION BY o.shop ORDER BY o.ordered_at RANGE BETWEEN INTERVAL '90' MINUTE PRECEDING AND CURRENT ROW)
    AS revenue_90m,
  SUM(cents) OVER (PARTITION BY shop ORDER BY ordered_at RANGE BETWEEN INTERVAL '20 days' PRECEDING AND CURRENT ROW)
    AS revenue_20d,
  sum(cents) OVER (PARTITION BY shop ORDER BY ordered_at
    RANGE BETWEEN INTERVAL '97' MINUTE PRECEDING AND INTERVAL '7' MINUTE PRECEDING) AS revenue_90m_lag_7m,
  sum(cents) OVER days_lag AS revenue_3d_lag_17d,
  avg(weight) OVER last_days AS mean_weight_3d,
  mean(cents) OVER last_days AS mean_cents_3d,
  min(cents) OVER last_hour AS least_cents_1h,
  max(ordered_at) OVER last_hour AS newest_order_1h,
  stddev(weight) OVER last_days AS weight_std_3d,
  var_samp(weight) OVER last_days AS weight_var_3d,
  first_value(weight) OVER last_hour AS first_weight_1h,
  first(weight) OVER last_days AS first_weight_3d,
  first(status) OVER (PARTITION BY shop ORDER BY ordered_at RANGE INTERVAL 20 DAYS PRECEDING) AS first_status_20d,
  last_n(weight, 3) OVER last_hour AS last_weights_1h,
  last_n(weight, 3) OVER last_days AS last_weights_3d,
  LAST_N(status, 5) OVER (PARTITION BY shop ORDER BY ordered_at RANGE INTERVAL 20 DAYS PRECEDING) AS last_statuses_20d,
  last_n(cents, 2) OVER ever AS last_cents_ever,
  last_n(express, 100) OVER last_hour AS last_express_1h,
  count(DISTINCT customer) OVER last_days AS customers_3d,
  approx_quantile(weight, 0.5) OVER last_days AS middle_weight_3d,
  quantile(cents, 0.99) OVER last_hour AS dear_cents_1h,
  quantile(cents, .99) OVER (PARTITION BY shop ORDER BY ordered_at RANGE INTERVAL 20 DAYS PRECEDING) AS dear_cents_20d,
  quantiles(cents, [0, 0.25, 0.700001, 1]) OVER ever AS cents_spread_ever,
  top_k(status, 2) OVER last_days AS top_statuses_3d,
  TOP_K(status, 2) OVER (PARTITION BY shop ORDER BY ordered_at RANGE INTERVAL 20 DAYS PRECEDING) AS top_statuses_20d,
  top_k(cents, 3) OVER last_hour AS top_cents_1h,
  top_k(express, 100) OVER ever AS top_express_ever,
  last_value(weight) OVER last_hour AS last_weight_1h,
  last(weight) OVER (PARTITION BY shop ORDER BY ordered_at
    RANGE BETWEEN INTERVAL '259201' SECOND PRECEDING AND INTERVAL '1' SECOND PRECEDING) AS last_weight_3d_lag_1s,
  last(status) OVER ever AS last_status,
  count(*) OVER ever AS orders_ever,
  sum(cents) OVER ever AS revenue_ever,
  avg(weight) OVER ever AS weight_mean_ever,
  variance(weight) OVER ever AS weight_var_ever,
  min(weight) OVER ever AS least_weight_ever,
  count(DISTINCT shop) OVER ever AS shops_ever,
  first(shop) OVER ever AS first_shop,
  sum(CASE WHEN express THEN cents * 2 + 5 ELSE cents - 1 END)
    FILTER (WHERE weight / cents > 0.001 OR weight IS NULL) OVER last_hour AS express_fee_1h,
  count(*) FILTER (WHERE status = 'failed') OVER last_hour / count(*) OVER last_hour AS failed_share_1h,
  count(*) FILTER (WHERE status = 'failed') OVER last_days / count(*) OVER last_days AS failed_share_3d,
  count(*) FILTER (WHERE status = 'failed') OVER days_lag / (count(*) OVER days_lag) AS failed_share_3d_lag_17d,
  sum(cents) OVER last_hour / sum(weight) OVER last_hour AS cents_by_weight_1h,
  sum(cents) FILTER (WHERE weight > 1) OVER ever / sum(cents) OVER ever AS heavy_share_ever,
  max(weight / cents) FILTER (WHERE status IN ('paid', 'it''s open') AND NOT cents < 0)
    OVER (PARTITION BY customer, express ORDER BY ordered_at
          RANGE BETWEEN INTERVAL '72' HOUR PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS paid_density_3d
FROM Orders AS o
WINDOW
  ever AS (PARTITION BY customer ORDER BY ordered_at),
  days_lag AS (PARTITION BY shop ORDER BY ordered_at
    RANGE BETWEEN INTERVAL '20' DAY PRECEDING AND INTERVAL '17' DAY PRECEDING),
  last_hour AS (PARTITION BY shop ORDER BY ordered_at RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW),
  last_days AS (PARTITION BY shop ORDER BY ordered_at RANGE BETWEEN INTERVAL '3' DAY PRECEDING AND CURRENT ROW)
