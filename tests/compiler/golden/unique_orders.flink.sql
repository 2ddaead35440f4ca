SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_RANK AS 'io.headrace.flink.functions.HrRank';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUM_OF AS 'io.headrace.flink.functions.HrSumOf';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MOMENTS AS 'io.headrace.flink.functions.HrMoments';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST AS 'io.headrace.flink.functions.HrLast';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST_N AS 'io.headrace.flink.functions.HrLastN';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TALLY AS 'io.headrace.flink.functions.HrTally';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TILES AS 'io.headrace.flink.tiles.HrTiles';

CREATE TEMPORARY TABLE `history` (
  `number` STRING,
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
  `number` STRING,
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
SELECT FALSE AS `_is_live`, `number`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history`
UNION ALL
SELECT TRUE AS `_is_live`, `number`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live`;

CREATE TEMPORARY VIEW `timed` AS
SELECT *, HR_MICROS(`ordered_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events`;

CREATE TEMPORARY VIEW `alone` AS
SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN (`number` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`shop` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`customer` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`status` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN (`cents` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN (`express` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_arrival_us` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `_alone`, PROCTIME() AS `_now`
FROM `timed`;

CREATE TEMPORARY VIEW `judged` AS
SELECT *, CASE WHEN (`_alone` = CAST(0 AS BIGINT)) AND COUNT(*) OVER (PARTITION BY CASE WHEN (`_alone` = CAST(0 AS BIGINT)) THEN CAST(-1 AS BIGINT) ELSE `_src_offset` END,
    `number`,
    HR_MICROS(`ordered_at`),
    `cents`,
    `shop`,
    `status`,
    CASE WHEN (ABS(`weight`) = ABS(0.0E0)) THEN 0.0E0 ELSE `weight` END
  ORDER BY `_now`) > 1 THEN CAST(3 AS BIGINT) ELSE `_alone` END AS `_verdict`
FROM `alone`;

CREATE TEMPORARY VIEW `members_e6b3e00c` AS
SELECT `shop`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, HR_RANK(`number`) AS `_src_offset`, `weight` AS `_arg1`, `cents` AS `_arg2`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`, `_event_us` - MOD(`_event_us`, CAST(86400000000 AS BIGINT)) AS `_tile3`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_e6b3e00c` AS
SELECT `shop`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) WHEN `_tile2` IS NOT NULL THEN CAST(3600000000 AS BIGINT) WHEN `_tile3` IS NOT NULL THEN CAST(86400000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`, `_tile2`, `_tile3`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_LAST(`_arg1`, -`_event_us`, -`_src_partition`, -`_src_offset`) AS `first_weight`,
  HR_LAST(`_arg1`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_weight`,
  HR_MOMENTS(`_arg1`) AS `moments_weight`,
  HR_LAST_N(`_arg1`, `_event_us`, `_src_partition`, `_src_offset`, 3) AS `newest3_weight`,
  HR_SUM_OF(SUM(`_arg2`), SUM(`_arg2` / CAST(4294967296 AS BIGINT)), 'revenue') AS `sum_cents`,
  HR_TALLY(`_arg2`) AS `tally_cents`
FROM `members_e6b3e00c`
GROUP BY GROUPING SETS ((`shop`, `_tile1`), (`shop`, `_tile2`), (`shop`, `_tile3`));

CREATE TEMPORARY VIEW `cells_e6b3e00c` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`first_weight`.`value`, -`f`.`first_weight`.`us`, -`f`.`first_weight`.`partition`, -`f`.`first_weight`.`offset`, `f`.`last_weight`.`value`, `f`.`last_weight`.`us`, `f`.`last_weight`.`partition`, `f`.`last_weight`.`offset`, `f`.`moments_weight`.`n`, `f`.`moments_weight`.`mean`, `f`.`moments_weight`.`m2`, `f`.`newest3_weight`, `f`.`sum_cents`, `f`.`tally_cents`) AS ROW<`n` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest3_weight` BYTES, `sum_cents` BIGINT, `tally_cents` BYTES>) AS `cell`
FROM `folded_e6b3e00c` AS `f`;

CREATE TEMPORARY VIEW `members_f7751486` AS
SELECT `shop`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, HR_RANK(`number`) AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE));

CREATE TEMPORARY VIEW `nested_f7751486` AS
SELECT `shop`, `_tile2`, HR_TILES('', `_tile1`, `_event_us`) AS `_tiles`
FROM `members_f7751486`
GROUP BY `shop`, `_tile2`;

CREATE TEMPORARY VIEW `folded_f7751486_nested` AS
SELECT `shop`, CASE WHEN `_start` IS NULL THEN CAST(3600000000 AS BIGINT) ELSE CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_start`, `_tile2`) AS `tile_start`,
  `_n` AS `n`,
  `_newest` AS `_last_event_us`
FROM `nested_f7751486` CROSS JOIN UNNEST(`_tiles`) AS `_t` (`_start`, `_n`, `_newest`);

CREATE TEMPORARY VIEW `cells_f7751486` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_f7751486_nested` AS `f`;

CREATE TEMPORARY VIEW `positioned` AS
SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,
  `_src_offset` / CAST(65536 AS BIGINT) AS `block`, `_src_offset` AS `offset`,
  MOD(`_src_offset`, CAST(65536 AS BIGINT)) AS `in_block`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_accepted`, CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_late`,
  CASE WHEN (`_verdict` = CAST(2 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_dead`, CASE WHEN (`_verdict` = CAST(3 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_duplicate`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `folded` = CAST(0 AS BIGINT) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_filtered`, `folded`
FROM (
  SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,
    (CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS `folded`
  FROM `judged`
);

CREATE TEMPORARY VIEW `offset_blocks` AS
SELECT CAST('run-1' AS STRING) AS `run`, CAST('unique_orders' AS STRING) AS `view`, CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`, `topic`, `partition`, `block`, COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,
  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,
  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,
  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`
FROM `positioned`
GROUP BY `is_live`, `topic`, `partition`, `block`;

CREATE TEMPORARY TABLE `tiles_e6b3e00c` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest3_weight` BYTES, `sum_cents` BIGINT, `tally_cents` BYTES>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = 'e6b3e00c',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_e6b3e00c` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `first_weight` DOUBLE, `first_weight_us` BIGINT, `first_weight_partition` INT, `first_weight_offset` BIGINT, `last_weight` DOUBLE, `last_weight_us` BIGINT, `last_weight_partition` INT, `last_weight_offset` BIGINT, `moments_weight_n` BIGINT, `moments_weight_mean` DOUBLE, `moments_weight_m2` DOUBLE, `newest3_weight` BYTES, `sum_cents` BIGINT, `tally_cents` BYTES>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'e6b3e00c'
);

CREATE TEMPORARY TABLE `tiles_f7751486` (
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
  'table' = 'f7751486',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_f7751486` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'f7751486'
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

INSERT INTO `tiles_e6b3e00c`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(1821605000000 AS BIGINT)
FROM `cells_e6b3e00c`;

INSERT INTO `tile_log_e6b3e00c`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_e6b3e00c`;

INSERT INTO `tiles_f7751486`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(270005000000 AS BIGINT)
FROM `cells_f7751486`;

INSERT INTO `tile_log_f7751486`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_f7751486`;

INSERT INTO `offset_tiles`
SELECT *
FROM `offset_blocks`;

INSERT INTO `dead_letters`
SELECT CAST('run-1' AS STRING), CAST('unique_orders' AS STRING),
  `_src_topic`, `_src_partition`, `_src_offset`, CAST(CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN 'late' ELSE 'dead_letter' END AS STRING),
  COALESCE(CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`number` IS NULL) THEN CAST('number is missing' AS STRING)
  WHEN (`shop` IS NULL) THEN CAST('shop is missing' AS STRING)
  WHEN (`customer` IS NULL) THEN CAST('customer is missing' AS STRING)
  WHEN (`status` IS NULL) THEN CAST('status is missing' AS STRING)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST('status has an unknown value' AS STRING)
  WHEN (`cents` IS NULL) THEN CAST('cents is missing' AS STRING)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST('weight is no finite number' AS STRING)
  WHEN (`express` IS NULL) THEN CAST('express is missing' AS STRING)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST('ordered_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END, CAST('event time is more than 2h before arrival' AS STRING)),
  CASE WHEN `_raw` IS NOT NULL THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'number' VALUE `number`, KEY 'shop' VALUE `shop`, KEY 'customer' VALUE `customer`, KEY 'status' VALUE `status`, KEY 'cents' VALUE `cents`, KEY 'weight' VALUE CAST(`weight` AS STRING), KEY 'express' VALUE `express`, KEY 'ordered_at' VALUE CAST(`ordered_at` AS STRING)), 'UTF-8') END, `_src_timestamp`
FROM `judged`
WHERE (`_verdict` = CAST(1 AS BIGINT)) OR (`_verdict` = CAST(2 AS BIGINT));

END;
