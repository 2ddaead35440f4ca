"""What a view says of rows at an instant, and the assertion that a feature has a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_point_in_time import entities_sql, evidence_sql
from headrace.compiler.equality import same
from headrace.compiler.plan import PlannedFeature, PlannedOnDemand, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.tiles import WindowMode
from headrace.features.instant import instant_from, instant_us
from headrace.features.view import FeaturePipeline, View
from headrace.pipelines.local_run import LocalRun, run_in
from headrace.serving.on_demand import OnDemandValues
from headrace.serving.request import RequestColumn, check_rows
from headrace.testing.repetition import repetitions
from headrace.testing.rows import Inputs, Rows, Versions, in_words, opened_inputs, until_end

#: How many rows behind a wrong value are shown: those of a test that is written by hand fit.
SHOWN_ROWS = 20

Entity = Mapping[str, Any]
NO_VERSIONS: Versions = MappingProxyType({})


@dataclass(frozen=True)
class Evaluation:
    """A view's values at one instant, of every entity that is known before it.

    Attributes:
        run: the values as tables, and `run.verdicts`: how many rows have each verdict that the source knows.
    """

    plan: ViewPlan
    inputs: Inputs
    windows: WindowMode
    run: LocalRun

    def value(self, feature: str, entity: Entity) -> Any:
        """A feature of an entity; None for one that is not known at the instant, as online.

        Of an on-demand feature `entity` has the request columns too, and it is computed as online.

        Raises:
            NotFoundError: the view has no such feature.
            RequestError: the entity does not name the feature's keys and request columns, and only these, or one has
                another type.
            NumericOverflowError: a number of an on-demand feature is beyond its type.
        """
        _check(self.plan, feature, entity)
        found = self.plan.any_feature(feature)
        if isinstance(found, PlannedFeature):
            return self._with_tiles(found, entity)
        read = {name: [self._with_tiles(self.plan.feature(name), entity)] for name in found.inputs}
        request = {column.name: [entity[column.name]] for column in found.request}
        return OnDemandValues().values(self.plan, [found], read | request)[0][0]

    def _with_tiles(self, feature: PlannedFeature, entity: Entity) -> Any:
        """A feature with tiles of the entity that is named by some of the values."""
        keys = {key.name: entity[key.name] for key in self.plan.keys_of(feature)}
        table = next(table for table in self.run.tables if feature.name in table.column_names)
        return next((row[feature.name] for row in table.to_pylist() if _is_of(row, keys)), None)

    def _repr_html_(self) -> str:
        """The values, for a notebook."""
        return self.run._repr_html_()

    def rows_behind(self, feature: str, entity: Entity) -> list[dict[str, Any]]:
        """The rows that a feature of an entity is made of, as they were taken, in the order of events.

        Of an on-demand feature they are those of each feature that it reads. Raises what `value` does.
        """
        _check(self.plan, feature, entity)
        read = [self.plan.feature(name) for name in self.plan.tiled_inputs(feature)]
        return [row for one in read for row in self._rows_behind(one, entity)]

    def _rows_behind(self, feature: PlannedFeature, entity: Entity) -> list[dict[str, Any]]:
        """The rows of a feature with tiles."""
        asked = AskedFeature(feature.name, feature, window_mode=self.windows)
        (keys,) = key_sets(self.plan, (asked,))
        named = {key.name: entity[key.name] for key in keys.keys}
        with opened_inputs(self.plan, self.inputs) as connection:
            spine = entities_sql(keys, instant_us(self.run.as_of), "archive")
            connection.execute(f"CREATE TABLE spine AS {spine}")
            evidence = connection.sql(evidence_sql(keys, asked, "spine", "archive")).to_arrow_table()
        return [row for row in evidence.drop_columns(["_row"]).to_pylist() if _is_of(row, named)]


def evaluate(
    view: type[FeaturePipeline] | View,
    rows: Rows,
    at: datetime | str,
    *,
    windows: WindowMode = "exact",
    dimensions: Versions = NO_VERSIONS,
) -> Evaluation:
    """Compute a view over rows, by DuckDB.

    Where tests are repeated on Flink (`pytest --headrace-engine flink`), Flink computes the same rows too, and all
    values of the view at the instant must be the same, those of mode `tiled`.

    Args:
        view: the pipeline class, or its view.
        rows: in the order in which they are read; `ARRIVES` in a row says when it arrived, if later than it happened.
            `PAUSE` and `CRASH` among them change no value; on Flink they happen to the job. `EOF` may stand last.
        at: the clock: no event at or after this instant counts.
        windows: `exact`, or `tiled` as served values are rounded.
        dimensions: of each dimension that the view joins the versions, by its name; of those of one key and time the
            last counts. Of a look-up table its rows, one for each key.

    Raises:
        RequestError: a row has an unknown column, something follows `EOF`, an instant has no zone, or versions of a
            dimension are missing.
        NumericOverflowError: a number is beyond its type.
        EnginesDifferError: Flink has other values.
    """
    plan, instant, inputs = _plan(view), instant_from("at", at), Inputs(until_end(rows), dimensions)
    with opened_inputs(plan, inputs) as connection:
        found = Evaluation(plan, inputs, windows, run_in(connection, plan, as_of=instant, window_mode=windows))
        for repetition in repetitions():
            repetition.check(connection, plan, inputs, instant)
    return found


def assert_feature_equal(
    view: type[FeaturePipeline] | View,
    feature: str,
    expected: Any,
    *,
    rows: Rows,
    entity: Entity,
    at: datetime | str,
    windows: WindowMode = "exact",
    dimensions: Versions = NO_VERSIONS,
) -> None:
    """Assert the value of one feature, of one entity, at one instant; arguments and errors as `evaluate`'s.

    Floats are equal within `equality.TOLERANCE`; 0, NULL (None) and False are three different things.

    Raises:
        AssertionError: the value is another; the message shows the rows that it was made of.
    """
    found = evaluate(view, rows, at, windows=windows, dimensions=dimensions)
    value = found.value(feature, entity)
    if not same(value, expected):
        raise AssertionError(difference(found, feature, entity, expected))


def difference(found: Evaluation, feature: str, entity: Entity, expected: Any) -> str:
    """What is wrong with a value, and the rows that it was made of."""
    behind = found.rows_behind(feature, entity)
    shown = [f"  {in_words(row)}" for row in behind[:SHOWN_ROWS]]
    more = [f"  and {len(behind) - SHOWN_ROWS} more"] if len(behind) > SHOWN_ROWS else []
    head = (
        f"{found.plan.name}:{feature} of {in_words(entity)} at {found.run.as_of.isoformat()}: "
        f"expected {expected!r}, found {found.value(feature, entity)!r}"
    )
    return "\n".join([head, f"rows given: {found.run.read}; rows behind the value: {len(behind)}", *shown, *more])


def _plan(view: type[FeaturePipeline] | View) -> ViewPlan:
    return plan_view(view if isinstance(view, View) else view.view)


def _check(plan: ViewPlan, feature: str, entity: Entity) -> None:
    """There is such a feature, and the entity names its keys and what it takes of a request."""
    found = plan.any_feature(feature)
    columns = found.request if isinstance(found, PlannedOnDemand) else ()
    request = [RequestColumn(column, f"{plan.name}:{feature}") for column in columns]
    check_rows([entity], plan.keys_of(found), request)


def _is_of(row: Mapping[str, Any], entity: Entity) -> bool:
    return all(row[key] == value for key, value in entity.items())
