SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

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
  'connector' = 'headrace-kafka'
);

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

BEGIN STATEMENT SET;

INSERT INTO `history`
SELECT `tid`, `cc_num`, `account_id`, `merchant`, `status`, `amt`, `ts`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live`;

END;
