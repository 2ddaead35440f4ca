SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_POINT_IN_TIME AS 'io.headrace.flink.pointintime.HrPointInTime';

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
  'connector' = 'iceberg'
);

CREATE TEMPORARY VIEW `events` AS
SELECT FALSE AS `_is_live`, `tid`, `cc_num`, `account_id`, `merchant`, `status`, `amt`, `ts`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history`;

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

CREATE TEMPORARY TABLE `spine_1` (
  `_row` BIGINT,
  `_t` BIGINT,
  `account_id` STRING
) WITH (
  'connector' = 'iceberg'
);

CREATE TEMPORARY TABLE `answer_1` (
  `_row` BIGINT,
  `_seen_us` BIGINT,
  `_cell1` ROW<`n` BIGINT>,
  `_cell2` ROW<`n` BIGINT>
) WITH (
  'connector' = 'iceberg'
);

CREATE TEMPORARY VIEW `asked_1` AS
SELECT CAST(NULL AS BIGINT) AS `_row`, `_event_us` AS `_us`,
  `account_id`,
  `_arrival_us` AS `_arrival_us`,
  `_src_partition` AS `_src_partition`,
  `_src_offset` AS `_src_offset`,
  ((`_verdict` = CAST(0 AS BIGINT)) AND ((`status` = 'failed') IS TRUE)) AS `_in1`
FROM `judged`
WHERE CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `account_id` IS NOT NULL THEN (`status` = 'failed') ELSE FALSE END
UNION ALL
SELECT `_row`, `_t`, `account_id`, CAST(NULL AS BIGINT), CAST(NULL AS INT), CAST(NULL AS BIGINT), CAST(NULL AS BOOLEAN)
FROM `spine_1`;

CREATE TEMPORARY TABLE `spine_2` (
  `_row` BIGINT,
  `_t` BIGINT,
  `cc_num` BIGINT,
  `merchant` STRING
) WITH (
  'connector' = 'iceberg'
);

CREATE TEMPORARY TABLE `answer_2` (
  `_row` BIGINT,
  `_seen_us` BIGINT,
  `_cell1` ROW<`n` BIGINT, `count_amt` BIGINT, `sum_amt` DOUBLE>
) WITH (
  'connector' = 'iceberg'
);

CREATE TEMPORARY VIEW `asked_2` AS
SELECT CAST(NULL AS BIGINT) AS `_row`, `_event_us` AS `_us`,
  `cc_num`, `merchant`,
  `_arrival_us` AS `_arrival_us`,
  `_src_partition` AS `_src_partition`,
  `_src_offset` AS `_src_offset`,
  (`_verdict` = CAST(0 AS BIGINT)) AS `_in1`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN `amt` END AS `_g1_arg1`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT)) AND `cc_num` IS NOT NULL AND `merchant` IS NOT NULL
UNION ALL
SELECT `_row`, `_t`, `cc_num`, `merchant`, CAST(NULL AS BIGINT), CAST(NULL AS INT), CAST(NULL AS BIGINT), CAST(NULL AS BOOLEAN), CAST(NULL AS DOUBLE)
FROM `spine_2`;

BEGIN STATEMENT SET;

INSERT INTO `answer_1`
SELECT `_row`, `_seen_us`, `_cell1`, `_cell2`
FROM HR_POINT_IN_TIME(
  asked => TABLE `asked_1` PARTITION BY (`account_id`),
  question => '{"by_arrival": true, "groups": [{"belongs": "_in1", "partials": []}], "windows": [{"group": 0, "partials": [], "of_write": true, "before_us": 3600000000, "start_tile_us": 300000000, "lag_us": 0, "end_tile_us": null, "zone": null}, {"group": 0, "partials": [], "of_write": true, "before_us": 604800000000, "start_tile_us": 3600000000, "lag_us": 0, "end_tile_us": null, "zone": null}], "days": {}}',
  answer => 'ROW<`_row` BIGINT, `_seen_us` BIGINT, `_cell1` ROW<`n` BIGINT>, `_cell2` ROW<`n` BIGINT>>',
  uid => 'point-in-time-1'
);

INSERT INTO `answer_2`
SELECT `_row`, `_seen_us`, `_cell1`
FROM HR_POINT_IN_TIME(
  asked => TABLE `asked_2` PARTITION BY (`cc_num`, `merchant`),
  question => '{"by_arrival": true, "groups": [{"belongs": "_in1", "partials": [{"kind": "count", "argument": "_g1_arg1", "size": 0, "label": "average_transaction_amount_by_merchant"}, {"kind": "sum", "argument": "_g1_arg1", "size": 0, "label": "average_transaction_amount_by_merchant"}]}], "windows": [{"group": 0, "partials": [0, 1], "of_write": true, "before_us": 2592000000000, "start_tile_us": 86400000000, "lag_us": 0, "end_tile_us": null, "zone": null}], "days": {}}',
  answer => 'ROW<`_row` BIGINT, `_seen_us` BIGINT, `_cell1` ROW<`n` BIGINT, `count_amt` BIGINT, `sum_amt` DOUBLE>>',
  uid => 'point-in-time-2'
);

END;
