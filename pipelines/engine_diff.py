"""One view over the same rows on both engines: DuckDB from the rows, Flink by its tiles as they are served."""

# ruff: noqa: S608 (the only thing put into a query is the number of a row)

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_point_in_time import entities_sql, evidence_sql
from headrace.compiler.equality import STANDARD_ERRORS, is_estimate, same
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import KeySet
from headrace.connectors.frame import html_table
from headrace.connectors.tile_store import Key
from headrace.features.instant import instant_of
from headrace.pipelines.flink_run import folded_input
from headrace.pipelines.flink_tiles import FlinkEngine, FlinkTiles
from headrace.pipelines.local_input import Given
from headrace.pipelines.local_run import AskedSet, asked_sets, instant_of_run, left_out, values_of, verdicts_of
from headrace.pipelines.spine import KEY_TYPES

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable

#: Differing values of one feature whose rows are looked up; each takes a query over all rows.
EXPLAINED = 20
#: After every event, in µs.
AFTER_ALL_US = 1 << 62


@dataclass(frozen=True)
class Difference:
    """A value that the engines do not agree on. `rows`: those that it is made of; None beyond the first `explained`."""

    feature: str
    entity: Mapping[str, Any]
    duckdb: Any
    flink: Any
    rows: pa.Table | None

    def __str__(self) -> str:
        """The entity and both values."""
        keys = ", ".join(f"{name}={value!r}" for name, value in self.entity.items())
        made_of = "" if self.rows is None else f"; made of {self.rows.num_rows:,} rows"
        return f"{self.feature} of {keys}: duckdb {self.duckdb!r}, flink {self.flink!r}{made_of}"


@dataclass(frozen=True)
class EngineDiff:
    """What was compared at an instant, and what differs.

    Attributes:
        verdicts: how many rows have each verdict that the source knows, by its name: on DuckDB, and on Flink.
        entities: how many entities were compared, and `values` of how many features of them together.
        estimates: counts of different values on which they differ by no more than an estimate may: not differing.
        features_left_out: features that were not, because no entity alone has a value of them, with the reason.
    """

    view: str
    as_of: datetime
    verdicts: tuple[Mapping[str, int], Mapping[str, int]]
    entities: int
    values: int
    differences: tuple[Difference, ...]
    estimates: tuple[Difference, ...] = ()
    features_left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def differing(self) -> int:
        """How many values differ, and verdicts whose counts do."""
        return len(self.differences) + len(self.differing_verdicts)

    @property
    def differing_verdicts(self) -> dict[str, tuple[int, int]]:
        """The verdicts that another number of rows has, with both numbers."""
        left, right = self.verdicts
        return {name: (count, right[name]) for name, count in left.items() if count != right[name]}

    def differing_verdict_lines(self) -> list[str]:
        """The verdicts that differ, a line each."""
        return [
            f"rows {name}: duckdb {one:,}, flink {other:,}" for name, (one, other) in self.differing_verdicts.items()
        ]

    def lines(self) -> list[str]:
        """Everything that differs, a line each."""
        return [*self.differing_verdict_lines(), *map(str, self.differences)]

    def summary(self) -> str:
        """How much differs of how much."""
        found = f"{self.differing:,} differing"
        if self.estimates:
            found += f", {len(self.estimates):,} estimates within {STANDARD_ERRORS} standard errors"
        return f"{found}; {self.values:,} values of {self.entities:,} entities compared"

    def _repr_html_(self) -> str:
        """The summary, and below it what differs."""
        head = f"<p>{escape(self.view)} as of {escape(self.as_of.isoformat())}: {escape(self.summary())}</p>"
        lines = self.lines()
        return head + (html_table(pa.table({"differing": lines})) if lines else "")


def diff_locally(
    plan: ViewPlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    engine: FlinkEngine,
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    sample: int | None = None,
    dimensions: Mapping[str, str] = MappingProxyType({}),
) -> EngineDiff:
    """Compute a view on both engines from the same rows and compare; arguments and errors as `run_on_flink`'s."""
    opened = folded_input(
        plan, given, load, engine, features=features, as_of=as_of, sample=sample, dimensions=dimensions
    )
    with opened as (connection, tiles, at_us):
        return compare(connection, plan, tiles, features=features, as_of=instant_of(at_us))


def compare(
    connection: duckdb.DuckDBPyConnection,
    plan: ViewPlan,
    tiles: FlinkTiles,
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    explained: int = EXPLAINED,
) -> EngineDiff:
    """Compare the engines over the relation `archive`, of which `tiles` were made, at an instant.

    Values are those of mode `tiled`, equal as `compiler.equality` says; a count that Flink may estimate is no
    difference. Arguments and errors are `local_run.run_in`'s;
    `explained`: of how many differing values of one feature the rows are looked up.
    """
    verdicts, newest_us = verdicts_of(connection, plan)
    at_us = instant_of_run(connection, plan, as_of, (verdicts, newest_us), "tiled")
    parts = [_compared(connection, tiles, asked, at_us, explained) for asked in asked_sets(plan, features, "tiled")]
    return EngineDiff(
        view=plan.name,
        as_of=instant_of(at_us),
        verdicts=(verdicts, tiles.verdicts),
        entities=sum(part.entities for part in parts),
        values=sum(part.values for part in parts),
        differences=tuple(one for part in parts for one in part.differences),
        estimates=tuple(one for part in parts for one in part.estimates),
        features_left_out=left_out(plan, features),
    )


@dataclass(frozen=True)
class _Part:
    """The share of one kind of entity."""

    entities: int
    values: int
    differences: Sequence[Difference]
    estimates: Sequence[Difference]


def _compared(
    connection: duckdb.DuckDBPyConnection, tiles: FlinkTiles, asked: AskedSet, at_us: int, explained: int
) -> _Part:
    """Compare the features of one kind of entity."""
    keys = asked.keys
    entities = _entities(connection, tiles, keys, at_us)
    connection.register("entities", _spine(keys, entities, at_us))
    connection.execute("CREATE OR REPLACE TABLE spine AS SELECT * FROM entities")
    left = values_of(connection, asked)
    rows = left.select([key.name for key in keys.keys]).to_pylist()
    right = tiles.values(asked.names, rows, instant_of(at_us))
    found = [_differences(connection, asked, name, rows, left, right, explained) for name in asked.names]
    differences, estimates = (list(chain(*each)) for each in zip(*found, strict=True))
    return _Part(len(entities), len(entities) * len(asked.names), differences, estimates)


def _entities(connection: duckdb.DuckDBPyConnection, tiles: FlinkTiles, keys: KeySet, at_us: int) -> list[Key]:
    """The entities to compare: those that are known before the instant, and those that Flink alone has a tile of.

    On DuckDB the latter are unknown at any time.
    """
    invented = tiles.entities[tuple(key.name for key in keys.keys)] - set(_known(connection, keys, AFTER_ALL_US))
    return [*_known(connection, keys, at_us), *sorted(invented, key=repr)]


def _known(connection: duckdb.DuckDBPyConnection, keys: KeySet, at_us: int) -> list[Key]:
    """The entities that DuckDB knows before an instant."""
    return [row[2:] for row in connection.sql(entities_sql(keys, at_us, "archive")).order("_row").fetchall()]


def _spine(keys: KeySet, entities: Sequence[Key], at_us: int) -> pa.Table:
    """The entities at the instant, as a spine."""
    columns = {
        key.name: pa.array([entity[number] for entity in entities], KEY_TYPES[key.type][0])
        for number, key in enumerate(keys.keys)
    }
    places = pa.array(range(len(entities)), pa.int64())
    return pa.table({"_row": places, "_t": pa.array([at_us] * len(entities), pa.int64()), **columns})


def _differences(
    connection: duckdb.DuckDBPyConnection,
    asked: AskedSet,
    name: str,
    entities: Sequence[Mapping[str, Any]],
    left: pa.Table,
    right: pa.Table,
    explained: int,
) -> tuple[list[Difference], list[Difference]]:
    """The values of one feature that differ, and the estimates among those that are not equal."""
    feature = asked.keys.plan.any_feature(name)
    pairs = list(zip(left[name].to_pylist(), right[name].to_pylist(), strict=True))
    unequal = [row for row, pair in enumerate(pairs) if not same(*pair)]
    estimated = {row for row in unequal if is_estimate(feature, found=pairs[row][1], exact=pairs[row][0])}
    differing = [row for row in unequal if row not in estimated]
    behind = {row: _rows_behind(connection, asked, name, row) for row in differing[:explained]}

    def told(row: int) -> Difference:
        return Difference(name, entities[row], *pairs[row], behind.get(row))

    return [told(row) for row in differing], [told(row) for row in unequal if row in estimated]


def _rows_behind(connection: duckdb.DuckDBPyConnection, asked: AskedSet, name: str, row: int) -> pa.Table:
    """The rows that a value is made of, in the order of events; of one on demand those of each feature it reads."""
    spine = f"(SELECT * FROM spine WHERE _row = {row})"
    evidence = [evidence_sql(asked.keys, one, spine, "archive") for one in asked.parts(name)]
    found = [connection.sql(sql).to_arrow_table().drop_columns(["_row"]) for sql in evidence]
    return pa.concat_tables(found, promote_options="default")
