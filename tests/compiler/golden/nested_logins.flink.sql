SET 'table.exec.sink.upsert-materialize' = 'NONE';

SET 'table.optimizer.reuse-optimize-block-with-digest-enabled' = 'true';

SET 'table.local-time-zone' = 'UTC';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MICROS AS 'io.headrace.flink.functions.HrMicros';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_ADD AS 'io.headrace.flink.functions.HrAdd';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUB AS 'io.headrace.flink.functions.HrSub';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_MUL AS 'io.headrace.flink.functions.HrMul';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_FLOOR_DIV AS 'io.headrace.flink.functions.HrFloorDiv';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_FINITE AS 'io.headrace.flink.functions.HrFinite';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_DATE_PART AS 'io.headrace.flink.functions.HrDatePart';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_ALL_FINITE AS 'io.headrace.flink.functions.HrAllFinite';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LACKS AS 'io.headrace.flink.functions.HrLacks';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_SUM_OF AS 'io.headrace.flink.functions.HrSumOf';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST AS 'io.headrace.flink.functions.HrLast';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_LAST_N AS 'io.headrace.flink.functions.HrLastN';

CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS HR_DISTINCT AS 'io.headrace.flink.functions.HrDistinct';

CREATE TEMPORARY TABLE `history` (
  `login` BIGINT,
  `user` STRING,
  `device` ROW<`os` STRING, `version` BIGINT, `seen` TIMESTAMP_LTZ(6), `bought` DATE, `network` ROW<`kind` STRING, `spot` ROW<`country` STRING, `lat` DOUBLE>>>,
  `app` ROW<`country` STRING, `lat` DOUBLE>,
  `tags` ARRAY<STRING>,
  `scores` ARRAY<DOUBLE>,
  `visits` ARRAY<ROW<`country` STRING, `lat` DOUBLE>>,
  `birthday` DATE,
  `holidays` ARRAY<DATE>,
  `happened_at` TIMESTAMP_LTZ(6),
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
  `login` BIGINT,
  `user` STRING,
  `device` ROW<`os` STRING, `version` BIGINT, `seen` TIMESTAMP_LTZ(6), `bought` DATE, `network` ROW<`kind` STRING, `spot` ROW<`country` STRING, `lat` DOUBLE>>>,
  `app` ROW<`country` STRING, `lat` DOUBLE>,
  `tags` ARRAY<STRING>,
  `scores` ARRAY<DOUBLE>,
  `visits` ARRAY<ROW<`country` STRING, `lat` DOUBLE>>,
  `birthday` DATE,
  `holidays` ARRAY<DATE>,
  `happened_at` TIMESTAMP_LTZ(6),
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
SELECT FALSE AS `_is_live`, `login`, `user`, `device`, `app`, `tags`, `scores`, `visits`, `birthday`, `holidays`, `happened_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `history`
UNION ALL
SELECT TRUE AS `_is_live`, `login`, `user`, `device`, `app`, `tags`, `scores`, `visits`, `birthday`, `holidays`, `happened_at`, `_src_topic`, `_src_partition`, `_src_offset`, `_src_timestamp`, `_raw`, `_error`
FROM `live`;

CREATE TEMPORARY VIEW `timed` AS
SELECT *, HR_MICROS(`happened_at`) AS `_event_us`, HR_MICROS(`_src_timestamp`) AS `_arrival_us`
FROM `events`;

CREATE TEMPORARY VIEW `alone` AS
SELECT *, CASE WHEN (`_error` IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN (`login` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`user` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`device` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((`device` IS NOT NULL) AND ((`device`).`os` IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (((`device`).`network`).`kind` IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((((`device`).`network`).`spot` IS NOT NULL) AND ((((`device`).`network`).`spot`).`country` IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ((((`device`).`network`).`spot`).`lat` - (((`device`).`network`).`spot`).`lat` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN ((`app` IS NOT NULL) AND ((`app`).`country` IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN ((`app`).`lat` - (`app`).`lat` <> 0E0) THEN CAST(2 AS BIGINT)
  WHEN (`tags` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ARRAY_CONTAINS(`tags`, `tags`[CARDINALITY(`tags`) + 1]) THEN CAST(2 AS BIGINT)
  WHEN (NOT HR_ALL_FINITE(`scores`)) THEN CAST(2 AS BIGINT)
  WHEN HR_LACKS(`visits`, 'country') THEN CAST(2 AS BIGINT)
  WHEN (NOT HR_ALL_FINITE(`visits`, 'lat')) THEN CAST(2 AS BIGINT)
  WHEN (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ARRAY_MIN(`holidays`)) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ARRAY_MAX(`holidays`)) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (HR_MICROS(`happened_at`) IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_arrival_us` IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (`_event_us` < (`_arrival_us` - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `_alone`, PROCTIME() AS `_now`
FROM `timed`;

CREATE TEMPORARY VIEW `judged` AS
SELECT *, CASE WHEN (`_alone` = CAST(0 AS BIGINT)) AND COUNT(*) OVER (PARTITION BY CASE WHEN (`_alone` = CAST(0 AS BIGINT)) THEN CAST(-1 AS BIGINT) ELSE `_src_offset` END,
    `login`,
    HR_MICROS(`happened_at`),
    (`app`).`country`,
    CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT),
    CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT),
    ((`device`).`network` IS NULL),
    (((`device`).`network`).`spot`).`country`,
    CASE WHEN (ABS((((`device`).`network`).`spot`).`lat`) = ABS(0.0E0)) THEN 0.0E0 ELSE (((`device`).`network`).`spot`).`lat` END,
    (`device`).`os`,
    HR_MICROS((`device`).`seen`),
    (`device`).`version`,
    `holidays`,
    `scores`,
    `tags`,
    `user`,
    `visits`
  ORDER BY `_now`) > 1 THEN CAST(3 AS BIGINT) ELSE `_alone` END AS `_verdict`
FROM `alone`;

CREATE TEMPORARY VIEW `members_e77257c1` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (((`device`).`os` = 'ios') IS TRUE));

CREATE TEMPORARY VIEW `folded_e77257c1` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_e77257c1`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_e77257c1` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_e77257c1` AS `f`;

CREATE TEMPORARY VIEW `members_783d5b36` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, (`visits`[1]).`country` AS `_arg1`, (((`device`).`network`).`spot`).`country` AS `_arg2`, HR_SUB(CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT), HR_ADD(HR_DATE_PART(HR_MUL(CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT), CAST(86400000000 AS BIGINT), 'birth_months'), 'DAY'), CAST(-1 AS BIGINT), 'birth_months'), 'birth_months') AS `_arg3`, CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) AS `_arg4`, `tags`[CARDINALITY(`tags`) - 0] AS `_arg5`, (`app`).`country` AS `_arg6`, ARRAY_MAX(`scores`) AS `_arg7`, HR_FINITE(COALESCE((((`device`).`network`).`spot`).`lat`, CAST(CAST(-90 AS BIGINT) AS DOUBLE))) AS `_arg8`, CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ARRAY_MAX(`holidays`)) AS BIGINT) AS `_arg9`, CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT) AS `_arg10`, HR_MICROS((`device`).`seen`) AS `_arg11`, ARRAY_JOIN(`tags`, '+') AS `_arg12`, `scores`[1] AS `_arg13`, CAST(CARDINALITY(`visits`) AS BIGINT) AS `_arg14`, CAST(CARDINALITY(`tags`) AS BIGINT) AS `_arg15`, (`device`).`version` AS `_arg16`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE (`_verdict` = CAST(0 AS BIGINT));

CREATE TEMPORARY VIEW `folded_783d5b36` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`,
  HR_DISTINCT(`_arg1`) AS `distinct_x1f421c70`,
  HR_DISTINCT(`_arg2`) AS `distinct_x40e75c9a`,
  HR_DISTINCT(`_arg3`) AS `distinct_xfdb83694`,
  HR_LAST(`_arg4`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_birthday`,
  HR_LAST(`_arg5`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_x6beb0c1a`,
  HR_LAST(`_arg6`, `_event_us`, `_src_partition`, `_src_offset`) AS `last_xbb5f773a`,
  MAX(`_arg7`) AS `max_x18194c26`,
  MAX(`_arg8`) AS `max_x63b1c8c7`,
  MAX(`_arg9`) AS `max_x6bb76e87`,
  MAX(`_arg10`) AS `max_xc088fb17`,
  MAX(`_arg11`) AS `max_xd58e6d73`,
  HR_LAST_N(`_arg12`, `_event_us`, `_src_partition`, `_src_offset`, 3) AS `newest3_x1de7f498`,
  SUM(`_arg13`) AS `sum_x434337c6`,
  HR_SUM_OF(SUM(`_arg14`), SUM(`_arg14` / CAST(4294967296 AS BIGINT)), 'visits') AS `sum_x5aa1b042`,
  HR_SUM_OF(SUM(`_arg15`), SUM(`_arg15` / CAST(4294967296 AS BIGINT)), 'tag_count') AS `sum_x7e33542d`,
  HR_SUM_OF(SUM(`_arg16`), SUM(`_arg16` / CAST(4294967296 AS BIGINT)), 'versions') AS `sum_xb5c7b444`
FROM `members_783d5b36`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_783d5b36` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`, `f`.`distinct_x1f421c70`, `f`.`distinct_x40e75c9a`, `f`.`distinct_xfdb83694`, `f`.`last_birthday`.`value`, `f`.`last_birthday`.`us`, `f`.`last_birthday`.`partition`, `f`.`last_birthday`.`offset`, `f`.`last_x6beb0c1a`.`value`, `f`.`last_x6beb0c1a`.`us`, `f`.`last_x6beb0c1a`.`partition`, `f`.`last_x6beb0c1a`.`offset`, `f`.`last_xbb5f773a`.`value`, `f`.`last_xbb5f773a`.`us`, `f`.`last_xbb5f773a`.`partition`, `f`.`last_xbb5f773a`.`offset`, `f`.`max_x18194c26`, `f`.`max_x63b1c8c7`, `f`.`max_x6bb76e87`, `f`.`max_xc088fb17`, `f`.`max_xd58e6d73`, `f`.`newest3_x1de7f498`, `f`.`sum_x434337c6`, `f`.`sum_x5aa1b042`, `f`.`sum_x7e33542d`, `f`.`sum_xb5c7b444`) AS ROW<`n` BIGINT, `distinct_x1f421c70` BYTES, `distinct_x40e75c9a` BYTES, `distinct_xfdb83694` BYTES, `last_birthday` BIGINT, `last_birthday_us` BIGINT, `last_birthday_partition` INT, `last_birthday_offset` BIGINT, `last_x6beb0c1a` STRING, `last_x6beb0c1a_us` BIGINT, `last_x6beb0c1a_partition` INT, `last_x6beb0c1a_offset` BIGINT, `last_xbb5f773a` STRING, `last_xbb5f773a_us` BIGINT, `last_xbb5f773a_partition` INT, `last_xbb5f773a_offset` BIGINT, `max_x18194c26` DOUBLE, `max_x63b1c8c7` DOUBLE, `max_x6bb76e87` BIGINT, `max_xc088fb17` BIGINT, `max_xd58e6d73` BIGINT, `newest3_x1de7f498` BYTES, `sum_x434337c6` DOUBLE, `sum_x5aa1b042` BIGINT, `sum_x7e33542d` BIGINT, `sum_xb5c7b444` BIGINT>) AS `cell`
FROM `folded_783d5b36` AS `f`;

CREATE TEMPORARY VIEW `members_54be0ee9` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (((`device`).`network` IS NULL) IS TRUE));

CREATE TEMPORARY VIEW `folded_54be0ee9` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_54be0ee9`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_54be0ee9` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_54be0ee9` AS `f`;

CREATE TEMPORARY VIEW `members_14584958` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (CASE WHEN CAST('vip' AS STRING) IS NOT NULL THEN ARRAY_CONTAINS(`tags`, CAST('vip' AS STRING)) END IS TRUE));

CREATE TEMPORARY VIEW `folded_14584958` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_14584958`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_14584958` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_14584958` AS `f`;

CREATE TEMPORARY VIEW `members_a750cc2c` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (CASE WHEN (`device`).`os` IS NOT NULL THEN ARRAY_CONTAINS(`tags`, (`device`).`os`) END IS TRUE));

CREATE TEMPORARY VIEW `folded_a750cc2c` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_a750cc2c`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_a750cc2c` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_a750cc2c` AS `f`;

CREATE TEMPORARY VIEW `members_7b63fb06` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND (((`visits`[CARDINALITY(`visits`) - 0]).`lat` < CAST(CAST(0 AS BIGINT) AS DOUBLE)) IS TRUE));

CREATE TEMPORARY VIEW `folded_7b63fb06` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_7b63fb06`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_7b63fb06` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_7b63fb06` AS `f`;

CREATE TEMPORARY VIEW `members_7ecae7d5` AS
SELECT `user`, `_event_us`, CAST(0 AS INT) AS `_src_partition`, `login` AS `_src_offset`, `_event_us` - MOD(`_event_us`, CAST(300000000 AS BIGINT)) AS `_tile1`
FROM `judged`
WHERE ((`_verdict` = CAST(0 AS BIGINT)) AND ((HR_MUL(HR_SUB(HR_FLOOR_DIV(HR_MICROS(`happened_at`), CAST(86400000000 AS BIGINT), 'used_devices'), CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT), 'used_devices'), CAST(86400000000 AS BIGINT), 'used_devices') >= CAST(31536000000000 AS BIGINT)) IS TRUE));

CREATE TEMPORARY VIEW `folded_7ecae7d5` AS
SELECT `user`, CASE WHEN `_tile1` IS NOT NULL THEN CAST(300000000 AS BIGINT) END AS `level`, COALESCE(`_tile1`) AS `tile_start`,
  COUNT(*) AS `n`,
  MAX(`_event_us`) AS `_last_event_us`
FROM `members_7ecae7d5`
GROUP BY GROUPING SETS ((`user`, `_tile1`));

CREATE TEMPORARY VIEW `cells_7ecae7d5` AS
SELECT `user`, `level`, `tile_start`, `n`, `_last_event_us`,
  CAST(ROW(`f`.`n`) AS ROW<`n` BIGINT>) AS `cell`
FROM `folded_7ecae7d5` AS `f`;

CREATE TEMPORARY VIEW `positioned` AS
SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,
  `_src_offset` / CAST(65536 AS BIGINT) AS `block`, `_src_offset` AS `offset`,
  MOD(`_src_offset`, CAST(65536 AS BIGINT)) AS `in_block`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_accepted`, CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_late`,
  CASE WHEN (`_verdict` = CAST(2 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_dead`, CASE WHEN (`_verdict` = CAST(3 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_duplicate`,
  CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) AND `folded` = CAST(0 AS BIGINT) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `is_filtered`, `folded`
FROM (
  SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,
    ((((((CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (((`device`).`os` = 'ios') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN (`_verdict` = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (((`device`).`network` IS NULL) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (CASE WHEN CAST('vip' AS STRING) IS NOT NULL THEN ARRAY_CONTAINS(`tags`, CAST('vip' AS STRING)) END IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (CASE WHEN (`device`).`os` IS NOT NULL THEN ARRAY_CONTAINS(`tags`, (`device`).`os`) END IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND (((`visits`[CARDINALITY(`visits`) - 0]).`lat` < CAST(CAST(0 AS BIGINT) AS DOUBLE)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN ((`_verdict` = CAST(0 AS BIGINT)) AND ((HR_MUL(HR_SUB(HR_FLOOR_DIV(HR_MICROS(`happened_at`), CAST(86400000000 AS BIGINT), 'ios_logins, versions, countries, unconnected, northmost, last_seen, app_country, tag_count, vip_logins, own_tag, newest_tags, last_tag, first_scores, best_score, visits, first_visits, last_visit_south, newest_device, used_devices, birthday, birth_months, last_holiday'), CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT), 'ios_logins, versions, countries, unconnected, northmost, last_seen, app_country, tag_count, vip_logins, own_tag, newest_tags, last_tag, first_scores, best_score, visits, first_visits, last_visit_south, newest_device, used_devices, birthday, birth_months, last_holiday'), CAST(86400000000 AS BIGINT), 'ios_logins, versions, countries, unconnected, northmost, last_seen, app_country, tag_count, vip_logins, own_tag, newest_tags, last_tag, first_scores, best_score, visits, first_visits, last_visit_south, newest_device, used_devices, birthday, birth_months, last_holiday') >= CAST(31536000000000 AS BIGINT)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS `folded`
  FROM `judged`
);

CREATE TEMPORARY VIEW `offset_blocks` AS
SELECT CAST('run-1' AS STRING) AS `run`, CAST('nested_logins' AS STRING) AS `view`, CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`, `topic`, `partition`, `block`, COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,
  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,
  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,
  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`
FROM `positioned`
GROUP BY `is_live`, `topic`, `partition`, `block`;

CREATE TEMPORARY TABLE `tiles_e77257c1` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = 'e77257c1',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_e77257c1` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'e77257c1'
);

CREATE TEMPORARY TABLE `tiles_783d5b36` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT, `distinct_x1f421c70` BYTES, `distinct_x40e75c9a` BYTES, `distinct_xfdb83694` BYTES, `last_birthday` BIGINT, `last_birthday_us` BIGINT, `last_birthday_partition` INT, `last_birthday_offset` BIGINT, `last_x6beb0c1a` STRING, `last_x6beb0c1a_us` BIGINT, `last_x6beb0c1a_partition` INT, `last_x6beb0c1a_offset` BIGINT, `last_xbb5f773a` STRING, `last_xbb5f773a_us` BIGINT, `last_xbb5f773a_partition` INT, `last_xbb5f773a_offset` BIGINT, `max_x18194c26` DOUBLE, `max_x63b1c8c7` DOUBLE, `max_x6bb76e87` BIGINT, `max_xc088fb17` BIGINT, `max_xd58e6d73` BIGINT, `newest3_x1de7f498` BYTES, `sum_x434337c6` DOUBLE, `sum_x5aa1b042` BIGINT, `sum_x7e33542d` BIGINT, `sum_xb5c7b444` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '783d5b36',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_783d5b36` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT, `distinct_x1f421c70` BYTES, `distinct_x40e75c9a` BYTES, `distinct_xfdb83694` BYTES, `last_birthday` BIGINT, `last_birthday_us` BIGINT, `last_birthday_partition` INT, `last_birthday_offset` BIGINT, `last_x6beb0c1a` STRING, `last_x6beb0c1a_us` BIGINT, `last_x6beb0c1a_partition` INT, `last_x6beb0c1a_offset` BIGINT, `last_xbb5f773a` STRING, `last_xbb5f773a_us` BIGINT, `last_xbb5f773a_partition` INT, `last_xbb5f773a_offset` BIGINT, `max_x18194c26` DOUBLE, `max_x63b1c8c7` DOUBLE, `max_x6bb76e87` BIGINT, `max_xc088fb17` BIGINT, `max_xd58e6d73` BIGINT, `newest3_x1de7f498` BYTES, `sum_x434337c6` DOUBLE, `sum_x5aa1b042` BIGINT, `sum_x7e33542d` BIGINT, `sum_xb5c7b444` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '783d5b36'
);

CREATE TEMPORARY TABLE `tiles_54be0ee9` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '54be0ee9',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_54be0ee9` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '54be0ee9'
);

CREATE TEMPORARY TABLE `tiles_14584958` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '14584958',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_14584958` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '14584958'
);

CREATE TEMPORARY TABLE `tiles_a750cc2c` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = 'a750cc2c',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_a750cc2c` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = 'a750cc2c'
);

CREATE TEMPORARY TABLE `tiles_7b63fb06` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '7b63fb06',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_7b63fb06` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '7b63fb06'
);

CREATE TEMPORARY TABLE `tiles_7ecae7d5` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `cell` ROW<`n` BIGINT>,
  `last_event_time` BIGINT,
  `write_time` BIGINT METADATA,
  `static_write_time` BIGINT METADATA,
  `expires_at` BIGINT METADATA
) WITH (
  'connector' = 'headrace-cassandra',
  'table' = '7ecae7d5',
  'sink.versions' = 'true'
);

CREATE TEMPORARY TABLE `tile_log_7ecae7d5` (
  `user` STRING,
  `level` BIGINT,
  `tile_start` BIGINT,
  `n` BIGINT,
  `cell` ROW<`n` BIGINT>
) WITH (
  'connector' = 'headrace-append',
  'delegate.connector' = 'iceberg',
  'delegate.catalog-table' = '7ecae7d5'
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

INSERT INTO `tiles_e77257c1`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_e77257c1`;

INSERT INTO `tile_log_e77257c1`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_e77257c1`;

INSERT INTO `tiles_783d5b36`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`
FROM `cells_783d5b36`;

INSERT INTO `tile_log_783d5b36`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_783d5b36`;

INSERT INTO `tiles_54be0ee9`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_54be0ee9`;

INSERT INTO `tile_log_54be0ee9`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_54be0ee9`;

INSERT INTO `tiles_14584958`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_14584958`;

INSERT INTO `tile_log_14584958`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_14584958`;

INSERT INTO `tiles_a750cc2c`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_a750cc2c`;

INSERT INTO `tile_log_a750cc2c`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_a750cc2c`;

INSERT INTO `tiles_7b63fb06`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_7b63fb06`;

INSERT INTO `tile_log_7b63fb06`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_7b63fb06`;

INSERT INTO `tiles_7ecae7d5`
SELECT `user`, `level`, `tile_start`, `cell`,
  `_last_event_us`, `tile_start` + `n`, `_last_event_us`, `tile_start` + `level` + CAST(90305000000 AS BIGINT)
FROM `cells_7ecae7d5`;

INSERT INTO `tile_log_7ecae7d5`
SELECT `user`, `level`, `tile_start`, `n`, `cell`
FROM `cells_7ecae7d5`;

INSERT INTO `offset_tiles`
SELECT *
FROM `offset_blocks`;

INSERT INTO `dead_letters`
SELECT CAST('run-1' AS STRING), CAST('nested_logins' AS STRING),
  `_src_topic`, `_src_partition`, `_src_offset`, CAST(CASE WHEN (`_verdict` = CAST(1 AS BIGINT)) THEN 'late' ELSE 'dead_letter' END AS STRING),
  COALESCE(CASE WHEN (`_error` IS NOT NULL) THEN ('unparsable: ' || `_error`)
  WHEN (`login` IS NULL) THEN CAST('login is missing' AS STRING)
  WHEN (`user` IS NULL) THEN CAST('user is missing' AS STRING)
  WHEN (`device` IS NULL) THEN CAST('device is missing' AS STRING)
  WHEN ((`device` IS NOT NULL) AND ((`device`).`os` IS NULL)) THEN CAST('device.os is missing' AS STRING)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', (`device`).`bought`) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST('device.bought is no date of the years 1 to 9999' AS STRING)
  WHEN (NOT (((`device`).`network`).`kind` IN ('cable', 'wifi'))) THEN CAST('device.network.kind has an unknown value' AS STRING)
  WHEN ((((`device`).`network`).`spot` IS NOT NULL) AND ((((`device`).`network`).`spot`).`country` IS NULL)) THEN CAST('device.network.spot.country is missing' AS STRING)
  WHEN ((((`device`).`network`).`spot`).`lat` - (((`device`).`network`).`spot`).`lat` <> 0E0) THEN CAST('device.network.spot.lat is no finite number' AS STRING)
  WHEN ((`app` IS NOT NULL) AND ((`app`).`country` IS NULL)) THEN CAST('app.country is missing' AS STRING)
  WHEN ((`app`).`lat` - (`app`).`lat` <> 0E0) THEN CAST('app.lat is no finite number' AS STRING)
  WHEN (`tags` IS NULL) THEN CAST('tags is missing' AS STRING)
  WHEN ARRAY_CONTAINS(`tags`, `tags`[CARDINALITY(`tags`) + 1]) THEN CAST('an element of tags is missing' AS STRING)
  WHEN (NOT HR_ALL_FINITE(`scores`)) THEN CAST('an element of scores is no finite number' AS STRING)
  WHEN HR_LACKS(`visits`, 'country') THEN CAST('visits[].country is missing' AS STRING)
  WHEN (NOT HR_ALL_FINITE(`visits`, 'lat')) THEN CAST('visits[].lat is no finite number' AS STRING)
  WHEN (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) IS NULL) THEN CAST('birthday is missing' AS STRING)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', `birthday`) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST('birthday is no date of the years 1 to 9999' AS STRING)
  WHEN ((CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ARRAY_MIN(`holidays`)) AS BIGINT) < CAST(-719162 AS BIGINT)) OR (CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', ARRAY_MAX(`holidays`)) AS BIGINT) > CAST(2932896 AS BIGINT))) THEN CAST('an element of holidays is no date of the years 1 to 9999' AS STRING)
  WHEN (HR_MICROS(`happened_at`) IS NULL) THEN CAST('happened_at is missing' AS STRING)
  WHEN (`_arrival_us` IS NULL) THEN CAST('arrival time is missing' AS STRING)
  WHEN (`_event_us` < CAST(946684800000000 AS BIGINT)) THEN CAST('event time is before the earliest' AS STRING)
  WHEN (`_event_us` > (`_arrival_us` + CAST(86400000000 AS BIGINT))) THEN CAST('event time is too far after arrival' AS STRING) ELSE CAST(NULL AS STRING) END, CAST('event time is more than 1d before arrival' AS STRING)),
  CASE WHEN `_raw` IS NOT NULL THEN `_raw` ELSE ENCODE(JSON_OBJECT(KEY 'login' VALUE `login`, KEY 'user' VALUE `user`, KEY 'device' VALUE CAST(`device` AS ROW<`os` STRING, `version` BIGINT, `seen` TIMESTAMP_LTZ(6), `bought` STRING, `network` ROW<`kind` STRING, `spot` ROW<`country` STRING, `lat` DOUBLE>>>), KEY 'app' VALUE `app`, KEY 'tags' VALUE `tags`, KEY 'scores' VALUE `scores`, KEY 'visits' VALUE `visits`, KEY 'birthday' VALUE CAST(`birthday` AS STRING), KEY 'holidays' VALUE CAST(`holidays` AS ARRAY<STRING>), KEY 'happened_at' VALUE CAST(`happened_at` AS STRING)), 'UTF-8') END, `_src_timestamp`
FROM `judged`
WHERE (`_verdict` = CAST(1 AS BIGINT)) OR (`_verdict` = CAST(2 AS BIGINT));

END;
