"""Faults that are planted in `features`."""

from __future__ import annotations

from .mutant import Mutant

MUTANTS = (
    Mutant(
        "a join is by a column of whatever has one of that name",
        "features/sql/rows.py",
        "if not isinstance(column, exp.Column) or column.table.lower() in",
        "if column or column.table.lower() in",
        "tests/features/test_lookups.py::test_a_lookup_in_sql_that_cannot_be_made_is_refused_at_its_line",
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
        "an assignment changes nothing that it reads",
        "features/needed_source.py",
        "reads - imported if",
        "set() if",
        "tests/features/test_udf.py::test_whatever_may_change_what_a_function_reads_goes_along",
    ),
    Mutant(
        "two sources of one name are taken for one",
        "features/view.py",
        "different = {source.declared: source for source in found}",
        "different = {source.name: source for source in found}",
        "tests/features/test_language.py::test_features_of_two_sources_of_one_name_are_refused_unless_both_say_the_same",
    ),
    Mutant(
        "a constant is a condition",
        "features/operations/conditions.py",
        'if condition.op == "literal" and condition.value is not None:',
        'if condition.op == "literal" and condition.value is None:',
        "tests/features/test_nested.py::test_what_has_no_meaning_is_refused_at_its_line",
    ),
    Mutant(
        "versions are looked up without a time",
        "features/stream.py",
        'if verb == "lookup" and schema.table.is_versioned:',
        'if verb == "lookup" and not verb:',
        "tests/features/test_lookups.py::test_a_lookup_that_cannot_be_made_is_refused_at_its_line",
    ),
    Mutant(
        "a dimension fills a column of a union",
        "features/union.py",
        "if any(scalar.lookups()):",
        "if any(()):",
        "tests/features/test_union.py::test_a_wrong_union_is_refused_at_its_line",
    ),
    Mutant(
        "a misspelt first word is told where the parser stumbles",
        "features/sql/syntax.py",
        "return misread_at(text) or (",
        "return (",
        "tests/features/test_sql.py::test_wrong_sql_is_refused_at_its_column",
    ),
    Mutant(
        "where there is no statement a place of the parser's is told",
        "features/sql/syntax.py",
        "_stumble(text, error) if error.errors else _absent(text)",
        "_stumble(text, error)",
        "tests/pipelines/test_spine.py::test_a_text_without_a_statement_is_no_query",
    ),
    Mutant(
        "a UNION in brackets is taken for the one outside",
        "features/sql/syntax.py",
        "        if not depth:",
        "        if depth >= 0:",
        "tests/features/test_sql.py::test_wrong_sql_is_refused_at_its_column",
    ),
    Mutant(
        "what Python asks of a column is told in the words of ibis",
        "features/meaning.py",
        "unknown_field(error) or _truth(error) or",
        "unknown_field(error) or",
        "tests/features/test_language.py::test_a_wrong_body_is_refused_at_its_line",
    ),
    Mutant(
        "of two views of one name the second stays",
        "features/module.py",
        "        if name in found:",
        '        if name in found and what != "view":',
        "tests/features/test_language.py::test_two_views_of_one_name_are_refused_and_two_names_of_one_view_are_not",
    ),
    Mutant(
        "a view that has two names is two",
        "features/module.py",
        "kinds = dict.fromkeys(one for one in",
        "kinds = list(one for one in",
        "tests/features/test_language.py::test_two_views_of_one_name_are_refused_and_two_names_of_one_view_are_not",
    ),
    Mutant(
        "the zone of naive times is whatever is written",
        "features/source.py",
        'checked_zone(zone, "event_time(zone)")',
        "zone",
        "tests/features/test_language.py::test_a_wrong_source_is_refused",
    ),
    Mutant(
        "a quantile is exact where that is asked for",
        "features/stream.py",
        '_refuse_exact("quantile", ROUNDED, exact=exact)',
        '_refuse_exact("quantile", ROUNDED, exact=False)',
        "tests/features/test_language.py::test_a_wrong_body_is_refused_at_its_line",
    ),
)
