SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 600000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= ($at_us - 600000000)) AS BIGINT) ELSE error('feature replayed_shop_features.revenue_10m: the sum is beyond BIGINT') END AS "revenue_10m"
FROM (SELECT *,
  "cents" AS _arg1
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
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 600000000) - ((($at_us - 600000000) % 60000000) + 60000000) % 60000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 600000000) - ((($at_us - 600000000) % 60000000) + 60000000) % 60000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= (($at_us - 600000000) - ((($at_us - 600000000) % 60000000) + 60000000) % 60000000)) AS BIGINT) ELSE error('feature replayed_shop_features.revenue_10m: the sum is beyond BIGINT') END AS "revenue_10m"
FROM (SELECT *,
  "cents" AS _arg1
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
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 60000000) + 60000000) % 60000000)
GROUP BY "shop";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _folded FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
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
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
GROUP BY topic, partition, block;
