"""A label join as one Flink job: both sources judged by their rules, joined by id in `HR_LABEL_JOIN` (connectors/java).

The watermark of a live leg is of the event times of its good rows, and of none behind the arrival of its row, so that
a clock that runs ahead ends nobody's wait, and forgets no id of which a row may still come. So the job takes no
mini-batches, whose operator Flink 2.1 puts in the way of the watermark.
A history has none until it ends: its files are in no order that could be trusted, and all in it has happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from headrace.compiler.flink_ledger import as_json, blocks_of, ledger_sink, positioned
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.flink_tables import Legs, Options, create_table, declared, quoted
from headrace.compiler.flink_text import create_view, insert_into
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan, Outcome
from headrace.compiler.plan import Column, SourcePlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.tables import DEAD_LETTERS
from headrace.compiler.union import refused_sql
from headrace.compiler.verdict import (
    ARRIVAL_US,
    EVENT_US,
    REFUSED,
    Verdict,
    archive_columns,
    arrival_us,
    event_us,
    in_time,
    late,
    late_reason,
)
from headrace.features.scalar import BOOL, BYTES, DATETIME, INT, Scalar

FUNCTION = "HR_LABEL_JOIN"
#: The tables that a job writes to.
FACTS, LETTERS = "facts", "dead_letters"
#: The column of a live leg that is its watermark.
WATERMARK = "_watermark"
_REFUSED = FLINK.emit(REFUSED)


@dataclass(frozen=True, slots=True)
class LabelBindings:
    """Where the tables of a job are, as `WITH` options; `run` stands in dead letters.

    `complete_us`: the instant (µs) to which both histories are complete; None where a live leg goes on behind them.
    `offset_tiles` None leaves the ledger out.
    """

    run: str
    logged: Legs
    labels: Legs
    facts: Options
    dead_letters: Options
    complete_us: int | None
    offset_tiles: Options | None = None


def label_job(plan: LabelJoinPlan, bindings: LabelBindings) -> FlinkJob:
    """The job that tells the facts of a label join, and its dead letters."""
    statements = [
        *_source_views(LOGGED, plan.logged, bindings.logged),
        *_source_views(LABELS, plan.labels, bindings.labels),
        create_view("joined", f"{_logged(plan)}\nUNION ALL\n{_labels(plan)}"),
        create_table(FACTS, map(declared, plan.facts), bindings.facts),
        create_table(LETTERS, map(declared, DEAD_LETTERS), bindings.dead_letters),
    ]
    told = told_of(plan, bindings.complete_us)
    inserts = [
        insert_into(FACTS, facts_query(plan, told)),
        insert_into(LETTERS, letters_query(plan, told, bindings.run)),
    ]
    if bindings.offset_tiles is not None:
        declare, insert = ledger_sink(bindings.offset_tiles, newest=True)
        statements += [*ledger_views(plan, bindings.run), declare]
        inserts.append(insert)
    return FlinkJob.of(statements, inserts)


def ledger_views(plan: LabelJoinPlan, run: str) -> list[str]:
    """Offset tiles of both sources as views, in a job that has declared them; `view` says which source a row is of."""
    used = f"CASE WHEN `_verdict` = {_code(Verdict.ACCEPTED)} THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END"
    sides = [
        f"SELECT CAST('{letters_of(plan, side)}' AS STRING) AS `view`, *\n"
        f"FROM (\n{positioned(f'{side}_judged', used)}\n)"
        for side in (LOGGED, LABELS)
    ]
    blocks = blocks_of("positioned", run, "`view`", "`view`")
    return [create_view("positioned", "\nUNION ALL\n".join(sides)), create_view("offset_blocks", blocks)]


def facts_query(plan: LabelJoinPlan, told: str) -> str:
    """The facts, as `plan.facts` has them, of what `told_of` says, in a job that has declared the sources."""
    facts = [one for one in Outcome if one.is_fact]
    label = f"CASE WHEN `_known_time` IS NULL THEN {FLINK.emit(plan.missing_value)} ELSE `_known` END AS `label`"
    number = "CAST(`_number` AS BIGINT) AS `fact_number`"
    return (
        f"SELECT {quoted(column.name for column in plan.logged.columns)},\n"
        f"  {label}, `_known_time` AS `label_time`, {_words(facts, 'label')} AS `fact`, {number}\n"
        f"FROM {told}\nWHERE `_outcome` IN ({_numbers(facts)})"
    )


def letters_query(plan: LabelJoinPlan, told: str, run: str) -> str:
    """The dead letters of a run, of what `told_of` says, in a job that has declared the sources."""
    return "\nUNION ALL\n".join(_letters(plan, told, run))


def told_of(plan: LabelJoinPlan, complete_us: int | None) -> str:
    """What is told of the rows of each id. It is no view: Flink 2.1 cannot read what it makes of such a call in one.

    `complete_us`: the instant (µs) behind which no wait is over; None where the watermark alone says so.
    """
    durations = {
        "wait_us": plan.wait_us,
        "corrects_us": plan.corrects_us,
        "remembers_us": plan.remembers_us,
        "complete_us": complete_us,
    }
    arguments = [
        f"joined => TABLE `joined` PARTITION BY ({quoted(column.name for column in plan.ids)})",
        f"durations => {text_literal(json.dumps(durations))}",
        "uid => 'label-join'",
    ]
    listed = ",\n  ".join(arguments)
    return f"{FUNCTION}(\n  {listed}\n)"


def letters_of(plan: LabelJoinPlan, side: str) -> str:
    """What stands as `view` in the dead letters of one source of a join.

    >>> from headrace.compiler.plan import SourcePlan
    >>> source = SourcePlan("Scored", (), None, None, "at", "at", 0, 0, 0, 0)
    >>> letters_of(LabelJoinPlan("frauds", source, source, (), Column("fraud", "bool"), None, 1, 0), "labels")
    'frauds.labels'
    """
    return f"{plan.name}.{side}"


def _source_views(side: str, source: SourcePlan, legs: Legs) -> Iterator[str]:
    """Tables and views from the legs of a source to its judged rows."""
    columns = archive_columns(source)
    selects = []
    for leg, options in (("history", legs.history), ("live", legs.live)):
        if options is not None:
            more = _watermark(source) if leg == "live" else []
            yield create_table(f"{side}_{leg}", [*map(declared, columns), *more], options)
            is_live = str(leg == "live").upper()
            names = quoted(column.name for column in columns)
            selects.append(f"SELECT {is_live} AS `_is_live`, {names}\nFROM `{side}_{leg}`")
    yield create_view(f"{side}_events", "\nUNION ALL\n".join(selects))
    verdict = f"CASE WHEN {_REFUSED} IS NOT NULL THEN {_code(Verdict.DEAD_LETTER)} "
    verdict += f"WHEN {FLINK.emit(late(source))} THEN {_code(Verdict.LATE)} ELSE {_code(Verdict.ACCEPTED)} END"
    judged = refused_sql(source, FLINK, f"`{side}_events`")
    yield create_view(f"{side}_judged", f"SELECT *, {verdict} AS `_verdict`\nFROM (\n{judged}\n)")


def _watermark(source: SourcePlan) -> list[str]:
    """A column that is the watermark behind each row, in ms; of a row without a time that counts the beginning.

    A row that a source accepts though it lies ahead of its arrival says nothing of those that arrive with it.
    """
    passed = Scalar("case", INT, (Scalar("less", BOOL, (ARRIVAL_US, in_time(source))), ARRIVAL_US, in_time(source)))
    inlined = _inlined(passed, {EVENT_US: event_us(source), ARRIVAL_US: arrival_us(source)})
    us = f"COALESCE({FLINK.emit(inlined)}, CAST(0 AS BIGINT)) - CAST({source.max_delay_us} AS BIGINT)"
    column = f"`{WATERMARK}` AS TO_TIMESTAMP_LTZ(({us}) / CAST(1000 AS BIGINT), 3)"
    return [column, f"WATERMARK FOR `{WATERMARK}` AS `{WATERMARK}`"]


def _inlined(scalar: Scalar, values: dict[Scalar, Scalar]) -> Scalar:
    """A scalar with the values of some of its columns in their places."""
    return values.get(scalar) or replace(scalar, args=tuple(_inlined(arg, values) for arg in scalar.args))


def _code(verdict: Verdict) -> str:
    return str(int(verdict))


def _accepted(side: str) -> str:
    """The rows that a source accepts."""
    return f"`{side}_judged`\nWHERE `_verdict` = {_code(Verdict.ACCEPTED)}"


def _logged(plan: LabelJoinPlan) -> str:
    """Logged rows, with nothing of a label."""
    label = f"{_null(plan.label)} AS `_label`, {_null(Column('', DATETIME))} AS `_label_time`"
    own = f"{_null(Column('', BYTES))} AS `_raw`, {quoted(column.name for column in plan.logged.columns)}"
    return f"SELECT FALSE AS `_is_label`, {_place(plan.logged)},\n  {label}, {own}\nFROM {_accepted(LOGGED)}"


def _labels(plan: LabelJoinPlan) -> str:
    """Labels, with nothing of a logged row but the id; and their bytes, for those that are joined with nothing."""
    theirs = dict(plan.on)
    own = ", ".join(
        FLINK.identifier(theirs[column.name]) if column.name in theirs else _null(column)
        for column in plan.logged.columns
    )
    label = f"{FLINK.identifier(plan.label.name)}, {FLINK.identifier(plan.labels.event_time)}"
    return f"SELECT TRUE, {_place(plan.labels)},\n  {label}, {as_json(plan.labels)}, {own}\nFROM {_accepted(LABELS)}"


def _place(source: SourcePlan) -> str:
    """When a row happened and arrived, and where it lies."""
    arrived = f"{FLINK.identifier(source.arrival_time)} AS `_arrived`"
    return f"`_event_us` AS `_us`, {arrived}, `_src_topic`, `_src_partition`, `_src_offset`"


def _null(column: Column) -> str:
    """NULL of a column's type."""
    return f"CAST(NULL AS {FLINK.type_of(column)})"


def _letters(plan: LabelJoinPlan, of: str, run: str) -> Iterator[str]:
    """Rows that sources refuse, then those that are joined with nothing."""
    for side, source in ((LOGGED, plan.logged), (LABELS, plan.labels)):
        verdict = f"CASE WHEN `_verdict` = {_code(Verdict.LATE)} THEN '{Verdict.LATE.label}' "
        verdict += f"ELSE '{Verdict.DEAD_LETTER.label}' END"
        why = f"COALESCE({_REFUSED}, {FLINK.emit(late_reason(source))})"
        raw = f"COALESCE(`_raw`, {as_json(source)})"
        rest = _letter(run, f"'{letters_of(plan, side)}'", verdict, why, raw, source.arrival_time)
        yield f"{rest}\nFROM `{side}_judged`\nWHERE `_verdict` <> {_code(Verdict.ACCEPTED)}"
    letters = [one for one in Outcome if not one.is_fact]
    view = f"CASE WHEN `_is_label` THEN '{letters_of(plan, LABELS)}' ELSE '{letters_of(plan, LOGGED)}' END"
    raw = f"CASE WHEN `_is_label` THEN `_raw` ELSE {as_json(plan.logged)} END"
    told = _letter(run, view, _words(letters, "label"), _words(letters, "reason"), raw, "_arrived")
    yield f"{told}\nFROM {of}\nWHERE `_outcome` IN ({_numbers(letters)})"


def _letter(run: str, view: str, verdict: str, why: str, raw: str, arrived: str) -> str:
    """The columns of a dead letter."""
    return (
        f"SELECT CAST({text_literal(run)} AS STRING) AS `run`, CAST({view} AS STRING) AS `view`,\n"
        "  `_src_topic` AS `topic`, `_src_partition` AS `partition`, `_src_offset` AS `offset`,\n"
        f"  CAST({verdict} AS STRING) AS `verdict`, CAST({why} AS STRING) AS `reason`,\n"
        f"  {raw} AS `raw`, {FLINK.identifier(arrived)} AS `arrival_time`"
    )


def _words(outcomes: list[Outcome], attribute: str) -> str:
    """What is said of an outcome, by its number."""
    cases = " ".join(f"WHEN {int(one)} THEN {text_literal(getattr(one, attribute))}" for one in outcomes)
    return f"CAST(CASE `_outcome` {cases} END AS STRING)"


def _numbers(outcomes: list[Outcome]) -> str:
    return ", ".join(str(int(one)) for one in outcomes)
