SELECT "account_id",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "transaction_count_1h",
  count(*) FILTER (_event_us >= ($at_us - 604800000000)) AS "transaction_count_7d"
FROM (SELECT *
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("tid" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("cc_num" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("account_id" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("merchant" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("amt" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("amt")) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ts") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ts") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "account_id";

SELECT "account_id",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "transaction_count_1h",
  count(*) FILTER (_event_us >= (($at_us - 604800000000) - ((($at_us - 604800000000) % 3600000000) + 3600000000) % 3600000000)) AS "transaction_count_7d"
FROM (SELECT *
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("tid" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("cc_num" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("account_id" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("merchant" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("amt" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("amt")) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ts") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ts") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "account_id";

SELECT "cc_num", "merchant",
  CASE WHEN isfinite(CAST(sum(_arg1) FILTER (_event_us >= ($at_us - 2592000000000)) AS DOUBLE) / NULLIF(count(_arg1) FILTER (_event_us >= ($at_us - 2592000000000)), 0)) THEN CAST(sum(_arg1) FILTER (_event_us >= ($at_us - 2592000000000)) AS DOUBLE) / NULLIF(count(_arg1) FILTER (_event_us >= ($at_us - 2592000000000)), 0) END AS "average_transaction_amount_by_merchant_30d"
FROM (SELECT *,
  "amt" AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("tid" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("cc_num" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("account_id" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("merchant" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("amt" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("amt")) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ts") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ts") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "cc_num", "merchant";

SELECT "cc_num", "merchant",
  CASE WHEN isfinite(CAST(sum(_arg1) FILTER (_event_us >= (($at_us - 2592000000000) - ((($at_us - 2592000000000) % 86400000000) + 86400000000) % 86400000000)) AS DOUBLE) / NULLIF(count(_arg1) FILTER (_event_us >= (($at_us - 2592000000000) - ((($at_us - 2592000000000) % 86400000000) + 86400000000) % 86400000000)), 0)) THEN CAST(sum(_arg1) FILTER (_event_us >= (($at_us - 2592000000000) - ((($at_us - 2592000000000) % 86400000000) + 86400000000) % 86400000000)) AS DOUBLE) / NULLIF(count(_arg1) FILTER (_event_us >= (($at_us - 2592000000000) - ((($at_us - 2592000000000) % 86400000000) + 86400000000) % 86400000000)), 0) END AS "average_transaction_amount_by_merchant_30d"
FROM (SELECT *,
  "amt" AS _arg1
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("tid" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("cc_num" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("account_id" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("merchant" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("amt" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("amt")) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ts") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ts") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "cc_num", "merchant";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, (CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS _folded FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("tid" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("cc_num" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("account_id" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("merchant" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("amt" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("amt")) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ts") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ts") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
GROUP BY topic, partition, block;
