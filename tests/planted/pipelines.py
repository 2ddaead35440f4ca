"""Faults that are planted in `pipelines`."""

from __future__ import annotations

from .mutant import Mutant

KEPT_LISTS = "tests/pipelines/test_kept_lists.py"
LOCAL_FOREIGN = "tests/pipelines/test_local_foreign.py"
LOOKED_UP = "tests/pipelines/test_lookups.py"
FLAGGED_FOR_BOTH = (
    "tests/pipelines/test_training_set.py::test_a_row_that_two_histories_do_not_cover_is_flagged_for_both"
)

MUTANTS = (
    Mutant(
        "a live run reads the newest snapshot of a look-up table",
        "pipelines/followed_dimensions.py",
        "return cutover.is_live and table_of(plan, dimension).is_versioned",
        "return cutover.is_live",
        f"{LOOKED_UP}::test_a_live_run_reads_the_snapshot_that_it_pinned",
    ),
    Mutant(
        "a run looks a table up in which a key repeats",
        "pipelines/pinned_dimensions.py",
        "            refuse_repeated(",
        "            print(",
        f"{LOOKED_UP}::test_two_rows_of_one_key_are_refused_with_the_key",
    ),
    Mutant(
        "a version of a view that is not read says nothing",
        "pipelines/training_pipeline.py",
        "unread = sorted(versions.keys() - set(asked))",
        "unread = sorted(set(asked) - set(asked))",
        "tests/pipelines/test_training_set.py::test_a_version_of_a_view_that_is_not_read_is_refused",
    ),
    Mutant(
        "an old look-up table ends a training set",
        "pipelines/training_pipeline.py",
        "for name, table in tables.items() if table.is_versioned]",
        "for name, table in tables.items()]",
        f"{LOOKED_UP}::test_a_lookup_table_ends_no_training_set",
    ),
    Mutant(
        "a table is complete to its commit, however late versions may be written",
        "pipelines/completeness.py",
        "return by_commit if noted",
        "return by_commit + delay_us if noted",
        "tests/pipelines/test_completeness.py::"
        "test_an_event_sees_the_same_in_every_version_of_a_table_that_is_complete_to_it",
    ),
    Mutant(
        "the ledger takes a partition of another topic for the same one",
        "pipelines/ledger_checks.py",
        "if left.of == right.of",
        "if left.partition == right.partition",
        "tests/pipelines/test_ledger_topics.py::test_what_is_read_of_two_topics_neither_overlaps_nor_leaves_gaps",
    ),
    Mutant(
        "a column that the archive lacks is no reason to refuse",
        "pipelines/explain_history.py",
        'yield Step(HISTORY, "columns"',
        'Step(HISTORY, "columns"',
        "tests/pipelines/test_explain.py::test_a_column_that_the_archive_lacks_is_told_and_the_rest_is_explained",
    ),
    Mutant(
        "a table of another system is explained instead of its copy",
        "pipelines/explain_history.py",
        "return platform.iceberg.load(SHADOWS_NAMESPACE, name)",
        "return table",
        "tests/pipelines/test_explain.py::test_a_table_of_another_system_is_explained_and_so_is_its_copy",
    ),
    Mutant(
        "a dead letter takes the row of a later snapshot",
        "pipelines/dead_letters.py",
        "relation(connection, cut.snapshot_id)",
        "relation(connection)",
        "tests/pipelines/test_dead_letters.py::test_what_was_not_read_of_a_row_of_history_is_added_and_what_was_read_stays",
    ),
    Mutant(
        "a letter with a union's columns takes others of a row that its own source let in",
        "pipelines/dead_letters.py",
        "WHERE _error IS NULL AND {written}",
        "WHERE _error IS NULL",
        "tests/pipelines/test_dead_letters.py::test_a_letter_of_a_union_takes_nothing_of_a_row_that_its_own_source_let_in",
    ),
    Mutant(
        "a dead letter with other columns is overwritten",
        "pipelines/dead_letters.py",
        "if not read.keys() < kept.keys():",
        "if read.keys() == kept.keys():",
        "tests/pipelines/test_dead_letters.py::test_a_letter_with_other_columns_is_left_as_it_is",
    ),
    Mutant(
        "a label join goes on from the newest state that is left, whatever was told since",
        "pipelines/lifecycle.py",
        "    check(run, start)\n",
        "",
        "tests/pipelines/test_label_runs.py::test_a_stopped_run_whose_resumption_was_not_recorded_does_not_go_on_from_its_savepoint",
    ),
    Mutant(
        "a label join begins anew at its boundary beside what it has told",
        "pipelines/label_runs.py",
        "return next(iter(commits), None) if state is None",
        "return None if state is None",
        "tests/pipelines/test_label_runs.py::test_a_run_without_any_state_does_not_begin_anew_when_facts_were_told",
    ),
    Mutant(
        "a commit without facts makes a state of a label join old",
        "pipelines/label_runs.py",
        "commits = table.flink_appends({})",
        "commits = table.flink_commits()",
        "tests/pipelines/test_label_runs.py::test_a_commit_without_facts_tells_nothing_that_a_state_could_lack",
    ),
    Mutant(
        "a run gets a second job beside one that nobody noted",
        "pipelines/outcome.py",
        "if not live or (own is not None and not own.is_over):",
        "if not live or own is not None:",
        "tests/pipelines/test_label_runs.py::test_a_job_of_the_run_that_nobody_noted_is_the_run_s",
    ),
    Mutant(
        "a job is noted before it says from which state it starts",
        "runtime/flink_rest.py",
        'STARTING = "INITIALIZING"',
        'STARTING = "CREATED"',
        "tests/pipelines/test_label_runs.py::test_a_job_is_noted_when_it_says_from_which_state_it_starts",
    ),
    Mutant(
        "a view whose first job nobody noted never serves",
        "pipelines/outcome.py",
        "if is_view and platform.registry.pointer(run.project, run.view) is None:",
        "if not is_view:",
        "tests/pipelines/test_label_runs.py::test_a_view_serves_whose_first_job_nobody_noted",
    ),
    Mutant(
        "a label join's ledger recounts another system's table, and not the copy that was read",
        "pipelines/label_ledger.py",
        "[part.table for part in self.cutover.parts]",
        "[part.origin.name if part.origin else part.table for part in self.cutover.parts]",
        "tests/pipelines/test_label_ledger.py::test_a_ledger_recounts_the_copy_of_a_foreign_table",
    ),
    Mutant(
        "consistency does not see that a store knows an entity by a later row",
        "pipelines/consistency_causes.py",
        "is None and row in known_later and",
        "is None and row not in known_later and",
        "tests/pipelines/test_consistency.py::test_a_town_that_begins_after_the_asked_time_is_known_to_the_store",
    ),
    Mutant(
        "of several views that do not cover a row the one asked first is named first",
        "pipelines/training_set.py",
        "for view in sorted(by_view):",
        "for view in by_view:",
        f"{FLAGGED_FOR_BOTH}[features1]",
    ),
    Mutant(
        "a float of 32 bits in a file is the one of its shortest text",
        "pipelines/local_input.py",
        'f"CAST({name} AS DOUBLE)" if type_ == FLOAT32 else name',
        "name",
        "tests/pipelines/test_local_run.py::test_a_float_of_32_bits_is_the_number_that_it_is",
    ),
    Mutant(
        "the engines differ where one of them may estimate",
        "pipelines/engine_diff.py",
        "for row in unequal if is_estimate(",
        "for row in () if is_estimate(",
        "tests/testing/test_on_flink.py::test_a_count_that_flink_may_estimate_is_no_difference",
    ),
    Mutant(
        "a fingerprint runs lists together",
        "pipelines/training_set.py",
        "return _buffer(column.is_null()) + _buffer(lengths) + _bits(",
        "return _buffer(column.is_null()) + _bits(",
        f"{KEPT_LISTS}::test_fingerprints_tell_lists_apart",
    ),
    Mutant(
        "a list is stored under the names and widths of whoever made it",
        "pipelines/stored_columns.py",
        "else pa.list_(pa.field(ELEMENT, element))",
        "else found",
        f"{KEPT_LISTS}::test_equal_lists_are_stored_alike_whatever_arrow_calls_their_type",
    ),
    Mutant(
        "a set that is saved loses the snapshots that it was made from",
        "pipelines/keep_training_set.py",
        "            history.table.tag(",
        "            print(",
        "tests/pipelines/test_training_set.py::test_a_set_is_made_again_bit_for_bit_whatever_came_since",
    ),
    Mutant(
        "a set that cannot be kept has tagged histories already",
        "pipelines/keep_training_set.py",
        "    rows, definition = stored(made.to_arrow()), _definition(pipeline, made)\n",
        '    _tag_sources(made, "x")\n    rows, definition = stored(made.to_arrow()), _definition(pipeline, made)\n',
        "tests/pipelines/test_kept_from_python.py::"
        "test_a_set_that_cannot_be_kept_stays_in_memory_and_leaves_nothing_behind",
    ),
    Mutant(
        "a key that all rows lack is not counted",
        "pipelines/training_pipeline.py",
        "return {name: count for name, count in counts.items() if count}",
        "return {name: count for name, count in counts.items() if 0 < count < spine.rows.num_rows}",
        "tests/pipelines/test_rows_without_keys.py::test_rows_without_a_key_are_counted_by_its_name",
    ),
    Mutant(
        "a column of missing times alone is told to lack a zone",
        "pipelines/spine.py",
        "is_missing = 0 < column.null_count == len(column)",
        "is_missing = len(column) < 0",
        "tests/pipelines/test_spine.py::test_times_that_are_all_missing_are_missing_whatever_their_type",
    ),
    Mutant(
        "the only times of a CSV file are told without their rows",
        "pipelines/spine_file.py",
        "if event_time is None and not instants and len(zoneless) == 1:",
        "if event_time is None and not instants and len(zoneless) > 2:",
        "tests/pipelines/test_spine.py::test_the_only_times_of_a_csv_file_are_told_by_row_when_no_one_has_a_zone",
    ),
    Mutant(
        "the name of a table is read as SQL",
        "pipelines/spine.py",
        "            if TABLE_NAME.fullmatch(text):\n",
        "            if not text:\n",
        "tests/pipelines/test_spine.py::test_the_name_of_an_iceberg_table_is_a_spine_as_it_is_an_input",
    ),
    Mutant(
        "a verdict of live rows is explained where none come",
        "compiler/explain.py",
        "is_live = any(part.live for part in plan.source.parts)",
        "is_live = bool(plan.source.parts)",
        "tests/pipelines/test_explain.py::test_of_a_source_without_a_topic_nothing_is_said_of_live_rows",
    ),
    Mutant(
        "a table of another system is taken for an archive in a local run",
        "pipelines/local_tables.py",
        "return None if is_archive(table) else",
        "return None if table else",
        f"{LOCAL_FOREIGN}::test_a_run_reads_the_table_of_another_system[in_iceberg]",
    ),
    Mutant(
        "a Delta table that is history is known by its folder alone",
        "pipelines/local_tables.py",
        'return is_own or "://" in given or',
        "return",
        f"{LOCAL_FOREIGN}::test_a_run_reads_the_table_of_another_system[at_a_url]",
    ),
    Mutant(
        "a sample of a foreign table counts its batches",
        "pipelines/local_tables.py",
        "left -= rows.num_rows",
        "left -= 1",
        f"{LOCAL_FOREIGN}::test_a_sample_is_of_the_first_rows_of_all_files",
    ),
    Mutant(
        "a table that has more rows than the set is taken for it",
        "pipelines/keep_training_set.py",
        "table.row_count(snapshot) != rows.num_rows",
        "not table.row_count(snapshot)",
        "tests/pipelines/test_kept_from_python.py"
        "::test_a_table_of_the_same_id_that_has_more_rows_is_not_taken_for_the_set",
    ),
    Mutant(
        "of a spine of two statements the second is taken",
        "pipelines/spine.py",
        "if len(statements) > 1:",
        "if len(statements) > 2:",
        "tests/pipelines/test_spine.py::test_a_text_that_is_more_or_other_than_one_query_is_refused",
    ),
    Mutant(
        "a table of facts does not note the columns of its id",
        "pipelines/label_tables.py",
        "{CLAIM: run, **ids}",
        "{CLAIM: run}",
        "tests/examples/test_log_and_wait.py::test_what_is_learned_is_what_was_served_and_not_what_history_says_of_it_later",
    ),
)
