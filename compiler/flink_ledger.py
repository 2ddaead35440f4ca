"""The ledger and the dead letters of a view in Flink SQL."""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_tables import (
    JobBindings,
    Options,
    appending,
    create_table,
    declared,
)
from headrace.compiler.flink_text import create_view, filter_label, insert_into
from headrace.compiler.plan import Column, SourcePlan, ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.tables import BLOCK, DEAD_LETTERS, OFFSET_TILES
from headrace.compiler.verdict import IS_LIVE, Verdict, folds, judged, late_reason, reason
from headrace.features.scalar import DATE, DATETIME, FLOAT, STR, Scalar, list_of


def ledger_views(plan: ViewPlan, bindings: JobBindings) -> list[str]:
    """Offset tiles as views: what each block of a partition held, and what became of it."""
    view = f"CAST({text_literal(plan.name)} AS STRING) AS `view`"
    return [
        create_view("positioned", positioned("judged", FLINK.emit(folds(plan), filter_label(plan)))),
        create_view("offset_blocks", blocks_of("positioned", bindings.run, view)),
    ]


def blocks_of(positioned: str, run: str, view: str, *keys: str) -> str:
    """The offset tiles of what a view named `positioned` says, by leg, partition and block, and by further `keys`."""
    name = f"CAST({text_literal(run)} AS STRING) AS `run`, {view}"
    grouped = ", ".join([*keys, "`is_live`, `topic`, `partition`, `block`"])
    leg = "CAST(CASE WHEN `is_live` THEN 'live' ELSE 'history' END AS STRING) AS `leg`"
    columns = f"{name}, {leg}, `topic`, `partition`, `block`, {_MEASURES}"
    return f"SELECT {columns}\nFROM `{positioned}`\nGROUP BY {grouped}"


#: What says which block of which leg a row of the offset tiles is of.
_BLOCK_KEYS = ("run", "view", "leg", "topic", "partition", "block")
_MEASURES = (
    "COUNT(*) AS `n`, MIN(`offset`) AS `min_offset`, MAX(`offset`) AS `max_offset`, SUM(`offset`) AS `sum_offset`,\n"
    "  SUM(`in_block` * `in_block`) AS `sum_sq`, SUM(`is_accepted`) AS `accepted`, SUM(`is_late`) AS `late`,\n"
    "  SUM(`is_dead`) AS `dead_lettered`, SUM(`is_duplicate`) AS `duplicate`,\n"
    "  SUM(`is_filtered`) AS `filtered`, SUM(`folded`) AS `folded`"
)


def positioned(judged_rows: str, folded: str) -> str:
    """Each row's position and verdict as numbers to sum, of a view of judged rows; `folded`: how often one is used."""
    filtered = _one(f"{FLINK.emit(judged(Verdict.ACCEPTED))} AND `folded` = CAST(0 AS BIGINT)")
    inner = (
        "SELECT `_is_live`, `_src_topic`, `_src_partition`, `_src_offset`, `_verdict`,\n"
        f"    {folded} AS `folded`\n  FROM `{judged_rows}`"
    )
    return (
        "SELECT `_is_live` AS `is_live`, `_src_topic` AS `topic`, `_src_partition` AS `partition`,\n"
        f"  `_src_offset` / CAST({BLOCK} AS BIGINT) AS `block`, `_src_offset` AS `offset`,\n"
        f"  MOD(`_src_offset`, CAST({BLOCK} AS BIGINT)) AS `in_block`,\n"
        f"  {_is(Verdict.ACCEPTED)} AS `is_accepted`, {_is(Verdict.LATE)} AS `is_late`,\n"
        f"  {_is(Verdict.DEAD_LETTER)} AS `is_dead`, {_is(Verdict.DUPLICATE)} AS `is_duplicate`,\n"
        f"  {filtered} AS `is_filtered`, `folded`\n"
        f"FROM (\n  {inner}\n)"
    )


def _is(verdict: Verdict) -> str:
    """1 for rows of a verdict, else 0."""
    return _one(FLINK.emit(judged(verdict)))


def _one(condition: str) -> str:
    """1 where a condition holds, else 0; Flink's FILTER is not used."""
    return f"CASE WHEN {condition} THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END"


def ledger_sink(options: Options, *, newest: bool = False) -> tuple[str, str]:
    """Declaration and insert of the offset tiles; `newest`: of each block the newest version alone, by checkpoint."""
    appended = appending(options, _BLOCK_KEYS if newest else ())
    declare = create_table("offset_tiles", map(declared, OFFSET_TILES), appended)
    return declare, insert_into("offset_tiles", "SELECT *\nFROM `offset_blocks`")


def dead_letter_sink(plan: ViewPlan, run: str, options: Options, unread: Set[str]) -> tuple[str, str]:
    """Declaration and insert of the dead letters, late rows among them, with what is left of their bytes.

    A duplicate is none: what it says has been counted. `unread`: the columns that rows of history lack.
    """
    declare = create_table("dead_letters", map(declared, DEAD_LETTERS), options)
    late, dead = text_literal(Verdict.LATE.label), text_literal(Verdict.DEAD_LETTER.label)
    is_late, is_dead = FLINK.emit(judged(Verdict.LATE)), FLINK.emit(judged(Verdict.DEAD_LETTER))
    verdict = f"CASE WHEN {is_late} THEN {late} ELSE {dead} END"
    why = FLINK.emit(Scalar("coalesce", STR, (reason(plan, unread), late_reason(plan.source))), filter_label(plan))
    query = (
        f"SELECT CAST({text_literal(run)} AS STRING), CAST({text_literal(plan.name)} AS STRING),\n"
        f"  `_src_topic`, `_src_partition`, `_src_offset`, CAST({verdict} AS STRING),\n  {why},\n"
        f"  {left_of_row(plan.source, unread)}, `{plan.source.arrival_time}`\n"
        f"FROM `judged`\nWHERE {is_late} OR {is_dead}"
    )
    return declare, insert_into("dead_letters", query)


def left_of_row(source: SourcePlan, unread: Set[str] = frozenset(), otherwise: str = "") -> str:
    """What is left of a row's bytes: those of an unparsable record, else the row as JSON.

    Rows of history have no member for a column that is `unread`: it is not known to be NULL. `otherwise`: the condition
    under which nothing but `_raw` is asked for.
    """
    kept = f"`_raw` IS NOT NULL{f' OR {otherwise}' if otherwise else ''}"
    read = tuple(column for column in source.columns if column.name not in unread)
    # A CASE within COALESCE would give the bytes of another row: Flink 2.1 generates wrong code for JSON_OBJECT there.
    live = "" if read == source.columns else f" WHEN {FLINK.emit(IS_LIVE)} THEN {_json(source.columns)}"
    return f"CASE WHEN {kept} THEN `_raw`{live} ELSE {_json(read)} END"


def as_json(source: SourcePlan) -> str:
    """The bytes of a parsed row as JSON; times and floats as text, because JSON has no NaN and no µs."""
    return _json(source.columns)


def _json(columns: tuple[Column, ...]) -> str:
    """Columns as the bytes of a JSON object."""
    members = ", ".join(f"KEY {text_literal(column.name)} VALUE {_json_value(column)}" for column in columns)
    return f"ENCODE(JSON_OBJECT({members}), 'UTF-8')"


def _json_value(column: Column) -> str:
    """The value of a column in JSON."""
    name, written = FLINK.identifier(column.name), _dates_as_text(column)
    if written != column:
        return f"CAST({name} AS {FLINK.type_of(written)})"
    return f"CAST({name} AS STRING)" if column.type in {DATETIME, FLOAT} else name


def _dates_as_text(column: Column) -> Column:
    """A column with text for dates, which JSON_OBJECT knows in no depth."""
    fields = tuple(map(_dates_as_text, column.fields))
    dates_out = {DATE: STR, list_of(DATE): list_of(STR)}
    return replace(column, type=dates_out.get(column.type, column.type), fields=fields)
