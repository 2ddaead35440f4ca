SELECT "shop",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= ($at_us - 259200000000)) AS "orders_3d",
  count(*) FILTER (_event_us >= ($at_us - 90000000000) AND _event_us < ($at_us - 86400000000)) AS "orders_1h_lag_1d",
  CASE WHEN sum(_arg2) FILTER (_event_us >= ($at_us - 5400000000)) IS NULL THEN NULL WHEN sum(_arg2) FILTER (_event_us >= ($at_us - 5400000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg2) FILTER (_event_us >= ($at_us - 5400000000)) AS BIGINT) ELSE error('feature unique_orders.revenue_90m: the sum is beyond BIGINT') END AS "revenue_90m",
  CASE WHEN sum(_arg2) FILTER (_event_us >= ($at_us - 1728000000000)) IS NULL THEN NULL WHEN sum(_arg2) FILTER (_event_us >= ($at_us - 1728000000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg2) FILTER (_event_us >= ($at_us - 1728000000000)) AS BIGINT) ELSE error('feature unique_orders.revenue_20d: the sum is beyond BIGINT') END AS "revenue_20d",
  CASE WHEN isfinite(var_samp(_arg1) FILTER (_event_us >= ($at_us - 259200000000))) THEN var_samp(_arg1) FILTER (_event_us >= ($at_us - 259200000000)) END AS "weight_var_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= ($at_us - 3600000000))).value AS "first_weight_1h",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= ($at_us - 259200000000))).value AS "first_weight_3d",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= ($at_us - 3600000000))).value AS "last_weight_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}, 3) FILTER (_event_us >= ($at_us - 3600000000))] AS "last_weights_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}, 3) FILTER (_event_us >= ($at_us - 259200000000))] AS "last_weights_3d",
  CASE WHEN list_sum([12 + 8 FOR e IN map_entries(histogram(_arg2) FILTER (_event_us >= ($at_us - 3600000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg2) FILTER (_event_us >= ($at_us - 3600000000)))], 'min', 3)] END AS "top_cents_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, CAST('0x' || left(md5("number"), 15) AS BIGINT) AS _src_offset),
  "weight" AS _arg1,
  "cents" AS _arg2
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "number", epoch_us("ordered_at"), "cents", "shop", "status", CASE WHEN ("weight" = 0.0E0) THEN 0.0E0 ELSE "weight" END ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS "orders_3d",
  count(*) FILTER (_event_us >= (($at_us - 90000000000) - ((($at_us - 90000000000) % 300000000) + 300000000) % 300000000) AND _event_us < ((($at_us - 86400000000)) - (((($at_us - 86400000000)) % 300000000) + 300000000) % 300000000)) AS "orders_1h_lag_1d",
  CASE WHEN sum(_arg2) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg2) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg2) FILTER (_event_us >= (($at_us - 5400000000) - ((($at_us - 5400000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature unique_orders.revenue_90m: the sum is beyond BIGINT') END AS "revenue_90m",
  CASE WHEN sum(_arg2) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) IS NULL THEN NULL WHEN sum(_arg2) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg2) FILTER (_event_us >= (($at_us - 1728000000000) - ((($at_us - 1728000000000) % 86400000000) + 86400000000) % 86400000000)) AS BIGINT) ELSE error('feature unique_orders.revenue_20d: the sum is beyond BIGINT') END AS "revenue_20d",
  CASE WHEN isfinite(var_samp(_arg1) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))) THEN var_samp(_arg1) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) END AS "weight_var_3d",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))).value AS "first_weight_1h",
  (min({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))).value AS "first_weight_3d",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))).value AS "last_weight_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}, 3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))] AS "last_weights_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}, 3) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000))] AS "last_weights_3d",
  CASE WHEN list_sum([12 + 8 FOR e IN map_entries(histogram(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)))]) <= 32768 THEN [e.value FOR e IN list_aggregate([{'n': -CAST(e.value AS BIGINT), 'value': e.key} FOR e IN map_entries(histogram(_arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)))], 'min', 3)] END AS "top_cents_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, CAST('0x' || left(md5("number"), 15) AS BIGINT) AS _src_offset),
  "weight" AS _arg1,
  "cents" AS _arg2
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "number", epoch_us("ordered_at"), "cents", "shop", "status", CASE WHEN ("weight" = 0.0E0) THEN 0.0E0 ELSE "weight" END ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "shop",
  CAST(count(*) FILTER (_in0 AND _event_us >= ($at_us - 3600000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= ($at_us - 3600000000)) AS DOUBLE), 0) AS "failed_share_1h",
  CAST(count(*) FILTER (_in0 AND _event_us >= ($at_us - 259200000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= ($at_us - 259200000000)) AS DOUBLE), 0) AS "failed_share_3d"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, CAST('0x' || left(md5("number"), 15) AS BIGINT) AS _src_offset),
  "weight" AS _g1_arg1,
  "cents" AS _g1_arg2,
  (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "number", epoch_us("ordered_at"), "cents", "shop", "status", CASE WHEN ("weight" = 0.0E0) THEN 0.0E0 ELSE "weight" END ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  CAST(count(*) FILTER (_in0 AND _event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS DOUBLE), 0) AS "failed_share_1h",
  CAST(count(*) FILTER (_in0 AND _event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE) / NULLIF(CAST(count(*) FILTER (_in1 AND _event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS DOUBLE), 0) AS "failed_share_3d"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, CAST('0x' || left(md5("number"), 15) AS BIGINT) AS _src_offset),
  "weight" AS _g1_arg1,
  "cents" AS _g1_arg2,
  (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) AS _in0,
  ("_verdict" = CAST(0 AS BIGINT)) AS _in1
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "number", epoch_us("ordered_at"), "cents", "shop", "status", CASE WHEN ("weight" = 0.0E0) THEN 0.0E0 ELSE "weight" END ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) OR ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS _folded FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "number", epoch_us("ordered_at"), "cents", "shop", "status", CASE WHEN ("weight" = 0.0E0) THEN 0.0E0 ELSE "weight" END ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))))
GROUP BY topic, partition, block;
