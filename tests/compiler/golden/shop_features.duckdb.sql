SELECT "shop",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= ($at_us - 259200000000)) AS "orders_3d",
  count(*) FILTER (_event_us >= ($at_us - 1728000000000)) AS "orders_20d",
  count(*) FILTER (_event_us >= ($at_us - 90000000000) AND _event_us < ($at_us - 86400000000)) AS "orders_1h_lag_1d",
  count(_arg2) FILTER (_event_us >= ($at_us - 3600000000)) AS "weighed_1h",
  CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 5400000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 5400000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 5400000000)) AS BIGINT) ELSE error('feature shop_features.revenue_90m: the sum is beyond BIGINT') END AS "revenue_90m",
  CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000)) AS BIGINT) ELSE error('feature shop_features.revenue_20d: the sum is beyond BIGINT') END AS "revenue_20d",
  CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 5820000000) AND _event_us < ($at_us - 420000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 5820000000) AND _event_us < ($at_us - 420000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 5820000000) AND _event_us < ($at_us - 420000000)) AS BIGINT) ELSE error('feature shop_features.revenue_90m_lag_7m: the sum is beyond BIGINT') END AS "revenue_90m_lag_7m",
  CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000) AND _event_us < ($at_us - 1468800000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000) AND _event_us < ($at_us - 1468800000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 1728000000000) AND _event_us < ($at_us - 1468800000000)) AS BIGINT) ELSE error('feature shop_features.revenue_3d_lag_17d: the sum is beyond BIGINT') END AS "revenue_3d_lag_17d",
  CASE WHEN isfinite(CAST(sum(_arg2) FILTER (_event_us >= ($at_us - 259200000000)) AS DOUBLE) / NULLIF(count(_arg2) FILTER (_event_us >= ($at_us - 259200000000)), 0)) THEN CAST(sum(_arg2) FILTER (_event_us >= ($at_us - 259200000000)) AS DOUBLE) / NULLIF(count(_arg2) FILTER (_event_us >= ($at_us - 259200000000)), 0) END AS "mean_weight_3d",
  CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 259200000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 259200000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 259200000000)) AS BIGINT) ELSE error('feature shop_features.mean_cents_3d: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(count(_arg3) FILTER (_event_us >= ($at_us - 259200000000)), 0) AS "mean_cents_3d",
  min(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) AS "least_cents_1h",
  make_timestamptz(max(_arg6) FILTER (_event_us >= ($at_us - 3600000000))) AS "newest_order_1h",
  CASE WHEN isfinite(stddev_samp(_arg2) FILTER (_event_us >= ($at_us - 259200000000))) THEN stddev_samp(_arg2) FILTER (_event_us >= ($at_us - 259200000000)) END AS "weight_std_3d",
  CASE WHEN isfinite(var_samp(_arg2) FILTER (_event_us >= ($at_us - 259200000000))) THEN var_samp(_arg2) FILTER (_event_us >= ($at_us - 259200000000)) END AS "weight_var_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= ($at_us - 3600000000))).value AS "first_weight_1h",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= ($at_us - 259200000000))).value AS "first_weight_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}) FILTER (_event_us >= ($at_us - 1728000000000))).value AS "first_status_20d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}, 3) FILTER (_event_us >= ($at_us - 3600000000))] AS "last_weights_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}, 3) FILTER (_event_us >= ($at_us - 259200000000))] AS "last_weights_3d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}, 5) FILTER (_event_us >= ($at_us - 1728000000000))] AS "last_statuses_20d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg7}, 100) FILTER (_event_us >= ($at_us - 3600000000))] AS "last_express_1h",
  count(DISTINCT _arg4) FILTER (_event_us >= ($at_us - 259200000000)) AS "customers_3d",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.500000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 259200000000))) <= max(abs(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= ($at_us - 259200000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.500000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 259200000000)) END AS "middle_weight_3d",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 3600000000))) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= ($at_us - 3600000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 3600000000)) END AS "dear_cents_1h",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 1728000000000))) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= ($at_us - 1728000000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= ($at_us - 1728000000000)) END AS "dear_cents_20d",
  CASE WHEN list_sum([12 + octet_length(encode(e.key)) FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= ($at_us - 259200000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= ($at_us - 259200000000)))], 'min', 2)] END AS "top_statuses_3d",
  CASE WHEN list_sum([12 + octet_length(encode(e.key)) FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= ($at_us - 1728000000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= ($at_us - 1728000000000)))], 'min', 2)] END AS "top_statuses_20d",
  CASE WHEN list_sum([12 + 8 FOR e IN map_entries(histogram(_arg3) FILTER (_event_us >= ($at_us - 3600000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg3) FILTER (_event_us >= ($at_us - 3600000000)))], 'min', 3)] END AS "top_cents_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= ($at_us - 3600000000))).value AS "last_weight_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= ($at_us - 259201000000) AND _event_us < ($at_us - 1000000))).value AS "last_weight_3d_lag_1s",
  CASE WHEN isfinite(CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature shop_features.cents_by_weight_1h: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN isfinite(sum(_arg2) FILTER (_event_us >= ($at_us - 3600000000))) THEN sum(_arg2) FILTER (_event_us >= ($at_us - 3600000000)) END AS DOUBLE), 0)) THEN CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature shop_features.cents_by_weight_1h: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN isfinite(sum(_arg2) FILTER (_event_us >= ($at_us - 3600000000))) THEN sum(_arg2) FILTER (_event_us >= ($at_us - 3600000000)) END AS DOUBLE), 0) END AS "cents_by_weight_1h"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _arg1,
  "weight" AS _arg2,
  "cents" AS _arg3,
  "customer" AS _arg4,
  "status" AS _arg5,
  epoch_us("ordered_at") AS _arg6,
  "express" AS _arg7
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS "orders_3d",
  count(*) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) AS "orders_20d",
  count(*) FILTER (_event_us >= (($at_us - 90000000000) - ((($at_us - 90000000000) % 300000000) + 300000000) % 300000000) AND _event_us < ((($at_us - 86400000000)) - (((($at_us - 86400000000)) % 300000000) + 300000000) % 300000000)) AS "orders_1h_lag_1d",
  count(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "weighed_1h",
  CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.revenue_90m: the sum is beyond BIGINT') END AS "revenue_90m",
  CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) AS BIGINT) ELSE error('feature shop_features.revenue_20d: the sum is beyond BIGINT') END AS "revenue_20d",
  CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 5820000000) - ((($at_us - 5820000000) % 300000000) + 300000000) % 300000000) AND _event_us < ((($at_us - 420000000)) - (((($at_us - 420000000)) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 5820000000) - ((($at_us - 5820000000) % 300000000) + 300000000) % 300000000) AND _event_us < ((($at_us - 420000000)) - (((($at_us - 420000000)) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 5820000000) - ((($at_us - 5820000000) % 300000000) + 300000000) % 300000000) AND _event_us < ((($at_us - 420000000)) - (((($at_us - 420000000)) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.revenue_90m_lag_7m: the sum is beyond BIGINT') END AS "revenue_90m_lag_7m",
  CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1468800000000)) - (((($at_us - 1468800000000)) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1468800000000)) - (((($at_us - 1468800000000)) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1468800000000)) - (((($at_us - 1468800000000)) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.revenue_3d_lag_17d: the sum is beyond BIGINT') END AS "revenue_3d_lag_17d",
  CASE WHEN isfinite(CAST(sum(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE) / NULLIF(count(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)), 0)) THEN CAST(sum(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE) / NULLIF(count(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)), 0) END AS "mean_weight_3d",
  CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS BIGINT) ELSE error('feature shop_features.mean_cents_3d: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(count(_arg3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)), 0) AS "mean_cents_3d",
  min(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "least_cents_1h",
  make_timestamptz(max(_arg6) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) AS "newest_order_1h",
  CASE WHEN isfinite(stddev_samp(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))) THEN stddev_samp(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) END AS "weight_std_3d",
  CASE WHEN isfinite(var_samp(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))) THEN var_samp(_arg2) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) END AS "weight_var_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))).value AS "first_weight_1h",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))).value AS "first_weight_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000))).value AS "first_status_20d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}, 3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))] AS "last_weights_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}, 3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))] AS "last_weights_3d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}, 5) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000))] AS "last_statuses_20d",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg7}, 100) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))] AS "last_express_1h",
  count(DISTINCT _arg4) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS "customers_3d",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.500000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))) <= max(abs(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg2) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg2) * CAST(CAST(least((CAST(CAST(abs(_arg2) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.500000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) END AS "middle_weight_3d",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) END AS "dear_cents_1h",
  CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000))) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.990000 AS DECIMAL(7, 6))) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) END AS "dear_cents_20d",
  CASE WHEN list_sum([12 + octet_length(encode(e.key)) FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)))], 'min', 2)] END AS "top_statuses_3d",
  CASE WHEN list_sum([12 + octet_length(encode(e.key)) FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg5) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)))], 'min', 2)] END AS "top_statuses_20d",
  CASE WHEN list_sum([12 + 8 FOR e IN map_entries(histogram(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)))], 'min', 3)] END AS "top_cents_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))).value AS "last_weight_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg2}) FILTER (_event_us >= (($at_us - 259201000000) - ((($at_us - 259201000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1000000)) - (((($at_us - 1000000)) % 300000000) + 300000000) % 300000000))).value AS "last_weight_3d_lag_1s",
  CASE WHEN isfinite(CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.cents_by_weight_1h: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN isfinite(sum(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) THEN sum(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) END AS DOUBLE), 0)) THEN CAST(CASE WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.cents_by_weight_1h: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN isfinite(sum(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) THEN sum(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) END AS DOUBLE), 0) END AS "cents_by_weight_1h"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _arg1,
  "weight" AS _arg2,
  "cents" AS _arg3,
  "customer" AS _arg4,
  "status" AS _arg5,
  epoch_us("ordered_at") AS _arg6,
  "express" AS _arg7
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "customer",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}, 2) FILTER (TRUE)] AS "last_cents_ever",
  CASE WHEN count(_arg1) FILTER (TRUE) > 0 THEN [CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.000000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.000000 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.250000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.250000 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.700001 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.700001 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(1.000000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(1.000000 AS DECIMAL(7, 6))) FILTER (TRUE) END] END AS "cents_spread_ever",
  CASE WHEN list_sum([12 + 1 FOR e IN map_entries(histogram(_arg6) FILTER (TRUE))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg6) FILTER (TRUE))], 'min', 100)] END AS "top_express_ever",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg4}) FILTER (TRUE)).value AS "last_status",
  count(*) FILTER (TRUE) AS "orders_ever",
  CASE WHEN sum(_arg5) FILTER (TRUE) IS NULL THEN NULL WHEN sum(_arg5) FILTER (TRUE) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg5) FILTER (TRUE) AS BIGINT) ELSE error('feature shop_features.revenue_ever: the sum is beyond BIGINT') END AS "revenue_ever",
  CASE WHEN isfinite(CAST(sum(_arg2) FILTER (TRUE) AS DOUBLE) / NULLIF(count(_arg2) FILTER (TRUE), 0)) THEN CAST(sum(_arg2) FILTER (TRUE) AS DOUBLE) / NULLIF(count(_arg2) FILTER (TRUE), 0) END AS "weight_mean_ever",
  CASE WHEN isfinite(var_samp(_arg2) FILTER (TRUE)) THEN var_samp(_arg2) FILTER (TRUE) END AS "weight_var_ever",
  min(_arg2) FILTER (TRUE) AS "least_weight_ever",
  count(DISTINCT _arg3) FILTER (TRUE) AS "shops_ever",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg3}) FILTER (TRUE)).value AS "first_shop"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _arg1,
  "weight" AS _arg2,
  "shop" AS _arg3,
  "status" AS _arg4,
  "cents" AS _arg5,
  "express" AS _arg6
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "customer";

SELECT "customer",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}, 2) FILTER (TRUE)] AS "last_cents_ever",
  CASE WHEN count(_arg1) FILTER (TRUE) > 0 THEN [CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.000000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.000000 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.250000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.250000 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.700001 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(0.700001 AS DECIMAL(7, 6))) FILTER (TRUE) END, CASE WHEN abs(quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(1.000000 AS DECIMAL(7, 6))) FILTER (TRUE)) <= max(abs(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END)) FILTER (TRUE) / 4294967296 THEN 0e0 ELSE quantile_disc(CASE WHEN abs(_arg1) < 2.2250738585072014e-308 THEN 0e0 ELSE sign(_arg1) * CAST(CAST(least((CAST(CAST(abs(_arg1) AS BIT) AS BIGINT) + 35184372088832) >> 46, 131007) << 46 AS BIT) AS DOUBLE) END, CAST(1.000000 AS DECIMAL(7, 6))) FILTER (TRUE) END] END AS "cents_spread_ever",
  CASE WHEN list_sum([12 + 1 FOR e IN map_entries(histogram(_arg6) FILTER (TRUE))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg6) FILTER (TRUE))], 'min', 100)] END AS "top_express_ever",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg4}) FILTER (TRUE)).value AS "last_status",
  count(*) FILTER (TRUE) AS "orders_ever",
  CASE WHEN sum(_arg5) FILTER (TRUE) IS NULL THEN NULL WHEN sum(_arg5) FILTER (TRUE) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg5) FILTER (TRUE) AS BIGINT) ELSE error('feature shop_features.revenue_ever: the sum is beyond BIGINT') END AS "revenue_ever",
  CASE WHEN isfinite(CAST(sum(_arg2) FILTER (TRUE) AS DOUBLE) / NULLIF(count(_arg2) FILTER (TRUE), 0)) THEN CAST(sum(_arg2) FILTER (TRUE) AS DOUBLE) / NULLIF(count(_arg2) FILTER (TRUE), 0) END AS "weight_mean_ever",
  CASE WHEN isfinite(var_samp(_arg2) FILTER (TRUE)) THEN var_samp(_arg2) FILTER (TRUE) END AS "weight_var_ever",
  min(_arg2) FILTER (TRUE) AS "least_weight_ever",
  count(DISTINCT _arg3) FILTER (TRUE) AS "shops_ever",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg3}) FILTER (TRUE)).value AS "first_shop"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _arg1,
  "weight" AS _arg2,
  "shop" AS _arg3,
  "status" AS _arg4,
  "cents" AS _arg5,
  "express" AS _arg6
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "customer";

SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature shop_features.express_fee_1h: the sum is beyond BIGINT') END AS "express_fee_1h"
FROM (SELECT *,
  CASE WHEN "express" THEN (("cents" * CAST(2 AS BIGINT)) + CAST(5 AS BIGINT)) ELSE ("cents" - CAST(1 AS BIGINT)) END AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((((("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)) > 0.001E0) AND NOT isnan(("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)))) OR ("weight" IS NULL)) IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature shop_features.express_fee_1h: the sum is beyond BIGINT') END AS "express_fee_1h"
FROM (SELECT *,
  CASE WHEN "express" THEN (("cents" * CAST(2 AS BIGINT)) + CAST(5 AS BIGINT)) ELSE ("cents" - CAST(1 AS BIGINT)) END AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((((("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)) > 0.001E0) AND NOT isnan(("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)))) OR ("weight" IS NULL)) IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "shop",
  CAST(count(*) FILTER (_in0 AND _event_us >= ($at_us - 3600000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= ($at_us - 3600000000)) AS DOUBLE), 0) AS "failed_share_1h",
  CAST(count(*) FILTER (_in0 AND _event_us >= ($at_us - 259200000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= ($at_us - 259200000000)) AS DOUBLE), 0) AS "failed_share_3d",
  CAST(count(*) FILTER (_in0 AND _event_us >= ($at_us - 1728000000000) AND _event_us < ($at_us - 1468800000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= ($at_us - 1728000000000) AND _event_us < ($at_us - 1468800000000)) AS DOUBLE), 0) AS "failed_share_3d_lag_17d"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _g1_arg1,
  "weight" AS _g1_arg2,
  "cents" AS _g1_arg3,
  "customer" AS _g1_arg4,
  "status" AS _g1_arg5,
  epoch_us("ordered_at") AS _g1_arg6,
  "express" AS _g1_arg7,
  (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  CAST(count(*) FILTER (_in0 AND _event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS DOUBLE), 0) AS "failed_share_1h",
  CAST(count(*) FILTER (_in0 AND _event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE), 0) AS "failed_share_3d",
  CAST(count(*) FILTER (_in0 AND _event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1468800000000)) - (((($at_us - 1468800000000)) % 300000000) + 300000000) % 300000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 3600000000) + 3600000000) % 3600000000) AND _event_us < ((($at_us - 1468800000000)) - (((($at_us - 1468800000000)) % 300000000) + 300000000) % 300000000)) AS DOUBLE), 0) AS "failed_share_3d_lag_17d"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _g1_arg1,
  "weight" AS _g1_arg2,
  "cents" AS _g1_arg3,
  "customer" AS _g1_arg4,
  "status" AS _g1_arg5,
  epoch_us("ordered_at") AS _g1_arg6,
  "express" AS _g1_arg7,
  (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "customer",
  CAST(CASE WHEN sum(_g0_arg1) FILTER (_in0) IS NULL THEN NULL WHEN sum(_g0_arg1) FILTER (_in0) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_g0_arg1) FILTER (_in0) AS BIGINT) ELSE error('feature shop_features.heavy_share_ever: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN sum(_g1_arg5) FILTER (_in1) IS NULL THEN NULL WHEN sum(_g1_arg5) FILTER (_in1) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_g1_arg5) FILTER (_in1) AS BIGINT) ELSE error('feature shop_features.heavy_share_ever: the sum is beyond BIGINT') END AS DOUBLE), 0) AS "heavy_share_ever"
FROM (SELECT *,
  CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) THEN "cents" END AS _g0_arg1,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _g1_arg1,
  "weight" AS _g1_arg2,
  "shop" AS _g1_arg3,
  "status" AS _g1_arg4,
  "cents" AS _g1_arg5,
  "express" AS _g1_arg6,
  (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "customer";

SELECT "customer",
  CAST(CASE WHEN sum(_g0_arg1) FILTER (_in0) IS NULL THEN NULL WHEN sum(_g0_arg1) FILTER (_in0) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_g0_arg1) FILTER (_in0) AS BIGINT) ELSE error('feature shop_features.heavy_share_ever: the sum is beyond BIGINT') END AS DOUBLE) / NULLIF(CAST(CASE WHEN sum(_g1_arg5) FILTER (_in1) IS NULL THEN NULL WHEN sum(_g1_arg5) FILTER (_in1) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_g1_arg5) FILTER (_in1) AS BIGINT) ELSE error('feature shop_features.heavy_share_ever: the sum is beyond BIGINT') END AS DOUBLE), 0) AS "heavy_share_ever"
FROM (SELECT *,
  CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) THEN "cents" END AS _g0_arg1,
  CASE WHEN (NOT isfinite(CAST("cents" AS DOUBLE))) THEN CAST(NULL AS DOUBLE) ELSE CAST("cents" AS DOUBLE) END AS _g1_arg1,
  "weight" AS _g1_arg2,
  "shop" AS _g1_arg3,
  "status" AS _g1_arg4,
  "cents" AS _g1_arg5,
  "express" AS _g1_arg6,
  (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "customer";

SELECT "customer", "express",
  max(_arg1) FILTER (_event_us >= ($at_us - 259200000000)) AS "paid_density_3d"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)))) THEN CAST(NULL AS DOUBLE) ELSE ("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)) END AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "customer", "express";

SELECT "customer", "express",
  max(_arg1) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS "paid_density_3d"
FROM (SELECT *,
  CASE WHEN (NOT isfinite(("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)))) THEN CAST(NULL AS DOUBLE) ELSE ("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)) END AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 3600000000) + 3600000000) % 3600000000)
GROUP BY "customer", "express";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, (((((CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((((("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)) > 0.001E0) AND NOT isnan(("weight" / NULLIF(CAST("cents" AS DOUBLE), 0E0)))) OR ("weight" IS NULL)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS _folded FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((("weight" > CAST(CAST(1 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(1 AS BIGINT) AS DOUBLE))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((("status" IN ('paid', 'it''s open')) AND (NOT ("cents" < CAST(0 AS BIGINT)))) IS TRUE) AND ("customer" IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
GROUP BY topic, partition, block;
