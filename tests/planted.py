"""The faults that tests must catch, each with the test that names it: what `make mutants` plants, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

SINK = "connectors/java/src/main/java/io/headrace/flink/cassandra"
ANSWERS = "connectors/java/src/main/java/io/headrace/flink/pointintime"
VERSIONS = "connectors/java/src/main/java/io/headrace/flink/asof/Dimension.java"
SEEN = "tests/compiler/test_as_of.py::test_duckdb_sees_the_version_in_effect"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: `text`, which occurs once in `file`, becomes `fault`. `caught_by` is a test of pytest, or of JUnit."""

    name: str
    file: str
    text: str
    fault: str
    caught_by: str


MUTANTS = (
    Mutant(
        "an event at the start of a window is lost",
        "compiler/duckdb_point_in_time.py",
        '[f"_event_us >= {start}"]',
        '[f"_event_us > {start}"]',
        "tests/compiler/test_point_in_time.py::test_values_equal_a_loop_over_all_events",
    ),
    Mutant(
        "a frame is short of its first microsecond",
        "compiler/duckdb_point_in_time.py",
        "is None else bounds.before_us\n        return",
        "is None else bounds.before_us - 1\n        return",
        "tests/compiler/test_point_in_time.py::test_values_equal_a_loop_over_all_events",
    ),
    Mutant(
        "a training row sees an event of its own instant",
        "compiler/duckdb_point_in_time.py",
        "AND {bounds.lag_us + 1} PRECEDING",
        "AND {bounds.lag_us} PRECEDING",
        "tests/pipelines/test_training_set.py::test_neither_the_rows_own_instant_nor_a_later_one_leaks[duckdb]",
    ),
    Mutant(
        "a value at an instant sees the event of that instant",
        "compiler/duckdb_sql.py",
        'f"WHERE _event_us < {_end(group, mode)}',
        'f"WHERE _event_us <= {_end(group, mode)}',
        "tests/compiler/test_duckdb_sql.py::test_features_equal_the_oracle",
    ),
    Mutant(
        "a training row knows what had not arrived",
        "compiler/duckdb_point_in_time.py",
        '" AND e._arrival_us < s._t" if',
        '" AND e._arrival_us < s._t + 86400000000" if',
        "tests/pipelines/test_training_set.py::test_a_payment_that_arrived_later_is_not_known_by_arrival[duckdb]",
    ),
    Mutant(
        "an as-of value has no time to live",
        "compiler/duckdb_point_in_time.py",
        'if asked.mode == "ttl" else',
        'if asked.mode == "never" else',
        "tests/pipelines/test_training_set.py::test_the_worked_example_in_every_mode[duckdb-exact-ttl 1h-expected1]",
    ),
    Mutant(
        "the tail of a window is off by one tile",
        "compiler/tiles.py",
        "return floor_to(at_us - window_us, tail_us), window_end",
        "return floor_to(at_us - window_us, tail_us) + tail_us, window_end",
        "tests/compiler/test_tiles.py::test_a_window_begins_with_the_tail_tile_that_its_old_end_lies_in",
    ),
    Mutant(
        "a calendar day begins at midnight in UTC",
        "features/local_day.py",
        "return begin_us(last - days + 1, zone), begin_us",
        "return (last - days + 1) * DAY_US, begin_us",
        "tests/compiler/test_local_days.py::test_tiles_of_days_merge_to_a_loop_over_dates",
    ),
    Mutant(
        "a calendar day is 24 hours",
        "features/local_day.py",
        "return begin_us(last - days + 1, zone), begin_us",
        "return begin_us(last + 1, zone) - days * DAY_US, begin_us",
        "tests/compiler/test_local_days.py::test_tiles_of_days_merge_to_a_loop_over_dates",
    ),
    Mutant(
        "calendar days end a day late",
        "features/local_day.py",
        "last = day_of(at_us, zone) - lag",
        "last = day_of(at_us, zone) - max(lag - 1, 0)",
        "tests/compiler/test_local_days.py::test_tiles_of_days_merge_to_a_loop_over_dates",
    ),
    Mutant(
        "the days of DuckDB are those of UTC",
        "compiler/duckdb_days.py",
        "+ late_us AS began_us",
        "AS began_us",
        "tests/compiler/test_local_days.py::test_the_table_of_days_is_that_of_python",
    ),
    Mutant(
        "tiles of calendar days are kept for 24 hours a day",
        "compiler/build.py",
        "more = LONGER_AT_MOST_US if feature.zone",
        "more = 0 if feature.zone",
        "tests/compiler/test_local_days.py::test_the_tiles_of_days_are_kept_to_their_last_instant_and_for_late_rows",
    ),
    Mutant(
        "an answer of Flink sees an event of its own instant",
        f"{ANSWERS}/EventTree.java",
        "times[middle] < us",
        "times[middle] <= us",
        "SweepTest",
    ),
    Mutant(
        "an answer of Flink knows what had not arrived",
        f"{ANSWERS}/Sweep.java",
        "question.byArrival() ? time : Long.MAX_VALUE",
        "Long.MAX_VALUE",
        "SweepTest",
    ),
    Mutant(
        "an answer of Flink takes calendar days for 24 hours each",
        "compiler/point_in_time.py",
        "zone=feature.zone,",
        "zone=None,",
        "tests/compiler/test_flink_point_in_time.py::test_flink_is_told_when_days_begin",
    ),
    Mutant(
        "an answer of Flink takes the newest event for one of tomorrow",
        f"{ANSWERS}/Question.java",
        "return ofWrite ? seen : time;",
        "return ofWrite ? seen + 1 : time;",
        "DaysTest",
    ),
    Mutant(
        "a day that was skipped has moments",
        f"{ANSWERS}/Days.java",
        "runs.forEach(run -> byTime.put(",
        "runs.forEach(run -> byTime.putIfAbsent(",
        "DaysTest",
    ),
    Mutant(
        "a version is in effect a microsecond too late",
        "compiler/duckdb_lookups.py",
        "AND r._event_us >= v.",
        "AND r._event_us > v.",
        SEEN,
    ),
    Mutant(
        "an event sees a version of the future",
        "compiler/duckdb_lookups.py",
        "AND r._event_us >= v.",
        "AND r._event_us + 1 >= v.",
        SEEN,
    ),
    Mutant(
        "a version is in effect before its delay",
        "compiler/duckdb_lookups.py",
        "{since} + {table.delay_us} AS",
        "{since} AS",
        SEEN,
    ),
    Mutant(
        "of versions of one time the first counts",
        "compiler/duckdb_lookups.py",
        "_src_partition DESC, _src_offset DESC",
        "_src_partition, _src_offset",
        SEEN,
    ),
    Mutant(
        "an event that a dimension cannot answer yet is answered",
        "compiler/verdict.py",
        "    yield from _lookup_rules(plan)\n    for call",
        "    for call",
        SEEN,
    ),
    Mutant(
        "Flink sees the version before the one in effect that very microsecond",
        VERSIONS,
        "found >= 0 ? found : -found - 2",
        "found >= 0 ? found - 1 : -found - 2",
        "DimensionTest",
    ),
    Mutant(
        "Flink sees a version of the future",
        VERSIONS,
        "found >= 0 ? found : -found - 2",
        "found >= 0 ? found : Math.min(-found - 1, from.length - 1)",
        "DimensionTest",
    ),
    Mutant(
        "Flink sees the first of versions of one time",
        VERSIONS,
        ".thenComparingLong(Version::offset)",
        ".thenComparingLong(version -> -version.offset())",
        "DimensionTest",
    ),
    Mutant(
        "Flink answers an event that a dimension cannot answer yet",
        VERSIONS,
        "us - question.delay() > question.until()",
        "us - question.delay() > question.until() + 1",
        "DimensionTest",
    ),
    Mutant(
        "a row on which an argument raised reaches the function around it",
        "compiler/calls.py",
        "(*dead, *(raised(inner) for inner in _calls_in(call.args)))",
        "dead",
        "tests/compiler/test_user_functions.py::test_duckdb_calls_functions_with_every_type",
    ),
    Mutant(
        "an assignment changes nothing that it reads",
        "features/needed_source.py",
        "reads - imported if",
        "set() if",
        "tests/features/test_udf.py::test_whatever_may_change_what_a_function_reads_goes_along",
    ),
    Mutant(
        "what a filter keeps out is computed",
        "compiler/duckdb_sql.py",
        "return sql if alone or group.filter is None else",
        "return sql if alone or sql else",
        "tests/compiler/test_point_in_time.py::test_of_rows_that_a_filter_keeps_out_nothing_is_computed",
    ),
    Mutant(
        "the windows of Flink's answers are off by one tile",
        f"{ANSWERS}/Question.java",
        "Math.floorDiv(micros, tile) * tile",
        "Math.floorDiv(micros, tile) * tile - tile",
        "SweepTest",
    ),
    Mutant(
        "what was written expires never again",
        f"{SINK}/PendingWrite.java",
        "return !isDelete() && expiresAt <= now;",
        "return false;",
        "PendingWriteTest#isExpiredFromItsEndOn",
    ),
    Mutant(
        "the newest row of a tie is any of them",
        "compiler/merge.py",
        "((us, partition, offset), value)",
        "((us, 0, 0), value)",
        "tests/compiler/test_merge.py::test_any_split_merges_to_the_whole",
    ),
    Mutant(
        "nothing is a count of NULL",
        "compiler/merge.py",
        "return distinct_of(sketches) if sketches else 0",
        "return distinct_of(sketches) if sketches else None",
        "tests/compiler/test_merge.py::test_an_empty_window",
    ),
    Mutant(
        "a row that is late to the microsecond is folded in",
        "compiler/verdict.py",
        'return Scalar("less", BOOL, (EVENT_US, deadline))',
        'return Scalar("less_equal", BOOL, (EVENT_US, deadline))',
        "tests/compiler/test_duckdb_sql.py",
    ),
    Mutant(
        "live begins one record after history ends",
        "pipelines/cutover.py",
        "start = archived.next_offset\n",
        "start = archived.next_offset + 1\n",
        "tests/pipelines/test_cutover.py",
    ),
    Mutant(
        "a kept tile that is still open",
        "serving/cache.py",
        "(self._now_us() - SETTLE_S * SECOND_US) // level * level",
        "-(-self._now_us() // level) * level",
        "tests/serving/test_cache.py::test_an_open_tile_is_always_read",
    ),
    Mutant(
        "a tile beyond its retention counts as there",
        "compiler/window_slices.py",
        "part.from_us + part.level_us + retention_us",
        "part.from_us + part.level_us + retention_us + 1",
        "tests/compiler/test_window_slices.py::test_a_tile_is_gone_when_its_retention_after_its_end_is_over",
    ),
    Mutant(
        "the second copy of a row counts on Flink",
        "compiler/flink_copies.py",
        "{copies} > 1 THEN",
        "{copies} > 2 THEN",
        "tests/pipelines/test_flink_answers.py::test_copies_count_once_on_flink",
    ),
    Mutant(
        "columns of the request are not among what a feature on demand is said to read",
        "compiler/explain.py",
        "for column in one.request)]",
        "for column in ())]",
        "tests/jobs/test_on_demand.py::test_a_feature_on_demand_is_explained_with_what_it_reads",
    ),
    Mutant(
        "a struct that is not there lacks its fields",
        "compiler/verdict.py",
        'missing) if value.op == "field" else missing',
        'missing) if value.op == "" else missing',
        "tests/compiler/test_nested.py::test_what_is_wrong_inside_a_row_is_named_by_its_path",
    ),
    Mutant(
        "the element after the one that is meant",
        "compiler/duckdb_scalar.py",
        "{place + 1 if isinstance",
        "{place + 2 if isinstance",
        "tests/compiler/test_nested.py::test_features_of_structs_and_lists_equal_a_loop_over_rows",
    ),
    Mutant(
        "nobody asks for what must be in a struct",
        "connectors/java/src/main/java/io/headrace/flink/kafka/ValueReaders.java",
        "        fields.checkRequired(row);\n",
        "",
        "NestedRecordsTest#whatIsWrongIsNamedByItsPath",
    ),
    Mutant(
        "rows of a source of a union are lost",
        "compiler/duckdb_union.py",
        "enumerate(zip(source.members, relations, strict=True))",
        "[*enumerate(zip(source.members, relations, strict=True))][:-1]",
        "tests/compiler/test_union.py::test_every_feature_over_a_union_equals_the_oracle",
    ),
    Mutant(
        "of one time the place of a row comes before its source",
        "compiler/union.py",
        "{number * MEMBER} + {partition}",
        "{partition}",
        "tests/compiler/test_union.py::test_of_one_time_a_row_of_a_later_source_is_newer_whatever_its_place",
    ),
    Mutant(
        "rows are late by the rule of another source",
        "compiler/verdict.py",
        "zip(numbers[:-1], found[:-1], strict=True)",
        "zip(numbers[:-1], found[1:], strict=True)",
        "tests/compiler/test_union.py::test_a_row_is_judged_by_the_rules_of_its_own_source",
    ),
    Mutant(
        "a row of a union is computed with before it is judged",
        "compiler/union.py",
        'f"CASE WHEN {dialect.emit(REFUSED)} IS NULL THEN CAST({value} AS {type_}) END"',
        'f"CAST({value} AS {type_})"',
        "tests/compiler/test_union.py::test_of_a_refused_row_nothing_is_computed",
    ),
    Mutant(
        "what a source of a union refuses is accepted",
        "compiler/verdict.py",
        'yield Scalar("not_null", BOOL, (REFUSED,)), REFUSED',
        'yield Scalar("not_null", BOOL, (Scalar("literal", STR),)), REFUSED',
        "tests/compiler/test_union.py::test_rows_have_the_verdict_that_they_have_in_one_source",
    ),
    Mutant(
        "two sources of a union share an id",
        "compiler/union.py",
        'literal(f"{number}/")',
        'literal("/")',
        "tests/compiler/test_union.py::test_different_rows_of_one_id_are_told_by_source",
    ),
    Mutant(
        "the ledger takes a partition of another topic for the same one",
        "pipelines/ledger_checks.py",
        "if left.of == right.of",
        "if left.partition == right.partition",
        "tests/pipelines/test_ledger_topics.py::test_what_is_read_of_two_topics_neither_overlaps_nor_leaves_gaps",
    ),
    Mutant(
        "what a part must be that fills a union's column is not of the version",
        "compiler/build.py",
        "read = {path for scalar in filled.values() for path in scalar.paths()}",
        "read: set[tuple[str, ...]] = set()",
        "tests/compiler/test_joined_union.py::test_what_decides_about_rows_of_any_source_makes_another_version",
    ),
    Mutant(
        "a run over a union forgets which version of a dimension it joins",
        "pipelines/cutover.py",
        "(), dimensions=dimensions, members=tuple(parts))",
        "(), members=tuple(parts))",
        "tests/pipelines/test_joined_union.py::test_a_run_pins_and_records_each_history_and_the_dimension",
    ),
    Mutant(
        "a dimension fills a column of a union",
        "features/union.py",
        "if any(scalar.lookups()):",
        "if any(()):",
        "tests/features/test_union.py::test_a_wrong_union_is_refused_at_its_line",
    ),
)
