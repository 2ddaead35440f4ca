SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_FLOOR_DIV AS 'io.headrace.flink.functions.HrFloorDiv';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_FINITE AS 'io.headrace.flink.functions.HrFinite';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUM_OF AS 'io.headrace.flink.functions.HrSumOf';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST AS 'io.headrace.flink.functions.HrLast';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TILES AS 'io.headrace.flink.tiles.HrTiles';

CREATE TEMPORARY TABLE `history_1` (
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

CREATE TEMPORARY TABLE `live_1` (
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

CREATE TEMPORARY TABLE `history_2` (
  `number` STRING,
  `store` STRING,
  `client` STRING,
  `state` STRING,
  `half_cents` BIGINT,
  `quarters` DOUBLE,
  `kind` STRING,
  `placed_at` TIMESTAMP_LTZ(6),
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

CREATE TEMPORARY TABLE `live_2` (
  `number` STRING,
  `store` STRING,
  `client` STRING,
  `state` STRING,
  `half_cents` BIGINT,
  `quarters` DOUBLE,
  `kind` STRING,
  `placed_at` TIMESTAMP_LTZ(6),
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

CREATE TEMPORARY TABLE `history_3` (
  `number` STRING,
  `shop` STRING,
  `customer` BIGINT,
  `cents` BIGINT,
  `weight` DOUBLE,
  `called_at` TIMESTAMP_LTZ(6),
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

CREATE TEMPORARY TABLE `live_3` (
  `number` STRING,
  `shop` STRING,
  `customer` BIGINT,
  `cents` BIGINT,
  `weight` DOUBLE,
  `called_at` TIMESTAMP_LTZ(6),
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

CREATE TEMPORARY VIEW `events_1` AS
SELECT FALSE AS `_is_live`, `number`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history_1`
UNION ALL
SELECT TRUE AS `_is_live`, `number`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live_1`;

CREATE TEMPORARY VIEW `events_2` AS
SELECT FALSE AS `_is_live`, `number`, `store`, `client`, `state`, `half_cents`, `quarters`, `kind`, `placed_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history_2`
UNION ALL
SELECT TRUE AS `_is_live`, `number`, `store`, `client`, `state`, `half_cents`, `quarters`, `kind`, `placed_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live_2`;

CREATE TEMPORARY VIEW `events_3` AS
SELECT FALSE AS `_is_live`, `number`, `shop`, `customer`, `cents`, `weight`, `called_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history_3`
UNION ALL
SELECT TRUE AS `_is_live`, `number`, `shop`, `customer`, `cents`, `weight`, `called_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live_3`;

CREATE TEMPORARY VIEW `events` AS
SELECT `number`, `shop`, `customer`, `status`, `cents`, `weight`, `express`, `ordered_at`, CAST(0 AS BIGINT) AS `_member`, `_refused`, `_src_timestamp` AS `_arrived`, CAST(0 + `_src_partition` AS INT) AS `_order_partition`, `_src_offset` AS `_order_offset`, `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, CASE WHEN `_raw` IS NOT NULL OR (`_refused` IS NOT NULL OR (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT)))) IS NOT TRUE THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'number' VALUE `number`, KEY 'shop' VALUE `shop`, KEY 'customer' VALUE `customer`, KEY 'status' VALUE `status`, KEY 'cents' VALUE `cents`, KEY 'weight' VALUE CAST(`weight` AS STRING), KEY 'express' VALUE `express`, KEY 'ordered_at' VALUE CAST(`ordered_at` AS STRING)), 'UTF-8') END AS `_raw`
FROM (SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`number` IS NULL) THEN CAST('number is missing' AS STRING)
  WHEN (`shop` IS NULL) THEN CAST('shop is missing' AS STRING)
  WHEN (`status` IS NULL) THEN CAST('status is missing' AS STRING)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST('status has an unknown value' AS STRING)
  WHEN (`cents` IS NULL) THEN CAST('cents is missing' AS STRING)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST('weight is no finite number' AS STRING)
  WHEN (`express` IS NULL) THEN CAST('express is missing' AS STRING)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST('ordered_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END AS `_refused`
FROM (SELECT *, HR_MICROS(`ordered_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events_1`))
UNION ALL
SELECT `number`, `store` AS `shop`, CASE WHEN `_refused` IS NULL THEN CAST(CASE WHEN REGEXP(`client`, '\A([+-]?[0-9]+)\z') THEN TRY_CAST(`client` AS BIGINT) END AS BIGINT) END AS `customer`, `state` AS `status`, CASE WHEN `_refused` IS NULL THEN CAST(HR_FLOOR_DIV(`half_cents`, CAST(2 AS BIGINT), 'Orders.cents') AS BIGINT) END AS `cents`, CASE WHEN `_refused` IS NULL THEN CAST(HR_FINITE((`quarters` / NULLIF(CAST(CAST(4 AS BIGINT) AS DOUBLE), 0E0))) AS DOUBLE) END AS `weight`, CASE WHEN `_refused` IS NULL THEN CAST((`kind` = 'express') AS BOOLEAN) END AS `express`, `placed_at` AS `ordered_at`, CAST(1 AS BIGINT) AS `_member`, `_refused`, `_src_timestamp` AS `_arrived`, CAST(1048576 + `_src_partition` AS INT) AS `_order_partition`, `_src_offset` AS `_order_offset`, `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, CASE WHEN `_raw` IS NOT NULL OR (`_refused` IS NOT NULL OR (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT)))) IS NOT TRUE THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'number' VALUE `number`, KEY 'store' VALUE `store`, KEY 'client' VALUE `client`, KEY 'state' VALUE `state`, KEY 'half_cents' VALUE `half_cents`, KEY 'quarters' VALUE CAST(`quarters` AS STRING), KEY 'kind' VALUE `kind`, KEY 'placed_at' VALUE CAST(`placed_at` AS STRING)), 'UTF-8') END AS `_raw`
FROM (SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`number` IS NULL) THEN CAST('number is missing' AS STRING)
  WHEN (`store` IS NULL) THEN CAST('store is missing' AS STRING)
  WHEN (`state` IS NULL) THEN CAST('state is missing' AS STRING)
  WHEN (`half_cents` IS NULL) THEN CAST('half_cents is missing' AS STRING)
  WHEN (`quarters` - `quarters` <> 0E0) THEN CAST('quarters is no finite number' AS STRING)
  WHEN (`kind` IS NULL) THEN CAST('kind is missing' AS STRING)
  WHEN (HR_MICROS(`placed_at`) IS NULL) THEN CAST('placed_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END AS `_refused`
FROM (SELECT *, HR_MICROS(`placed_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events_2`))
UNION ALL
SELECT `number`, `shop`, `customer`, CASE WHEN `_refused` IS NULL THEN CAST('paid' AS STRING) END AS `status`, `cents`, `weight`, CASE WHEN `_refused` IS NULL THEN CAST(FALSE AS BOOLEAN) END AS `express`, `called_at` AS `ordered_at`, CAST(2 AS BIGINT) AS `_member`, `_refused`, `_src_timestamp` AS `_arrived`, CAST(2097152 + `_src_partition` AS INT) AS `_order_partition`, `_src_offset` AS `_order_offset`, `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, CASE WHEN `_raw` IS NOT NULL OR (`_refused` IS NOT NULL OR (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT)))) IS NOT TRUE THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'number' VALUE `number`, KEY 'shop' VALUE `shop`, KEY 'customer' VALUE `customer`, KEY 'cents' VALUE `cents`, KEY 'weight' VALUE CAST(`weight` AS STRING), KEY 'called_at' VALUE CAST(`called_at` AS STRING)), 'UTF-8') END AS `_raw`
FROM (SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`number` IS NULL) THEN CAST('number is missing' AS STRING)
  WHEN (`shop` IS NULL) THEN CAST('shop is missing' AS STRING)
  WHEN (`cents` IS NULL) THEN CAST('cents is missing' AS STRING)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST('weight is no finite number' AS STRING)
  WHEN (HR_MICROS(`called_at`) IS NULL) THEN CAST('called_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END AS `_refused`
FROM (SELECT *, HR_MICROS(`called_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events_3`));

CREATE TEMPORARY VIEW `timed` AS
SELECT *, HR_MICROS(`ordered_at`) AS `_event_us`, HR_MICROS(`_arrived`) AS `_arrival_us`
FROM `events`;

CREATE TEMPORARY VIEW `judged` AS
SELECT *, CASE WHEN (`_refused` IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN (`number` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`shop` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`status` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST(2 AS BIGINT)
  WHEN (`cents` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN (`express` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`customer` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < (`_arrival_us` - CAST(7200000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `_verdict`
FROM `timed`;

CREATE TEMPORARY VIEW `members_fde70ee8` AS
SELECT `shop`, `_event_us`, `_order_partition` AS `_src_partition`, `_order_offset` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `nested_fde70ee8` AS
SELECT `shop`, `_tile2`, HR_TILES('', `_tile1`, `_event_us`) AS `_tiles`
FROM `members_fde70ee8`
GROUP BY `shop`, `_tile2`;

CREATE TEMPORARY VIEW `folded_fde70ee8_nested` AS
SELECT `shop`, CASE WHEN `_start` IS NULL THEN CAST(3600000000 AS BIGINT) ELSE CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_start`, `_tile2`) AS `tile_start`,
  `_n` AS `n`,
  `_newest` AS `_last_event_us`
FROM `nested_fde70ee8` CROSS JOIN UNNEST(`_tiles`) AS `_t` (`_start`, `_n`, `_newest`);

CREATE TEMPORARY VIEW `cells_fde70ee8` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_fde70ee8_nested` AS `f`;

CREATE TEMPORARY VIEW `members_3d1210f8` AS
SELECT `shop`, `_event_us`, `_order_partition` AS `_src_partition`, `_order_offset` AS `_src_offset`, `cents` AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'paid') IS TRUE));

CREATE TEMPORARY VIEW `folded_3d1210f8` AS
SELECT `shop`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_SUM_OF(SUM(`_arg1`), SUM(`_arg1` / CAST(4294967296 AS BIGINT)), 'paid') AS `sum_cents`
FROM `members_3d1210f8`
GROUP BY GROUPING SETS ((`shop`, `_tile1`));

CREATE TEMPORARY VIEW `cells_3d1210f8` AS
SELECT `shop`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`sum_cents`) AS ROW<`n` BIGINT, `sum_cents` BIGINT>) AS `cell`
FROM `folded_3d1210f8` AS `f`;

CREATE TEMPORARY VIEW `members_b46bd44d` AS
SELECT `customer`, `_event_us`, `_order_partition` AS `_src_partition`, `_order_offset` AS `_src_offset`, `status` AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_b46bd44d` AS
SELECT `customer`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_LAST(`_arg1`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_status`
FROM `members_b46bd44d`
GROUP BY GROUPING SETS ((`customer`, `_tile1`));

CREATE TEMPORARY VIEW `cells_b46bd44d` AS
SELECT `customer`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`last_status`.`value`, `f`.`last_status`.`us`, `f`.`last_status`.`partition`, `f`.`last_status`.`offset`) AS ROW<`n` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT>) AS `cell`
FROM `folded_b46bd44d` AS `f`;

CREATE TEMPORARY VIEW `positioned` AS
SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,
  `_src_offset` / CAST(65536 AS BIGINT) AS `block`, `_src_offset` AS `offset`,
  MOD(`_src_offset`, CAST(65536 AS BIGINT)) AS `in_block`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_accepted`, CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_late`,
  CASE WHEN (`_verdict` = CAST(2 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_dead`, CASE WHEN (`_verdict` = CAST(3 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_duplicate`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `folded` = CAST(0 AS BIGINT) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_filtered`, `folded`
FROM (
  SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,
    ((CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'paid') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS `folded`
  FROM `judged`
);

CREATE TEMPORARY VIEW `offset_blocks` AS
SELECT CAST('run-1' AS STRING) AS `run`, CAST('united_orders' AS STRING) AS `view`, CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`, `topic`, `partition`, `block`, COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,
  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,
  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,
  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`
FROM `positioned`
GROUP BY `is_live`, `topic`, `partition`, `block`;

CREATE TEMPORARY TABLE `tiles_fde70ee8` (
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
  'table' = 'fde70ee8',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_fde70ee8` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'fde70ee8'
);

CREATE TEMPORARY TABLE `tiles_3d1210f8` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_cents` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '3d1210f8',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_3d1210f8` (
  `shop` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `sum_cents` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '3d1210f8'
);

CREATE TEMPORARY TABLE `tiles_b46bd44d` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = 'b46bd44d',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_b46bd44d` (
  `customer` BIGINT,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `last_status` STRING, `last_status_us` BIGINT, `last_status_partition` INT, `last_status_offset` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'b46bd44d'
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

INSERT INTO `tiles_fde70ee8`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(270060000000 AS BIGINT)
FROM `cells_fde70ee8`;

INSERT INTO `tile_log_fde70ee8`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_fde70ee8`;

INSERT INTO `tiles_3d1210f8`
SELECT `shop`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(11160000000 AS BIGINT)
FROM `cells_3d1210f8`;

INSERT INTO `tile_log_3d1210f8`
SELECT `shop`, `level`, `tile_start`, `n`, `cell`
FROM `cells_3d1210f8`;

INSERT INTO `tiles_b46bd44d`
SELECT `customer`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`
FROM `cells_b46bd44d`;

INSERT INTO `tile_log_b46bd44d`
SELECT `customer`, `level`, `tile_start`, `n`, `cell`
FROM `cells_b46bd44d`;

INSERT INTO `offset_tiles`
SELECT *
FROM `offset_blocks`;

INSERT INTO `dead_letters`
SELECT CAST('run-1' AS STRING), CAST('united_orders' AS STRING),
  `_src_topic`, `_src_partition`, `_src_offset`, CAST(CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN 'late' ELSE 'dead_letter' END AS STRING),
  COALESCE(CASE WHEN (`_refused` IS NOT NULL) THEN `_refused`
  WHEN (`number` IS NULL) THEN CAST('number is missing' AS STRING)
  WHEN (`shop` IS NULL) THEN CAST('shop is missing' AS STRING)
  WHEN (`status` IS NULL) THEN CAST('status is missing' AS STRING)
  WHEN (NOT (`status` IN ('failed', 'it''s open', 'paid'))) THEN CAST('status has an unknown value' AS STRING)
  WHEN (`cents` IS NULL) THEN CAST('cents is missing' AS STRING)
  WHEN (`weight` - `weight` <> 0E0) THEN CAST('weight is no finite number' AS STRING)
  WHEN (`express` IS NULL) THEN CAST('express is missing' AS STRING)
  WHEN (HR_MICROS(`ordered_at`) IS NULL) THEN CAST('ordered_at is missing' AS STRING)
  WHEN (`customer` IS NULL) THEN CAST('key customer is missing' AS STRING) ELSE CAST(NULL AS STRING) END, CAST('event time is more than 2h before arrival' AS STRING)),
  CASE WHEN `_raw` IS NOT NULL THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'number' VALUE `number`, KEY 'shop' VALUE `shop`, KEY 'customer' VALUE `customer`, KEY 'status' VALUE `status`, KEY 'cents' VALUE `cents`, KEY 'weight' VALUE CAST(`weight` AS STRING), KEY 'express' VALUE `express`, KEY 'ordered_at' VALUE CAST(`ordered_at` AS STRING)), 'UTF-8') END, `_arrived`
FROM `judged`
WHERE (`_verdict` = CAST(1 AS BIGINT)) OR (`_verdict` = CAST(2 AS BIGINT));

END;
