SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_ADD AS 'io.headrace.flink.functions.HrAdd';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUB AS 'io.headrace.flink.functions.HrSub';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MUL AS 'io.headrace.flink.functions.HrMul';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_FINITE AS 'io.headrace.flink.functions.HrFinite';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUM_OF AS 'io.headrace.flink.functions.HrSumOf';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MOMENTS AS 'io.headrace.flink.functions.HrMoments';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST AS 'io.headrace.flink.functions.HrLast';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST_N AS 'io.headrace.flink.functions.HrLastN';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_DISTINCT AS 'io.headrace.flink.functions.HrDistinct';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_BUCKETS AS 'io.headrace.flink.functions.HrBuckets';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TALLY AS 'io.headrace.flink.functions.HrTally';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TILES AS 'io.headrace.flink.tiles.HrTiles';

CREATE TEMPORARY TABLE `history` (
  `shop` STRING,
  `customer` BIGINT,
  `status` STRING,
  `cents` BIGINT,
  `weight` DOUBLE,
  `express` BOOLEAN,
  `ordered_at` TIMESTAMP_LTZ(6),
  `_src_topic` STRING,
  `_src_partition` INT,
  `_src_offset` BIGINT,
  `_src_timestamp` TIMESTAMP_LTZ(6),
  `_raw` BYTES,
  `_error` STRING
) WITH (
  'connector' = 'iceberg',
  'catalog-table' = 'raw'
);

CREATE TEMPORARY TABLE `live` (
  `shop` STRING,
  `customer` BIGINT,
  `status` STRING,
  `cents` BIGINT,
  `weight` DOUBLE,
  `express` BOOLEAN,
  `ordered_at` TIMESTAMP_LTZ(6),
  `_src_topic` STRING,
  `_src_partition` INT,
  `_src_offset` BIGINT,
  `_src_timestamp` TIMESTAMP_LTZ(6),
  `_raw` BYTES,
  `_error` STRING
) WITH (
  'connector' = 'headrace-kafka',
  'topic' = 't'
);

CREATE TEMPORARY VIEW `events` AS
SELECT FALSE AS `_is_live`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history`
UNION ALL
SELECT TRUE AS `_is_live`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live`;

CREATE TEMPORARY VIEW `timed` AS
SELECT *, HR_MICROS(`ordered_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events`;

CREATE TEMPORARY VIEW `judged` AS
SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN (`shop` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`status` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN (`cents` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN (`express` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_arrival_us` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (`customer` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (((`weight` > CAST(CAST(1 AS BIGINT) AS DOUBLE)) IS TRUE) AND (`customer` IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ((((`status` IN ('paid', 'it''s open')) AND (NOT (`cents` < CAST(0 AS BIGINT)))) IS TRUE) AND (`customer` IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `_verdict`
FROM `timed`;

CREATE TEMPORARY VIEW `members_1ed66575` AS
SELECT `shop`, `_event_us`, `_src_partition`, `_src_offset`, HR_FINITE(CAST(`cents` AS DOUBLE)) AS `_arg1`, `weight` AS `_arg2`, `cents` AS `_arg3`, `customer` AS `_arg4`, `status` AS `_arg5`, HR_MICROS(`ordered_at`) AS `_arg6`, `express` AS `_arg7`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`, `_event_us` - MOD(`_event_us`, CAST(86400000000 AS BIGINT)) AS `_tile3`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_1ed66575` AS
SELECT `shop`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) WHEN `_tile2` IS NOT NULL THEN CAST(3600000000 AS BIGINT) WHEN `_tile3` IS NOT NULL THEN CAST(86400000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`, `_tile2`, `_tile3`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_BUCKETS(`_arg1`) AS `buckets_cents`,
  HR_BUCKETS(`_arg2`) AS `buckets_weight`,
  COUNT(`_arg3`) AS `count_cents`,
  COUNT(`_arg2`) AS `count_weight`,
  HR_DISTINCT(`_arg4`) AS `distinct_customer`,
  HR_LAST(`_arg5`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_status`,
  HR_LAST(`_arg2`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_weight`,
  HR_LAST(`_arg2`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_weight`,
  MAX(`_arg6`) AS `max_ordered_at`,
  MIN(`_arg3`) AS `min_cents`,
  HR_MOMENTS(`_arg2`) AS `moments_weight`,
  HR_LAST_N(`_arg7`, `_event_us`, `_src_partition`, `_src_offset`, 100) AS `newest100_express`,
  HR_LAST_N(`_arg2`, `_event_us`, `_src_partition`, `_src_offset`, 3) AS `newest3_weight`,
  HR_LAST_N(`_arg5`, `_event_us`, `_src_partition`, `_src_offset`, 5) AS `newest5_status`,
  HR_SUM_OF(SUM(`_arg3`), SUM(`_arg3` / CAST(4294967296 AS BIGINT)), 'revenue, mean_cents, cents_by_weight') AS `sum_cents`,
  SUM(`_arg2`) AS `sum_weight`,
  HR_TALLY(`_arg3`) AS `tally_cents`,
  HR_TALLY(`_arg5`) AS `tally_status`
FROM `members_1ed66575`
GROUP BY GROUPING SETS ((`shop`, `_tile1`), (`shop`, `_tile2`), (`shop`, `_tile3`));

CREATE TEMPORARY VIEW `cells_1ed66575` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`buckets_cents`, `f`.`buckets_weight`, `f`.`count_cents`, `f`.`count_weight`, `f`.`distinct_customer`, `f`.`first_status`.`value`, -`f`.`first_status`.`us`, -`f`.`first_status`.`partition`, -`f`.`first_status`.`offset`, `f`.`first_weight`.`value`, -`f`.`first_weight`.`us`, -`f`.`first_weight`.`partition`, -`f`.`first_weight`.`offset`, `f`.`last_weight`.`value`, `f`.`last_weight`.`us`, `f`.`last_weight`.`partition`, `f`.`last_weight`.`offset`, `f`.`max_ordered_at`, `f`.`min_cents`, `f`.`moments_weight`.`n`, `f`.`moments_weight`.`mean`, `f`.`moments_weight`.`m2`, `f`.`newest100_express`, `f`.`newest3_weight`, `f`.`newest5_status`, `f`.`sum_cents`, `f`.`sum_weight`, `f`.`tally_cents`, `f`.`tally_status`) AS ROW<`n` BIGINT, `buckets_cents` BYTES, `buckets_weight` BYTES, `count_cents` BIGINT, `count_weight` BIGINT, `distinct_customer` BYTES, `first_status` STRING, `first_status_us` BIGINT, `first_status_partition` INT, `first_status_offset` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `max_ordered_at` BIGINT, `min_cents` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest100_express` BYTES, `newest3_weight` BYTES, `newest5_status` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_cents` BYTES, `tally_status` BYTES>) AS `cell`
FROM `folded_1ed66575` AS `f`;

CREATE TEMPORARY VIEW `members_6742bb59` AS
SELECT `customer`, `_event_us`, `_src_partition`, `_src_offset`, HR_FINITE(CAST(`cents` AS DOUBLE)) AS `_arg1`, `weight` AS `_arg2`, `shop` AS `_arg3`, `status` AS `_arg4`, `cents` AS `_arg5`, `express` AS `_arg6`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`, `_event_us` - MOD(`_event_us`, CAST(86400000000 AS BIGINT)) AS `_tile3`, `_event_us` - MOD(`_event_us`, CAST(2764800000000 AS BIGINT)) AS `_tile4`, `_event_us` - MOD(`_event_us`, CAST(88473600000000 AS BIGINT)) AS `_tile5`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_6742bb59` AS
SELECT `customer`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) WHEN `_tile2` IS NOT NULL THEN CAST(3600000000 AS BIGINT) WHEN `_tile3` IS NOT NULL THEN CAST(86400000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`, `_tile2`, `_tile3`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_BUCKETS(`_arg1`) AS `buckets_cents`,
  COUNT(`_arg2`) AS `count_weight`,
  HR_DISTINCT(`_arg3`) AS `distinct_shop`,
  HR_LAST(`_arg3`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_shop`,
  HR_LAST(`_arg4`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_status`,
  MIN(`_arg2`) AS `min_weight`,
  HR_MOMENTS(`_arg2`) AS `moments_weight`,
  HR_LAST_N(`_arg5`, `_event_us`, `_src_partition`, `_src_offset`, 2) AS `newest2_cents`,
  HR_SUM_OF(SUM(`_arg5`), SUM(`_arg5` / CAST(4294967296 AS BIGINT)), 'revenue_ever, heavy_share_ever') AS `sum_cents`,
  SUM(`_arg2`) AS `sum_weight`,
  HR_TALLY(`_arg6`) AS `tally_express`
FROM `members_6742bb59`
GROUP BY GROUPING SETS ((`customer`, `_tile1`), (`customer`, `_tile2`), (`customer`, `_tile3`));

CREATE TEMPORARY VIEW `folded_6742bb59_32d` AS
SELECT /*+ STATE_TTL('members_6742bb59' = '5536800 s') */ `customer`, CASE WHEN `_tile4` IS NOT NULL THEN CAST(2764800000000 AS BIGINT) END AS `level`, COALESCE(`_tile4`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_BUCKETS(`_arg1`) AS `buckets_cents`,
  COUNT(`_arg2`) AS `count_weight`,
  HR_DISTINCT(`_arg3`) AS `distinct_shop`,
  HR_LAST(`_arg3`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_shop`,
  HR_LAST(`_arg4`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_status`,
  MIN(`_arg2`) AS `min_weight`,
  HR_MOMENTS(`_arg2`) AS `moments_weight`,
  HR_LAST_N(`_arg5`, `_event_us`, `_src_partition`, `_src_offset`, 2) AS `newest2_cents`,
  HR_SUM_OF(SUM(`_arg5`), SUM(`_arg5` / CAST(4294967296 AS BIGINT)), 'revenue_ever, heavy_share_ever') AS `sum_cents`,
  SUM(`_arg2`) AS `sum_weight`,
  HR_TALLY(`_arg6`) AS `tally_express`
FROM `members_6742bb59`
GROUP BY GROUPING SETS ((`customer`, `_tile4`));

CREATE TEMPORARY VIEW `folded_6742bb59_1024d` AS
SELECT /*+ STATE_TTL('members_6742bb59' = '176954400 s') */ `customer`, CASE WHEN `_tile5` IS NOT NULL THEN CAST(88473600000000 AS BIGINT) END AS `level`, COALESCE(`_tile5`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_BUCKETS(`_arg1`) AS `buckets_cents`,
  COUNT(`_arg2`) AS `count_weight`,
  HR_DISTINCT(`_arg3`) AS `distinct_shop`,
  HR_LAST(`_arg3`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_shop`,
  HR_LAST(`_arg4`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_status`,
  MIN(`_arg2`) AS `min_weight`,
  HR_MOMENTS(`_arg2`) AS `moments_weight`,
  HR_LAST_N(`_arg5`, `_event_us`, `_src_partition`, `_src_offset`, 2) AS `newest2_cents`,
  HR_SUM_OF(SUM(`_arg5`), SUM(`_arg5` / CAST(4294967296 AS BIGINT)), 'revenue_ever, heavy_share_ever') AS `sum_cents`,
  SUM(`_arg2`) AS `sum_weight`,
  HR_TALLY(`_arg6`) AS `tally_express`
FROM `members_6742bb59`
GROUP BY GROUPING SETS ((`customer`, `_tile5`));

CREATE TEMPORARY VIEW `cells_6742bb59` AS
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`buckets_cents`, `f`.`count_weight`, `f`.`distinct_shop`, `f`.`first_shop`.`value`, -`f`.`first_shop`.`us`, -`f`.`first_shop`.`partition`, -`f`.`first_shop`.`offset`, `f`.`last_status`.`value`, `f`.`last_status`.`us`, `f`.`last_status`.`partition`, `f`.`last_status`.`offset`, `f`.`min_weight`, `f`.`moments_weight`.`n`, `f`.`moments_weight`.`mean`, `f`.`moments_weight`.`m2`, `f`.`newest2_cents`, `f`.`sum_cents`, `f`.`sum_weight`, `f`.`tally_express`) AS ROW<`n` BIGINT, `buckets_cents` BYTES, `count_weight` BIGINT, `distinct_shop` BYTES, `first_shop` STRING, `first_shop_us` BIGINT, `first_shop_partition` INT, `first_shop_offset` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT, `min_weight` DOUBLE, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest2_cents` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_express` BYTES>) AS `cell`
FROM `folded_6742bb59` AS `f`
UNION ALL
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`buckets_cents`, `f`.`count_weight`, `f`.`distinct_shop`, `f`.`first_shop`.`value`, -`f`.`first_shop`.`us`, -`f`.`first_shop`.`partition`, -`f`.`first_shop`.`offset`, `f`.`last_status`.`value`, `f`.`last_status`.`us`, `f`.`last_status`.`partition`, `f`.`last_status`.`offset`, `f`.`min_weight`, `f`.`moments_weight`.`n`, `f`.`moments_weight`.`mean`, `f`.`moments_weight`.`m2`, `f`.`newest2_cents`, `f`.`sum_cents`, `f`.`sum_weight`, `f`.`tally_express`) AS ROW<`n` BIGINT, `buckets_cents` BYTES, `count_weight` BIGINT, `distinct_shop` BYTES, `first_shop` STRING, `first_shop_us` BIGINT, `first_shop_partition` INT, `first_shop_offset` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT, `min_weight` DOUBLE, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest2_cents` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_express` BYTES>) AS `cell`
FROM `folded_6742bb59_32d` AS `f`
UNION ALL
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`buckets_cents`, `f`.`count_weight`, `f`.`distinct_shop`, `f`.`first_shop`.`value`, -`f`.`first_shop`.`us`, -`f`.`first_shop`.`partition`, -`f`.`first_shop`.`offset`, `f`.`last_status`.`value`, `f`.`last_status`.`us`, `f`.`last_status`.`partition`, `f`.`last_status`.`offset`, `f`.`min_weight`, `f`.`moments_weight`.`n`, `f`.`moments_weight`.`mean`, `f`.`moments_weight`.`m2`, `f`.`newest2_cents`, `f`.`sum_cents`, `f`.`sum_weight`, `f`.`tally_express`) AS ROW<`n` BIGINT, `buckets_cents` BYTES, `count_weight` BIGINT, `distinct_shop` BYTES, `first_shop` STRING, `first_shop_us` BIGINT, `first_shop_partition` INT, `first_shop_offset` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT, `min_weight` DOUBLE, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest2_cents` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_express` BYTES>) AS `cell`
FROM `folded_6742bb59_1024d` AS `f`;

CREATE TEMPORARY VIEW `members_6657e7d4` AS
SELECT `shop`, `_event_us`, `_src_partition`, `_src_offset`, CASE WHEN `express` THEN HR_ADD(HR_MUL(`cents`, CAST(2 AS BIGINT), 'express_fee'), CAST(5 AS BIGINT), 'express_fee') ELSE HR_SUB(`cents`, CAST(1 AS BIGINT), 'express_fee') END AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((((`weight` / NULLIF(CAST(`cents` AS DOUBLE), 0E0)) > 0.001E0) OR (`weight` IS NULL)) IS TRUE));

CREATE TEMPORARY VIEW `folded_6657e7d4` AS
SELECT `shop`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_SUM_OF(SUM(`_arg1`), SUM(`_arg1` / CAST(4294967296 AS BIGINT)), 'express_fee') AS `sum_x3adb5a70`
FROM `members_6657e7d4`
GROUP BY GROUPING SETS ((`shop`, `_tile1`));

CREATE TEMPORARY VIEW `cells_6657e7d4` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_x3adb5a70`) AS ROW<`n` BIGINT, `sum_x3adb5a70` BIGINT>) AS `cell`
FROM `folded_6657e7d4` AS `f`;

CREATE TEMPORARY VIEW `members_94d468d8` AS
SELECT `shop`, `_event_us`, `_src_partition`, `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE));

CREATE TEMPORARY VIEW `nested_94d468d8` AS
SELECT `shop`, `_tile2`, HR_TILES('', `_tile1`, `_event_us`) AS `_tiles`
FROM `members_94d468d8`
GROUP BY `shop`, `_tile2`;

CREATE TEMPORARY VIEW `folded_94d468d8_nested` AS
SELECT `shop`, CASE WHEN `_start` IS NULL THEN CAST(3600000000 AS BIGINT) ELSE CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_start`, `_tile2`) AS `tile_start`,
  `_n` AS `n`,
  `_newest` AS `_last_event_us`
FROM `nested_94d468d8` CROSS JOIN UNNEST(`_tiles`) AS `_t` (`_start`, `_n`, `_newest`);

CREATE TEMPORARY VIEW `cells_94d468d8` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_94d468d8_nested` AS `f`;

CREATE TEMPORARY VIEW `members_1ac7cba3` AS
SELECT `customer`, `_event_us`, `_src_partition`, `_src_offset`, `cents` AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`, `_event_us` - MOD(`_event_us`, CAST(86400000000 AS BIGINT)) AS `_tile3`, `_event_us` - MOD(`_event_us`, CAST(2764800000000 AS BIGINT)) AS `_tile4`, `_event_us` - MOD(`_event_us`, CAST(88473600000000 AS BIGINT)) AS `_tile5`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((`weight` > CAST(CAST(1 AS BIGINT) AS DOUBLE)) IS TRUE));

CREATE TEMPORARY VIEW `nested_1ac7cba3` AS
SELECT `customer`, `_tile2`, HR_TILES('ss', `_tile1`, `_event_us`, `_arg1`, `_arg1` / CAST(4294967296 AS BIGINT)) AS `_tiles`
FROM `members_1ac7cba3`
GROUP BY `customer`, `_tile2`;

CREATE TEMPORARY VIEW `folded_1ac7cba3_nested` AS
SELECT `customer`, CASE WHEN `_start` IS NULL THEN CAST(3600000000 AS BIGINT) ELSE CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_start`, `_tile2`) AS `tile_start`,
  `_n` AS `n`,
  `_newest` AS `_last_event_us`,
  HR_SUM_OF(`_x1`, `_x2`, 'heavy_share_ever') AS `sum_cents`
FROM `nested_1ac7cba3` CROSS JOIN UNNEST(`_tiles`) AS `_t` (`_start`, `_n`, `_newest`, `_x1`, `_x2`);

CREATE TEMPORARY VIEW `folded_1ac7cba3` AS
SELECT `customer`, CASE WHEN `_tile3` IS NOT NULL THEN CAST(86400000000 AS BIGINT) END AS `level`, COALESCE(`_tile3`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_SUM_OF(SUM(`_arg1`), SUM(`_arg1` / CAST(4294967296 AS BIGINT)), 'heavy_share_ever') AS `sum_cents`
FROM `members_1ac7cba3`
GROUP BY GROUPING SETS ((`customer`, `_tile3`));

CREATE TEMPORARY VIEW `folded_1ac7cba3_32d` AS
SELECT /*+ STATE_TTL('members_1ac7cba3' = '5536800 s') */ `customer`, CASE WHEN `_tile4` IS NOT NULL THEN CAST(2764800000000 AS BIGINT) END AS `level`, COALESCE(`_tile4`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_SUM_OF(SUM(`_arg1`), SUM(`_arg1` / CAST(4294967296 AS BIGINT)), 'heavy_share_ever') AS `sum_cents`
FROM `members_1ac7cba3`
GROUP BY GROUPING SETS ((`customer`, `_tile4`));

CREATE TEMPORARY VIEW `folded_1ac7cba3_1024d` AS
SELECT /*+ STATE_TTL('members_1ac7cba3' = '176954400 s') */ `customer`, CASE WHEN `_tile5` IS NOT NULL THEN CAST(88473600000000 AS BIGINT) END AS `level`, COALESCE(`_tile5`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_SUM_OF(SUM(`_arg1`), SUM(`_arg1` / CAST(4294967296 AS BIGINT)), 'heavy_share_ever') AS `sum_cents`
FROM `members_1ac7cba3`
GROUP BY GROUPING SETS ((`customer`, `_tile5`));

CREATE TEMPORARY VIEW `cells_1ac7cba3` AS
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_cents`) AS ROW<`n` BIGINT, `sum_cents` BIGINT>) AS `cell`
FROM `folded_1ac7cba3_nested` AS `f`
UNION ALL
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_cents`) AS ROW<`n` BIGINT, `sum_cents` BIGINT>) AS `cell`
FROM `folded_1ac7cba3` AS `f`
UNION ALL
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_cents`) AS ROW<`n` BIGINT, `sum_cents` BIGINT>) AS `cell`
FROM `folded_1ac7cba3_32d` AS `f`
UNION ALL
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_cents`) AS ROW<`n` BIGINT, `sum_cents` BIGINT>) AS `cell`
FROM `folded_1ac7cba3_1024d` AS `f`;

CREATE TEMPORARY VIEW `members_c2d8c40e` AS
SELECT `customer`, `express`, `_event_us`, `_src_partition`, `_src_offset`, HR_FINITE((`weight` / NULLIF(CAST(`cents` AS DOUBLE), 0E0))) AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (((`status` IN ('paid', 'it''s open')) AND (NOT (`cents` < CAST(0 AS BIGINT)))) IS TRUE));

CREATE TEMPORARY VIEW `folded_c2d8c40e` AS
SELECT `customer`, `express`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(3600000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  MAX(`_arg1`) AS `max_xbc713885`
FROM `members_c2d8c40e`
GROUP BY GROUPING SETS ((`customer`, `express`, `_tile1`));

CREATE TEMPORARY VIEW `cells_c2d8c40e` AS
SELECT `customer`, `express`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`max_xbc713885`) AS ROW<`n` BIGINT, `max_xbc713885` DOUBLE>) AS `cell`
FROM `folded_c2d8c40e` AS `f`;

CREATE TEMPORARY VIEW `positioned` AS
SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,
  `_src_offset` / CAST(65536 AS BIGINT) AS `block`, `_src_offset` AS `offset`,
  MOD(`_src_offset`, CAST(65536 AS BIGINT)) AS `in_block`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_accepted`, CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_late`,
  CASE WHEN (`_verdict` = CAST(2 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_dead`, CASE WHEN (`_verdict` = CAST(3 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_duplicate`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `folded` = CAST(0 AS BIGINT) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_filtered`, `folded`
FROM (
  SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,
    (((((CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((((`weight` / NULLIF(CAST(`cents` AS DOUBLE), 0E0)) > 0.001E0) OR (`weight` IS NULL)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((`weight` > CAST(CAST(1 AS BIGINT) AS DOUBLE)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (((`status` IN ('paid', 'it''s open')) AND (NOT (`cents` < CAST(0 AS BIGINT)))) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS `folded`
  FROM `judged`
);

CREATE TEMPORARY VIEW `offset_blocks` AS
SELECT CAST('run-1' AS STRING) AS `run`, CAST('shop_features' AS STRING) AS `view`, CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`, `topic`, `partition`, `block`, COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,
  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,
  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,
  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`
FROM `positioned`
GROUP BY `is_live`, `topic`, `partition`, `block`;

CREATE TEMPORARY TABLE `tiles_1ed66575` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `buckets_cents` BYTES, `buckets_weight` BYTES, `count_cents` BIGINT, `count_weight` BIGINT, `distinct_customer` BYTES, `first_status` STRING, `first_status_us` BIGINT, `first_status_partition` INT, `first_status_offset` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `max_ordered_at` BIGINT, `min_cents` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest100_express` BYTES, `newest3_weight` BYTES, `newest5_status` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_cents` BYTES, `tally_status` BYTES>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '1ed66575',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_1ed66575` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `buckets_cents` BYTES, `buckets_weight` BYTES, `count_cents` BIGINT, `count_weight` BIGINT, `distinct_customer` BYTES, `first_status` STRING, `first_status_us` BIGINT, `first_status_partition` INT, `first_status_offset` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `max_ordered_at` BIGINT, `min_cents` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest100_express` BYTES, `newest3_weight` BYTES, `newest5_status` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_cents` BYTES, `tally_status` BYTES>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '1ed66575'
);

CREATE TEMPORARY TABLE `tiles_6742bb59` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `buckets_cents` BYTES, `count_weight` BIGINT, `distinct_shop` BYTES, `first_shop` STRING, `first_shop_us` BIGINT, `first_shop_partition` INT, `first_shop_offset` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT, `min_weight` DOUBLE, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest2_cents` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_express` BYTES>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '6742bb59',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_6742bb59` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `buckets_cents` BYTES, `count_weight` BIGINT, `distinct_shop` BYTES, `first_shop` STRING, `first_shop_us` BIGINT, `first_shop_partition` INT, `first_shop_offset` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT, `min_weight` DOUBLE, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest2_cents` BYTES, `sum_cents` BIGINT, `sum_weight` DOUBLE, `tally_express` BYTES>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '6742bb59'
);

CREATE TEMPORARY TABLE `tiles_6657e7d4` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_x3adb5a70` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '6657e7d4',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_6657e7d4` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_x3adb5a70` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '6657e7d4'
);

CREATE TEMPORARY TABLE `tiles_94d468d8` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '94d468d8',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_94d468d8` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '94d468d8'
);

CREATE TEMPORARY TABLE `tiles_1ac7cba3` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_cents` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '1ac7cba3',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_1ac7cba3` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_cents` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '1ac7cba3'
);

CREATE TEMPORARY TABLE `tiles_c2d8c40e` (
  `customer` BIGINT,
  `express` BOOLEAN,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `max_xbc713885` DOUBLE>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = 'c2d8c40e',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_c2d8c40e` (
  `customer` BIGINT,
  `express` BOOLEAN,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `max_xbc713885` DOUBLE>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'c2d8c40e'
);

CREATE TEMPORARY TABLE `offset_tiles` (
  `run` STRING,
  `view` STRING,
  `leg` STRING,
  `topic` STRING,
  `partition` INT,
  `block` BIGINT,
  `n` BIGINT,
  `min_offset` BIGINT,
  `max_offset` BIGINT,
  `sum_offset` BIGINT,
  `sum_sq` BIGINT,
  `accepted` BIGINT,
  `late` BIGINT,
  `dead_lettered` BIGINT,
  `duplicate` BIGINT,
  `filtered` BIGINT,
  `folded` BIGINT
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'offset_tiles'
);

CREATE TEMPORARY TABLE `dead_letters` (
  `run` STRING,
  `view` STRING,
  `topic` STRING,
  `partition` INT,
  `offset` BIGINT,
  `verdict` STRING,
  `reason` STRING,
  `raw` BYTES,
  `arrival_time` TIMESTAMP_LTZ(6)
) WITH (
  'connector' = 'iceberg',
  'catalog-table' = 'dead_letters'
);

BEGIN STATEMENT SET;

INSERT INTO `tiles_1ed66575`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(1821605000000 AS BIGINT)
FROM `cells_1ed66575`;

INSERT INTO `tile_log_1ed66575`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_1ed66575`;

INSERT INTO `tiles_6742bb59`
SELECT `customer`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, CASE WHEN `level` = CAST(3600000000 AS BIGINT) THEN `tile_start` + CAST(97205000000 AS BIGINT) WHEN `level` = CAST(86400000000 AS BIGINT) THEN `tile_start` + CAST(2858405000000 AS BIGINT) WHEN `level` = CAST(2764800000000 AS BIGINT) THEN `tile_start` + CAST(91245605000000 AS BIGINT) END
FROM `cells_6742bb59`;

INSERT INTO `tile_log_6742bb59`
SELECT `customer`, `level`, `tile_start`, `n`, `cell`
FROM `cells_6742bb59`;

INSERT INTO `tiles_6657e7d4`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(11105000000 AS BIGINT)
FROM `cells_6657e7d4`;

INSERT INTO `tile_log_6657e7d4`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_6657e7d4`;

INSERT INTO `tiles_94d468d8`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(1738805000000 AS BIGINT)
FROM `cells_94d468d8`;

INSERT INTO `tile_log_94d468d8`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_94d468d8`;

INSERT INTO `tiles_1ac7cba3`
SELECT `customer`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, CASE WHEN `level` = CAST(300000000 AS BIGINT) THEN `tile_start` + CAST(11105000000 AS BIGINT) WHEN `level` = CAST(3600000000 AS BIGINT) THEN `tile_start` + CAST(97205000000 AS BIGINT) WHEN `level` = CAST(86400000000 AS BIGINT) THEN `tile_start` + CAST(2858405000000 AS BIGINT) WHEN `level` = CAST(2764800000000 AS BIGINT) THEN `tile_start` + CAST(91245605000000 AS BIGINT) END
FROM `cells_1ac7cba3`;

INSERT INTO `tile_log_1ac7cba3`
SELECT `customer`, `level`, `tile_start`, `n`, `cell`
FROM `cells_1ac7cba3`;

INSERT INTO `tiles_c2d8c40e`
SELECT `customer`, `express`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(270005000000 AS BIGINT)
FROM `cells_c2d8c40e`;

INSERT INTO `tile_log_c2d8c40e`
SELECT `customer`, `express`, `level`, `tile_start`, `n`, `cell`
FROM `cells_c2d8c40e`;

INSERT INTO `offset_tiles`
SELECT *
FROM `offset_blocks`;

INSERT INTO `dead_letters`
SELECT CAST('run-1' AS STRING), CAST('shop_features' AS STRING),
  `_src_topic`, `_src_partition`, `_src_offset`, CAST(CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN 'late' ELSE 'dead_letter' END AS STRING),
  COALESCE(CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`shop` IS NULL) THEN CAST('shop is missing' AS STRING)
  WHEN (`status` IS NULL) THEN CAST('status is missing' AS STRING)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST('status has an unknown value' AS STRING)
  WHEN (`cents` IS NULL) THEN CAST('cents is missing' AS STRING)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST('weight is no finite number' AS STRING)
  WHEN (`express` IS NULL) THEN CAST('express is missing' AS STRING)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST('ordered_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING)
  WHEN (`customer` IS NULL) THEN CAST('key customer is missing' AS STRING)
  WHEN (((`weight` > CAST(CAST(1 AS BIGINT) AS DOUBLE)) IS TRUE) AND (`customer` IS NULL)) THEN CAST('key customer is missing' AS STRING)
  WHEN ((((`status` IN ('paid', 'it''s open')) AND (NOT (`cents` < CAST(0 AS BIGINT)))) IS TRUE) AND (`customer` IS NULL)) THEN CAST('key customer is missing' AS STRING) ELSE CAST(NULL AS STRING) END, CAST('event time is more than 2h before arrival' AS STRING)),
  CASE WHEN `_raw` IS NOT NULL THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'shop' VALUE `shop`, KEY 'customer' VALUE `customer`, KEY 'status' VALUE `status`, KEY 'cents' VALUE `cents`, KEY 'weight' VALUE CAST(`weight` AS STRING), KEY 'express' VALUE `express`, KEY 'ordered_at' VALUE CAST(`ordered_at` AS STRING)), 'UTF-8') END, `_src_timestamp`
FROM `judged`
WHERE (`_verdict` = CAST(1 AS BIGINT)) OR (`_verdict` = CAST(2 AS BIGINT));

END;
