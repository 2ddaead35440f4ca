"""Tests of features repeated on Flink, in this process: what it makes of a test's rows must be what DuckDB makes.

A job takes seconds, however few its rows, so that tests share one: the number of an example is one more key of its
rows, and the tiles of a job answer for every instant. Rows with markers among them are a script, which is played to a
job in streaming mode; other rows are a history that a bounded job reads.
"""

# ruff: noqa: S608 (the only thing put into a query is the number of an example)
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa

from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.verdict import Verdict
from headrace.connectors.duckdb_files import in_utc
from headrace.errors import JobError
from headrace.features.scalar import INT
from headrace.pipelines.engine_diff import Difference, EngineDiff, compare
from headrace.pipelines.flink_script import played_by_flink, refuse_unplayed
from headrace.pipelines.flink_tiles import FlinkEngine, FlinkTiles, folded_by_flink
from headrace.pipelines.script import Marker
from headrace.pipelines.source_rows import ARCHIVE, archives
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table
from headrace.testing.evaluation import SHOWN_ROWS
from headrace.testing.repetition import EnginesDifferError, repeat_on
from headrace.testing.rows import Inputs, in_words, open_versions, opened_inputs

#: The column that tells the examples of a job apart; no source has one that begins with an underscore.
EXAMPLE = Column("_example", INT)
#: How many values that differ are shown, with their rows.
SHOWN_DIFFERENCES = 5


def repeat_on_flink() -> Callable[[], None]:
    """Repeat all tests of features on Flink from now on; returns what ends it. PreflightError without Java."""
    repetition = OnFlink(FlinkEngine(local_session(load_settings()), served_table))
    stop = repeat_on(repetition)

    def end() -> None:
        stop()
        repetition.close()

    return end


@dataclass(frozen=True)
class Example:
    """A view, and what it is to read: rows with or without markers, and versions; equal when all are."""

    plan: ViewPlan
    inputs: Inputs

    @property
    def is_script(self) -> bool:
        """Whether there are markers among the rows."""
        return any(isinstance(row, Marker) for row in self.inputs.rows)

    @property
    def job(self) -> tuple[str, bool, str]:
        """What examples have in common that can share a job: the view, how the job is run, and all versions."""
        return self.plan.to_json(), self.is_script, self._versions

    @property
    def text(self) -> str:
        """What both are, as text."""
        items = [row if isinstance(row, Marker) else list(row.items()) for row in self.inputs.rows]
        return self.plan.to_json() + json.dumps(items, default=repr) + self._versions

    @property
    def _versions(self) -> str:
        """The versions of dimensions as text."""
        return json.dumps(dict(self.inputs.dimensions), default=repr, sort_keys=True)


class OnFlink:
    """The Flink of a test session; a `Repetition`."""

    def __init__(self, engine: FlinkEngine) -> None:
        self.jobs = 0
        self.crashes = 0
        #: Rows that a job read more than once, as Flink counted them.
        self.read_again = 0
        self._engine = engine
        self._open = ExitStack()
        self._announced: dict[tuple[str, bool, str], dict[str, Example]] = {}
        self._made: dict[str, FlinkTiles] = {}
        self._failed: dict[str, str] = {}

    def announce(self, plan: ViewPlan, inputs: Inputs) -> None:
        """Let an example share the job of the next one of the same view."""
        example = Example(plan, inputs)
        self._announced.setdefault(example.job, {})[example.text] = example

    def check(self, connection: duckdb.DuckDBPyConnection, plan: ViewPlan, inputs: Inputs, at: datetime) -> None:
        """Compare all values of a view at an instant with those of DuckDB.

        Raises EnginesDifferError when one differs, and JobError when the job over these rows fails.
        """
        found = compare(connection, plan, self._tiles(Example(plan, inputs)), as_of=at, explained=SHOWN_DIFFERENCES)
        if found.differing:
            raise EnginesDifferError(_told(found))

    def summary(self) -> str:
        """What was done, for the end of a test run."""
        return f"Flink: {self.jobs} jobs, {self.crashes} crashes, {self.read_again} rows read again"

    def close(self) -> None:
        """Forget all tiles."""
        self._open.close()

    def _tiles(self, example: Example) -> FlinkTiles:
        """The tiles of an example, made with those of all that were announced for its view."""
        if example.text not in self._made and example.text not in self._failed:
            others = [one for text, one in self._announced.pop(example.job, {}).items() if text != example.text]
            self._make([example, *filter(_has_rows, others)])
        if example.text in self._failed:
            raise JobError(self._failed[example.text])
        return self._made[example.text]

    def _make(self, examples: Sequence[Example]) -> None:
        """Make the tiles of some examples of one view; of those whose job fails, note why.

        One bad example fails the job of all. Halving finds it, in fewer jobs than one for each.
        """
        try:
            self._fold(examples)
        except JobError as error:
            half = len(examples) // 2
            if not half:
                self._failed[examples[0].text] = str(error)
                return
            self._make(examples[:half])
            self._make(examples[half:])

    def _fold(self, examples: Sequence[Example]) -> None:
        """Make the tiles of some examples of one view, by one job."""
        plan, fold = examples[0].plan, _played if examples[0].is_script else _read
        self.jobs += 1
        tiles = fold(examples, _together(plan), self._engine, self._open)
        self.crashes += len(tiles.rows_read) - 1
        self.read_again += sum(tiles.rows_read) - sum(map(_row_count, examples))
        self._made.update((one.text, _part(tiles, plan, number)) for number, one in enumerate(examples))


def _read(examples: Sequence[Example], plan: ViewPlan, engine: FlinkEngine, until: ExitStack) -> FlinkTiles:
    """The tiles of examples without markers, whose rows are all there when the job begins."""
    with in_utc() as connection:
        made = [_rows(*numbered) for numbered in enumerate(examples)]
        for name in archives(plan.source):
            connection.register(name, pa.concat_tables(tables[name] for tables in made))
        open_versions(connection, plan, examples[0].inputs.dimensions)
        return until.enter_context(folded_by_flink(connection, plan, engine))


def _played(examples: Sequence[Example], plan: ViewPlan, engine: FlinkEngine, until: ExitStack) -> FlinkTiles:
    """The tiles of examples with markers, one after another in one script. UnsupportedError for joins and unions."""
    refuse_unplayed(plan)
    script = [step for numbered in enumerate(examples) for step in _script(*numbered)]
    return until.enter_context(played_by_flink(script, plan, engine))


def _script(number: int, example: Example) -> Iterator[pa.Table | Marker]:
    """The rows of an example as tables, and the markers between them."""
    table, read = _rows(number, example)[ARCHIVE], 0
    for is_marker, stretch in groupby(example.inputs.rows, lambda row: isinstance(row, Marker)):
        if is_marker:
            yield from stretch
        else:
            rows = sum(1 for _ in stretch)
            yield table.slice(read, rows)
            read += rows


def _has_rows(example: Example) -> bool:
    """Whether all rows of an example are such rows; if not, whatever is wrong, its own test says so."""
    try:
        _rows(0, example)
    except Exception:
        return False
    return True


def _row_count(example: Example) -> int:
    return sum(not isinstance(row, Marker) for row in example.inputs.rows)


def _rows(number: int, example: Example) -> dict[str, pa.Table]:
    """The rows of an example as archives of its own partition, with its number, in their order."""
    with opened_inputs(example.plan, example.inputs) as connection:
        columns = f"* REPLACE (CAST({number} AS INTEGER) AS _src_partition), CAST({number} AS BIGINT) AS {EXAMPLE.name}"
        return {
            name: connection.sql(f"SELECT {columns} FROM {name} ORDER BY _src_offset").to_arrow_table()
            for name in archives(example.plan.source)
        }


def _together(plan: ViewPlan) -> ViewPlan:
    """The view over several examples: the number of the example is a column, and a key of every group.

    What is in two examples is no copy.
    """
    source = plan.source.beside(EXAMPLE)
    groups = tuple(replace(group, keys=(EXAMPLE, *group.keys)) for group in plan.groups)
    return replace(plan, source=source, groups=groups)


def _part(tiles: FlinkTiles, plan: ViewPlan, number: int) -> FlinkTiles:
    """What a job made of one of its examples, as if it had been alone."""

    def serve(store: Any, project: str, references: Any, entities: Iterable[Mapping[str, Any]], at: datetime) -> Any:
        numbered = [{**entity, EXAMPLE.name: number} for entity in entities]
        return tiles.serve(store, project, references, numbered, at)

    entities = {names[1:]: {key[1:] for key in keys if key[0] == number} for names, keys in tiles.entities.items()}
    counts = tiles.blocks.get(number, {verdict.label: 0 for verdict in Verdict})
    return replace(tiles, plan=plan, blocks={number: counts}, entities=entities, serve=serve)


def _told(found: EngineDiff) -> str:
    """What differs, with the rows behind the first values."""
    head = f"{found.view} at {found.as_of.isoformat()}, DuckDB (windows tiled) and Flink: {found.summary()}"
    more = len(found.differences) - SHOWN_DIFFERENCES
    shown = [line for one in found.differences[:SHOWN_DIFFERENCES] for line in _lines(one)]
    rest = [f"and {more} more values"] if more > 0 else []
    return "\n".join([head, *found.differing_verdict_lines(), *shown, *rest])


def _lines(one: Difference) -> list[str]:
    """A value that differs, and its first rows."""
    rows = [] if one.rows is None else one.rows.slice(0, SHOWN_ROWS).to_pylist()
    return [str(one), *(f"  {in_words(row)}" for row in rows)]
