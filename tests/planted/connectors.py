"""Faults that are planted in `connectors`."""

from __future__ import annotations

from .mutant import Mutant

SINK = "connectors/java/src/main/java/io/headrace/flink/cassandra"
ANSWERS = "connectors/java/src/main/java/io/headrace/flink/pointintime"
VERSIONS = "connectors/java/src/main/java/io/headrace/flink/asof/Dimension.java"

MUTANTS = (
    Mutant(
        "what cannot be read is told to be no CSV file",
        "connectors/duckdb_files.py",
        "except duckdb.IOException as error:",
        "except ZeroDivisionError as error:",
        "tests/pipelines/test_local_run.py::test_what_is_wrong_is_refused_by_name",
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
        "Flink sees rows of a look-up table from 1970 on",
        "connectors/java/src/main/java/io/headrace/flink/asof/VersionRows.java",
        "ALWAYS = Long.MIN_VALUE;",
        "ALWAYS = 0;",
        "DimensionReaderTest",
    ),
    Mutant(
        "Flink answers an event that a dimension cannot answer yet",
        VERSIONS,
        "us - question.delay() > until;",
        "us - question.delay() > until + 1;",
        "DimensionTest",
    ),
    Mutant(
        "an event of a topic does not wait for the version that it sees",
        "connectors/java/src/main/java/io/headrace/flink/asof/FollowedDimension.java",
        "            await(us);\n",
        "            shared.renew();\n",
        "FollowedDimensionTest",
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
        "nobody asks for what must be in a struct",
        "connectors/java/src/main/java/io/headrace/flink/kafka/ValueReaders.java",
        "        fields.checkRequired(row);\n",
        "",
        "NestedRecordsTest#whatIsWrongIsNamedByItsPath",
    ),
    Mutant(
        "a damaged file of a model is served",
        "connectors/artifacts.py",
        "    if found != expected:\n",
        "    if found != expected and file.name == MANIFEST:\n",
        "tests/connectors/test_artifacts.py::test_every_damaged_byte_is_found",
    ),
    Mutant(
        "an artifact has its name before it is whole",
        "connectors/artifacts.py",
        'self.folder / f"{TEMPORARY}{uuid4().hex}"',
        'self.folder / uuid4().hex.ljust(64, "0")',
        "tests/connectors/test_artifacts.py::test_what_a_killed_writer_left_is_no_artifact",
    ),
    Mutant(
        "files that delete rows are not seen",
        "connectors/iceberg_snapshot.py",
        "if manifest.content != DATA and entries:",
        "if manifest.content < DATA and entries:",
        "tests/training/data/test_rows.py::test_a_table_with_delete_files_is_refused_by_name",
    ),
    Mutant(
        "a merged manifest tells old files again",
        "connectors/iceberg_snapshot.py",
        '{ADDED: "added", DELETED: "removed"}',
        '{ADDED: "added", 0: "added", DELETED: "removed"}',
        "tests/training/data/test_follow.py::test_merged_manifests_do_not_tell_old_rows_again",
    ),
    Mutant(
        "a missing value is taken for one of an unparsable record",
        "connectors/iceberg_counts.py",
        "nulls is not None and nulls == errors",
        "nulls is not None",
        "tests/connectors/test_iceberg_counts.py::test_a_missing_value_in_any_commit_counts_and_only_up_to_the_snapshot",
    ),
    Mutant(
        "a float that nobody counted is taken for sound",
        "connectors/iceberg_counts.py",
        "(file.nan_value_counts or {}).get(id_) == 0",
        "not (file.nan_value_counts or {}).get(id_)",
        "tests/connectors/test_iceberg_counts.py::test_floats_are_not_called_sound_where_their_writer_did_not_count",
    ),
    Mutant(
        "an infinite float is taken for sound",
        "connectors/iceberg_counts.py",
        "len(bound) == DOUBLE.size and math.isfinite(*DOUBLE.unpack(bound))",
        "True",
        "tests/connectors/test_iceberg_counts.py::test_floats_are_sound_where_their_writer_counted_what_is_no_number",
    ),
    Mutant(
        "an alarm of a micro-batch that was given ends the input",
        "connectors/java/src/main/java/io/headrace/flink/learning/MicroBatchOperator.java",
        "if (alarm != null && number == alarms) {",
        "if (alarm != null) {",
        "MicroBatchOperatorTest#anAlarmThatRingsAfterItsRowsWereGivenGivesNothing",
    ),
    Mutant(
        "what another run commits makes a state older",
        "connectors/iceberg.py",
        "summary[name] == value for",
        "True for",
        "tests/training/streaming/test_runs.py::test_a_copy_of_an_older_state_is_older_by_the_commits_of_its_run_alone",
    ),
    Mutant(
        "a commit without rows makes a state older",
        "connectors/iceberg.py",
        "if summary[ADDED] and all(",
        "if all(",
        "tests/training/streaming/test_runs.py::test_a_copy_of_an_older_state_is_older_by_the_commits_of_its_run_alone",
    ),
    Mutant(
        "a silent partition of a label join is ahead of what may still arrive",
        "connectors/java/src/main/java/io/headrace/flink/kafka/PartitionWatermarks.java",
        "clock.instant().minus(idleAfter).minus(delay)",
        "clock.instant().minus(idleAfter)",
        "PartitionWatermarksTest",
    ),
    Mutant(
        "the newest row of a key is one that its sender has changed since",
        "connectors/java/src/main/java/io/headrace/flink/append/NewestOfKey.java",
        "serializer.copy(element.getValue())",
        "element.getValue()",
        "NewestOfKeyTest",
    ),
)
