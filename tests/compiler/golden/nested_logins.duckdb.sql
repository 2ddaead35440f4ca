SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "ios_logins_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'os') = 'ios') IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "ios_logins_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'os') = 'ios') IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  CASE WHEN sum(_arg16) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg16) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg16) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature nested_logins.versions_1h: the sum is beyond BIGINT') END AS "versions_1h",
  count(DISTINCT _arg2) FILTER (_event_us >= ($at_us - 3600000000)) AS "countries_1h",
  max(_arg8) FILTER (_event_us >= ($at_us - 3600000000)) AS "northmost_1h",
  make_timestamptz(max(_arg11) FILTER (_event_us >= ($at_us - 3600000000))) AS "last_seen_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg6}) FILTER (TRUE)).value AS "app_country",
  CASE WHEN sum(_arg15) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg15) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg15) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature nested_logins.tag_count_1h: the sum is beyond BIGINT') END AS "tag_count_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg12}, 3) FILTER (_event_us >= ($at_us - 3600000000))] AS "newest_tags_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}) FILTER (TRUE)).value AS "last_tag",
  CASE WHEN isfinite(sum(_arg13) FILTER (_event_us >= ($at_us - 3600000000))) THEN sum(_arg13) FILTER (_event_us >= ($at_us - 3600000000)) END AS "first_scores_1h",
  max(_arg7) FILTER (_event_us >= ($at_us - 3600000000)) AS "best_score_1h",
  CASE WHEN sum(_arg14) FILTER (_event_us >= ($at_us - 3600000000)) IS NULL THEN NULL WHEN sum(_arg14) FILTER (_event_us >= ($at_us - 3600000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg14) FILTER (_event_us >= ($at_us - 3600000000)) AS BIGINT) ELSE error('feature nested_logins.visits_1h: the sum is beyond BIGINT') END AS "visits_1h",
  count(DISTINCT _arg1) FILTER (_event_us >= ($at_us - 3600000000)) AS "first_visits_1h",
  (DATE '1970-01-01' + CAST(max(_arg10) FILTER (_event_us >= ($at_us - 3600000000)) AS INTEGER)) AS "newest_device_1h",
  (DATE '1970-01-01' + CAST((max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg4}) FILTER (TRUE)).value AS INTEGER)) AS "birthday",
  count(DISTINCT _arg3) FILTER (_event_us >= ($at_us - 3600000000)) AS "birth_months_1h",
  (DATE '1970-01-01' + CAST(max(_arg9) FILTER (_event_us >= ($at_us - 3600000000)) AS INTEGER)) AS "last_holiday_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset),
  struct_extract("visits"[1], 'country') AS _arg1,
  struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') AS _arg2,
  (("birthday" - DATE '1970-01-01') - (date_part('day', make_timestamp((("birthday" - DATE '1970-01-01') * CAST(86400000000 AS BIGINT)))) + CAST(-1 AS BIGINT))) AS _arg3,
  ("birthday" - DATE '1970-01-01') AS _arg4,
  "tags"[-1] AS _arg5,
  struct_extract("app", 'country') AS _arg6,
  list_max("scores") AS _arg7,
  CASE WHEN (NOT isfinite(COALESCE(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'), CAST(CAST(-90 AS BIGINT) AS DOUBLE)))) THEN CAST(NULL AS DOUBLE) ELSE COALESCE(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'), CAST(CAST(-90 AS BIGINT) AS DOUBLE)) END AS _arg8,
  (list_max("holidays") - DATE '1970-01-01') AS _arg9,
  (struct_extract("device", 'bought') - DATE '1970-01-01') AS _arg10,
  epoch_us(struct_extract("device", 'seen')) AS _arg11,
  CASE WHEN "tags" IS NOT NULL THEN COALESCE(array_to_string("tags", '+'), '') END AS _arg12,
  "scores"[1] AS _arg13,
  len("visits") AS _arg14,
  len("tags") AS _arg15,
  struct_extract("device", 'version') AS _arg16
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  CASE WHEN sum(_arg16) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg16) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg16) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature nested_logins.versions_1h: the sum is beyond BIGINT') END AS "versions_1h",
  count(DISTINCT _arg2) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "countries_1h",
  max(_arg8) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "northmost_1h",
  make_timestamptz(max(_arg11) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) AS "last_seen_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg6}) FILTER (TRUE)).value AS "app_country",
  CASE WHEN sum(_arg15) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg15) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg15) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature nested_logins.tag_count_1h: the sum is beyond BIGINT') END AS "tag_count_1h",
  [row.value FOR row IN max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg12}, 3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))] AS "newest_tags_1h",
  (max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg5}) FILTER (TRUE)).value AS "last_tag",
  CASE WHEN isfinite(sum(_arg13) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000))) THEN sum(_arg13) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) END AS "first_scores_1h",
  max(_arg7) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "best_score_1h",
  CASE WHEN sum(_arg14) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) IS NULL THEN NULL WHEN sum(_arg14) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(sum(_arg14) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS BIGINT) ELSE error('feature nested_logins.visits_1h: the sum is beyond BIGINT') END AS "visits_1h",
  count(DISTINCT _arg1) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "first_visits_1h",
  (DATE '1970-01-01' + CAST(max(_arg10) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS INTEGER)) AS "newest_device_1h",
  (DATE '1970-01-01' + CAST((max({'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': _arg4}) FILTER (TRUE)).value AS INTEGER)) AS "birthday",
  count(DISTINCT _arg3) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "birth_months_1h",
  (DATE '1970-01-01' + CAST(max(_arg9) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS INTEGER)) AS "last_holiday_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset),
  struct_extract("visits"[1], 'country') AS _arg1,
  struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') AS _arg2,
  (("birthday" - DATE '1970-01-01') - (date_part('day', make_timestamp((("birthday" - DATE '1970-01-01') * CAST(86400000000 AS BIGINT)))) + CAST(-1 AS BIGINT))) AS _arg3,
  ("birthday" - DATE '1970-01-01') AS _arg4,
  "tags"[-1] AS _arg5,
  struct_extract("app", 'country') AS _arg6,
  list_max("scores") AS _arg7,
  CASE WHEN (NOT isfinite(COALESCE(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'), CAST(CAST(-90 AS BIGINT) AS DOUBLE)))) THEN CAST(NULL AS DOUBLE) ELSE COALESCE(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'), CAST(CAST(-90 AS BIGINT) AS DOUBLE)) END AS _arg8,
  (list_max("holidays") - DATE '1970-01-01') AS _arg9,
  (struct_extract("device", 'bought') - DATE '1970-01-01') AS _arg10,
  epoch_us(struct_extract("device", 'seen')) AS _arg11,
  CASE WHEN "tags" IS NOT NULL THEN COALESCE(array_to_string("tags", '+'), '') END AS _arg12,
  "scores"[1] AS _arg13,
  len("visits") AS _arg14,
  len("tags") AS _arg15,
  struct_extract("device", 'version') AS _arg16
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE ("_verdict" = CAST(0 AS BIGINT)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "unconnected_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'network') IS NULL) IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "unconnected_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'network') IS NULL) IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "vip_logins_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN 'vip' IS NOT NULL THEN list_contains("tags", 'vip') END IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "vip_logins_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN 'vip' IS NOT NULL THEN list_contains("tags", 'vip') END IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "own_tag_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN struct_extract("device", 'os') IS NOT NULL THEN list_contains("tags", struct_extract("device", 'os')) END IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "own_tag_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN struct_extract("device", 'os') IS NOT NULL THEN list_contains("tags", struct_extract("device", 'os')) END IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "last_visit_south_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (((struct_extract("visits"[-1], 'lat') < CAST(CAST(0 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(0 AS BIGINT) AS DOUBLE))) IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "last_visit_south_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND (((struct_extract("visits"[-1], 'lat') < CAST(CAST(0 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(0 AS BIGINT) AS DOUBLE))) IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= ($at_us - 3600000000)) AS "used_devices_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((((CAST((CAST(epoch_us("happened_at") AS HUGEINT) - ((CAST(epoch_us("happened_at") AS HUGEINT) % NULLIF(CAST(86400000000 AS BIGINT), 0) + CAST(86400000000 AS BIGINT)) % NULLIF(CAST(86400000000 AS BIGINT), 0))) // NULLIF(CAST(86400000000 AS BIGINT), 0) AS BIGINT) - (struct_extract("device", 'bought') - DATE '1970-01-01')) * CAST(86400000000 AS BIGINT)) >= CAST(31536000000000 AS BIGINT)) IS TRUE)))
WHERE _event_us < $at_us
GROUP BY "user";

SELECT "user",
  count(*) FILTER (_event_us >= (($at_us - 3600000000) - ((($at_us - 3600000000) % 300000000) + 300000000) % 300000000)) AS "used_devices_1h"
FROM (SELECT * REPLACE (CAST(0 AS INT) AS _src_partition, "login" AS _src_offset)
FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive)))
WHERE (("_verdict" = CAST(0 AS BIGINT)) AND ((((CAST((CAST(epoch_us("happened_at") AS HUGEINT) - ((CAST(epoch_us("happened_at") AS HUGEINT) % NULLIF(CAST(86400000000 AS BIGINT), 0) + CAST(86400000000 AS BIGINT)) % NULLIF(CAST(86400000000 AS BIGINT), 0))) // NULLIF(CAST(86400000000 AS BIGINT), 0) AS BIGINT) - (struct_extract("device", 'bought') - DATE '1970-01-01')) * CAST(86400000000 AS BIGINT)) >= CAST(31536000000000 AS BIGINT)) IS TRUE)))
WHERE _event_us < (($at_us) - ((($at_us) % 300000000) + 300000000) % 300000000)
GROUP BY "user";

SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // 65536 AS block, count(*) AS n,
  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,
  sum((_src_offset % 65536) * (_src_offset % 65536)) AS sum_sq,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT))) AS accepted, count(*) FILTER (("_verdict" = CAST(1 AS BIGINT))) AS late,
  count(*) FILTER (("_verdict" = CAST(2 AS BIGINT))) AS dead_lettered, count(*) FILTER (("_verdict" = CAST(3 AS BIGINT))) AS duplicate,
  count(*) FILTER (("_verdict" = CAST(0 AS BIGINT)) AND _folded = 0) AS filtered,
  CAST(sum(_folded) AS BIGINT) AS folded
FROM (SELECT *, ((((((CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'os') = 'ios') IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END + CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((struct_extract("device", 'network') IS NULL) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN 'vip' IS NOT NULL THEN list_contains("tags", 'vip') END IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (CASE WHEN struct_extract("device", 'os') IS NOT NULL THEN list_contains("tags", struct_extract("device", 'os')) END IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND (((struct_extract("visits"[-1], 'lat') < CAST(CAST(0 AS BIGINT) AS DOUBLE)) AND NOT isnan(CAST(CAST(0 AS BIGINT) AS DOUBLE))) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) + CASE WHEN (("_verdict" = CAST(0 AS BIGINT)) AND ((((CAST((CAST(epoch_us("happened_at") AS HUGEINT) - ((CAST(epoch_us("happened_at") AS HUGEINT) % NULLIF(CAST(86400000000 AS BIGINT), 0) + CAST(86400000000 AS BIGINT)) % NULLIF(CAST(86400000000 AS BIGINT), 0))) // NULLIF(CAST(86400000000 AS BIGINT), 0) AS BIGINT) - (struct_extract("device", 'bought') - DATE '1970-01-01')) * CAST(86400000000 AS BIGINT)) >= CAST(31536000000000 AS BIGINT)) IS TRUE)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) AS _folded FROM (SELECT * REPLACE (CASE WHEN ("_verdict" = CAST(0 AS BIGINT)) AND row_number() OVER (PARTITION BY _verdict, "login", epoch_us("happened_at"), struct_extract("app", 'country'), ("birthday" - DATE '1970-01-01'), (struct_extract("device", 'bought') - DATE '1970-01-01'), (struct_extract("device", 'network') IS NULL), struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country'), CASE WHEN (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') = 0.0E0) THEN 0.0E0 ELSE struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat') END, struct_extract("device", 'os'), epoch_us(struct_extract("device", 'seen')), struct_extract("device", 'version'), "holidays", "scores", "tags", "user", "visits" ORDER BY _arrival_us, _src_partition, _src_offset) > 1 THEN 3 ELSE _verdict END AS _verdict)
FROM (SELECT *, CASE WHEN ("_error" IS NOT NULL) THEN CAST(2 AS BIGINT)
  WHEN ("login" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("user" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("device" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (("device" IS NOT NULL) AND (struct_extract("device", 'os') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (((struct_extract("device", 'bought') - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((struct_extract("device", 'bought') - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (NOT (struct_extract(struct_extract("device", 'network'), 'kind') IN ('cable', 'wifi'))) THEN CAST(2 AS BIGINT)
  WHEN ((struct_extract(struct_extract("device", 'network'), 'spot') IS NOT NULL) AND (struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract(struct_extract(struct_extract("device", 'network'), 'spot'), 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN (("app" IS NOT NULL) AND (struct_extract("app", 'country') IS NULL)) THEN CAST(2 AS BIGINT)
  WHEN (NOT isfinite(struct_extract("app", 'lat'))) THEN CAST(2 AS BIGINT)
  WHEN ("tags" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN (len("tags") <> list_count("tags")) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(element) FOR element IN "scores"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN COALESCE(list_bool_or([(element IS NOT NULL AND struct_extract(element, 'country') IS NULL) FOR element IN "visits"]), FALSE) THEN CAST(2 AS BIGINT)
  WHEN (NOT COALESCE(list_bool_and([isfinite(struct_extract(element, 'lat')) FOR element IN "visits"]), TRUE)) THEN CAST(2 AS BIGINT)
  WHEN (("birthday" - DATE '1970-01-01') IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ((("birthday" - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR (("birthday" - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (((list_min("holidays") - DATE '1970-01-01') < CAST(-719162 AS BIGINT)) OR ((list_max("holidays") - DATE '1970-01-01') > CAST(2932896 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN (epoch_us("happened_at") IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_arrival_us" IS NULL) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < CAST(946684800000000 AS BIGINT)) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" > ("_arrival_us" + CAST(86400000000 AS BIGINT))) THEN CAST(2 AS BIGINT)
  WHEN ("_event_us" < ("_arrival_us" - CAST(86400000000 AS BIGINT))) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS _verdict
FROM (SELECT *, epoch_us("happened_at") AS _event_us, epoch_us("_src_timestamp") AS _arrival_us
FROM archive))))
GROUP BY topic, partition, block;
