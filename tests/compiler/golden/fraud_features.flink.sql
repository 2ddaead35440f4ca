SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_TILES AS 'io.headrace.flink.tiles.HrTiles';

CREATE TEMPORARY TABLE `history` (
  `tid` STRING,
  `cc_num` BIGINT,
  `account_id` STRING,
  `merchant` STRING,
  `status` STRING,
  `amt` DOUBLE,
  `ts` TIMESTAMP_LTZ(6),
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
  `tid` STRING,
  `cc_num` BIGINT,
  `account_id` STRING,
  `merchant` STRING,
  `status` STRING,
  `amt` DOUBLE,
  `ts` TIMESTAMP_LTZ(6),
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
SELECT FALSE AS `_is_live`, `tid`, `cc_num`, `account_id`, `merchant`, `status`, `amt`, `ts`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history`
UNION ALL
SELECT TRUE AS `_is_live`, `tid`, `cc_num`, `account_id`, `merchant`, `status`, `amt`, `ts`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live`;

CREATE TEMPORARY VIEW `timed` AS
SELECT *, HR_MICROS(`ts`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events`;

CREATE TEMPORARY VIEW `judged` AS
SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN (`tid` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`cc_num` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`account_id` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`merchant` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`status` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`amt` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`amt` - `amt` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN (HR_MICROS(`ts`) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_arrival_us` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < (`_arrival_us` - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `_verdict`
FROM `timed`;

CREATE TEMPORARY VIEW `members_00f966c0` AS
SELECT `account_id`, `_event_us`, `_src_partition`, `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(3600000000 AS BIGINT)) AS `_tile2`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE));

CREATE TEMPORARY VIEW `nested_00f966c0` AS
SELECT `account_id`, `_tile2`, HR_TILES('', `_tile1`, `_event_us`) AS `_tiles`
FROM `members_00f966c0`
GROUP BY `account_id`, `_tile2`;

CREATE TEMPORARY VIEW `folded_00f966c0_nested` AS
SELECT `account_id`, CASE WHEN `_start` IS NULL THEN CAST(3600000000 AS BIGINT) ELSE CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_start`, `_tile2`) AS `tile_start`,
  `_n` AS `n`,
  `_newest` AS `_last_event_us`
FROM `nested_00f966c0` CROSS JOIN UNNEST(`_tiles`) AS `_t` (`_start`, `_n`, `_newest`);

CREATE TEMPORARY VIEW `cells_00f966c0` AS
SELECT `account_id`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_00f966c0_nested` AS `f`;

CREATE TEMPORARY VIEW `members_6024c53d` AS
SELECT `cc_num`, `merchant`, `_event_us`, `_src_partition`, `_src_offset`, `amt` AS `_arg1`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`, `_event_us` - MOD(`_event_us`, CAST(86400000000 AS BIGINT)) AS `_tile2`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_6024c53d` AS
SELECT `cc_num`, `merchant`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) WHEN `_tile2` IS NOT NULL THEN CAST(86400000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`, `_tile2`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  COUNT(`_arg1`) AS `count_amt`,
  SUM(`_arg1`) AS `sum_amt`
FROM `members_6024c53d`
GROUP BY GROUPING SETS ((`cc_num`, `merchant`, `_tile1`), (`cc_num`, `merchant`, `_tile2`));

CREATE TEMPORARY VIEW `cells_6024c53d` AS
SELECT `cc_num`, `merchant`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`count_amt`, `f`.`sum_amt`) AS ROW<`n` BIGINT, `count_amt` BIGINT, `sum_amt` DOUBLE>) AS `cell`
FROM `folded_6024c53d` AS `f`;

CREATE TEMPORARY VIEW `positioned` AS
SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,
  `_src_offset` / CAST(65536 AS BIGINT) AS `block`, `_src_offset` AS `offset`,
  MOD(`_src_offset`, CAST(65536 AS BIGINT)) AS `in_block`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_accepted`, CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_late`,
  CASE WHEN (`_verdict` = CAST(2 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_dead`, CASE WHEN (`_verdict` = CAST(3 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_duplicate`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `folded` = CAST(0 AS BIGINT) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_filtered`, `folded`
FROM (
  SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,
    (CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS `folded`
  FROM `judged`
);

CREATE TEMPORARY VIEW `offset_blocks` AS
SELECT CAST('run-1' AS STRING) AS `run`, CAST('fraud_features' AS STRING) AS `view`, CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`, `topic`, `partition`, `block`, COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,
  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,
  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,
  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`
FROM `positioned`
GROUP BY `is_live`, `topic`, `partition`, `block`;

CREATE TEMPORARY TABLE `tiles_00f966c0` (
  `account_id` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '00f966c0',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_00f966c0` (
  `account_id` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '00f966c0'
);

CREATE TEMPORARY TABLE `tiles_6024c53d` (
  `cc_num` BIGINT,
  `merchant` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `count_amt` BIGINT, `sum_amt` DOUBLE>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '6024c53d',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_6024c53d` (
  `cc_num` BIGINT,
  `merchant` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `count_amt` BIGINT, `sum_amt` DOUBLE>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '6024c53d'
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

INSERT INTO `tiles_00f966c0`
SELECT `account_id`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(694805000000 AS BIGINT)
FROM `cells_00f966c0`;

INSERT INTO `tile_log_00f966c0`
SELECT `account_id`, `level`, `tile_start`, `n`, `cell`
FROM `cells_00f966c0`;

INSERT INTO `tiles_6024c53d`
SELECT `cc_num`, `merchant`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(2764805000000 AS BIGINT)
FROM `cells_6024c53d`;

INSERT INTO `tile_log_6024c53d`
SELECT `cc_num`, `merchant`, `level`, `tile_start`, `n`, `cell`
FROM `cells_6024c53d`;

INSERT INTO `offset_tiles`
SELECT *
FROM `offset_blocks`;

INSERT INTO `dead_letters`
SELECT CAST('run-1' AS STRING), CAST('fraud_features' AS STRING),
  `_src_topic`, `_src_partition`, `_src_offset`, CAST(CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN 'late' ELSE 'dead_letter' END AS STRING),
  COALESCE(CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`tid` IS NULL) THEN CAST('tid is missing' AS STRING)
  WHEN (`cc_num` IS NULL) THEN CAST('cc_num is missing' AS STRING)
  WHEN (`account_id` IS NULL) THEN CAST('account_id is missing' AS STRING)
  WHEN (`merchant` IS NULL) THEN CAST('merchant is missing' AS STRING)
  WHEN (`status` IS NULL) THEN CAST('status is missing' AS STRING)
  WHEN (`amt` IS NULL) THEN CAST('amt is missing' AS STRING)
  WHEN (`amt` - `amt` <> 0E0) THEN CAST('amt is no finite number' AS STRING)
  WHEN (HR_MICROS(`ts`) IS NULL) THEN CAST('ts is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END, CAST('event time is more than 1d before arrival' AS STRING)),
  CASE WHEN `_raw` IS NOT NULL THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'tid' VALUE `tid`, KEY 'cc_num' VALUE `cc_num`, KEY 'account_id' VALUE `account_id`, KEY 'merchant' VALUE `merchant`, KEY 'status' VALUE `status`, KEY 'amt' VALUE CAST(`amt` AS STRING), KEY 'ts' VALUE CAST(`ts` AS STRING)), 'UTF-8') END, `_src_timestamp`
FROM `judged`
WHERE (`_verdict` = CAST(1 AS BIGINT)) OR (`_verdict` = CAST(2 AS BIGINT));

END;
