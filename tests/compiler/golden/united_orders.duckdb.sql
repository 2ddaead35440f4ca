SELECT "shop",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= ($at_us - 259200000000)) AS "orders_3d"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset)
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "orders_1h",
  count(*) FILTER (_event_us >= (($at_us - 259200000000) - ((($at_us - 259200000000) % 3600000000) + 3600000000) % 3600000000)) AS "orders_3d"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset)
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature united_orders.paid_1h: the sum is beyond BIGINT') END AS "paid_1h"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset),
  "cents" AS _arg1
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'paid') IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "shop";

SELECT "shop",
  CASE WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature united_orders.paid_1h: the sum is beyond BIGINT') END AS "paid_1h"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset),
  "cents" AS _arg1
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'paid') IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "shop";

SELECT "customer",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (TRUE)).value AS "last_status"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset),
  "status" AS _arg1
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "customer";

SELECT "customer",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg1}) FILTER (TRUE)).value AS "last_status"
FROM (SELECT * REPLACE ("_order_partition" AS _src_partition, "_order_offset" AS _src_offset),
  "status" AS _arg1
FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "customer";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, ((CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (("status" = 'paid') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS _folded FROM (SELECT *, CASE WHEN ("_refused" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("number" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("shop" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("status" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT ("status" IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN ("cents" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite("weight")) THEN CAST(2 AS BIGINT)
  WHEN ("express" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("ordered_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("customer" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("ordered_at") AS _event_us, epoch_us("_arrived") AS _arrival_us
FROM archive)))
GROUP BY topic, partition, block;
