"""`TrainingSetPipeline`: features of history at the rows of a spine, point in time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.duckdb_point_in_time import coverage_sql, covered_sql, evidence_sql, point_in_time_sql
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.lookups import table_of
from headrace.compiler.plan import Column, PlannedOnDemand, ViewPlan
from headrace.compiler.point_in_time import (
    Asked,
    AskedFeature,
    AskedOnDemand,
    KeySet,
    KnownBy,
    key_sets,
    with_tiles,
)
from headrace.compiler.tiles import WindowMode
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import NotFoundError, RequestError, did_you_mean
from headrace.features.instant import instant_of
from headrace.features.reference import Reference
from headrace.features.scalar import FLOAT
from headrace.pipelines.asked_features import asked_feature, modes_of
from headrace.pipelines.defined_views import FeatureDefinitions, view_plans
from headrace.pipelines.flink_answers import LOCAL, flink_answers
from headrace.pipelines.keep_training_set import keep
from headrace.pipelines.on_demand import values_on_demand
from headrace.pipelines.options import one_of
from headrace.pipelines.pinned import pinned_history, use_pinned
from headrace.pipelines.pinned_dimensions import pinned_dimensions
from headrace.pipelines.registered_views import registered_views
from headrace.pipelines.spine import Spine, read_spine
from headrace.pipelines.spine_file import shown_rows
from headrace.pipelines.training_set import Pinned, TrainedFeature, TrainingSet, all_reasons
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings

#: Partials that add: of floats they depend on the order of adding; with one thread it is always the same.
ADDING = frozenset({"sum", "moments"})


class TrainingSetPipeline:
    """Joins features to a spine as they were just before each row's time. Override a step to change it.

    Args:
        platform: where Iceberg tables and the registry are.
        views: the views to take features from, by name; by default those of the registry, each at the version that
            serves, or the newest where none does.
        versions: of views of the registry, by name, the versions to take instead.
        known_by: `event`: a row knows all that happened before its time; `arrival`: only what had also arrived by then.
        window_mode: `exact`, or `tiled` as served values are rounded.
        outside: what to do about rows that history does not cover: `refuse` them all, or `flag` each.
        histories: for each view, what to read instead of the newest snapshots.
        engine: `duckdb`, or `flink` in this process; coverage and `explain` are DuckDB's on both.
    """

    def __init__(
        self,
        platform: Platform,
        views: Mapping[str, ViewPlan] | None = None,
        *,
        versions: Mapping[str, str] = MappingProxyType({}),
        known_by: KnownBy = "event",
        window_mode: WindowMode = "exact",
        outside: str = "refuse",
        histories: Mapping[str, Pinned] | None = None,
        engine: str = "duckdb",
    ) -> None:
        self.platform = platform
        self.known_by = one_of("known_by", known_by, get_args(KnownBy))
        self.window_mode = one_of("windows", window_mode, get_args(WindowMode))
        self.outside = one_of("outside", outside, ("refuse", "flag"))
        self.pinned = dict(histories or {})
        self.engine = one_of("engine", engine, tuple(ENGINES))
        self._views, self._versions = views, versions
        if views is not None and versions:
            msg = f"versions={dict(versions)!r}: a feature file has one version of each view, its own; leave the file "
            msg += "out (--file, or definitions=...), or the versions"
            raise RequestError(msg)

    def build(
        self,
        spine: Any,
        features: Sequence[str] | Mapping[str, str],
        *,
        event_time: str | None = None,
        mode: str = "recomputed",
        full_names: bool = False,
    ) -> TrainingSet:
        """The spine's rows with the features, in the spine's order.

        Args:
            spine: what `read_spine` takes.
            features: `view:feature`, or `feature` where one view has it; a mapping gives each a mode of its own.
            event_time: the spine's column with each row's time; by default the only one with times.
            mode: of features without their own: `recomputed` (the window before the row's time), `last_write` (the
                value at the entity's newest event before that), or `ttl 1h` (the same, NULL when that is older).
            full_names: name columns `view__feature`.

        Raises:
            RequestError: the spine, a mode or a name is wrong, a version is of a view of which no feature is taken, or
                history does not cover some rows.
            NotFoundError: no such feature, no such version of a view, or no history yet.
            NumericOverflowError: a sum of integers is beyond BIGINT.
            JobError: the job on Flink fails otherwise.
            PreflightError: this machine lacks what Flink needs.
        """
        asked = self.resolve(features, mode, full_names=full_names)
        _refuse_unread(self._versions, asked)
        rows = self.read_spine(spine, event_time, self.column_types(asked))
        _refuse_taken(rows, [one.name for each in asked.values() for one in each])
        histories = {view: self.history(self.views[view]) for view in asked}
        columns: dict[str, pa.ChunkedArray] = {}
        outside: dict[str, Mapping[int, str]] = {}
        for view, members in asked.items():
            requested = self.requested(view, members, rows)
            tiled = with_tiles(members)
            with self._connected(rows, self.views[view], tuple(tiled.values()), histories[view]) as connection:
                outside[view] = self.check_coverage(connection, view, rows, histories[view])
                sets = key_sets(self.views[view], tuple(tiled.values()), self.known_by)
                columns |= ENGINES[self.engine](self, connection, sets, rows, histories[view])
                for one, request in requested.items():
                    read = {each.feature.name: columns[tiled[replace(each, name="")].name] for each in one.inputs}
                    columns[one.name] = values_on_demand(connection, view, one.feature, pa.table(read | request))
        return self.assemble(rows, asked, columns, histories, all_reasons(outside))

    def requested(
        self, view: str, asked: Sequence[Asked], spine: Spine
    ) -> dict[AskedOnDemand, dict[str, pa.ChunkedArray]]:
        """The on-demand features among those asked for, each with its request columns.

        Raises:
            RequestError: the spine lacks one, or it has another type or values that a request cannot have.
        """
        return {
            one: spine.requested(one.feature.request, f"feature {view}:{one.feature.name}")
            for one in asked
            if isinstance(one, AskedOnDemand)
        }

    @cached_property
    def views(self) -> Mapping[str, ViewPlan]:
        """The views that features can be taken from, by name; NotFoundError for a version that there is not."""
        if self._views is not None:
            return self._views
        return registered_views(self.platform.registry, self.platform.settings.project, self._versions)

    def resolve(
        self, features: Sequence[str] | Mapping[str, str], mode: str, *, full_names: bool
    ) -> dict[str, list[Asked]]:
        """The features by view, each with its mode and the name of its column."""
        modes = modes_of(features, mode)
        found: dict[str, list[Asked]] = {}
        for text, own in modes.items():
            reference = self.find(text)
            name = f"{reference.view}__{reference.feature}" if full_names else reference.feature
            found.setdefault(reference.view, []).append(
                asked_feature(name, self.views[reference.view], reference.feature, own, self.window_mode)
            )
        _refuse_twins([one.name for members in found.values() for one in members])
        return found

    def find(self, text: str) -> Reference:
        """The feature that a text names; NotFoundError with a suggestion, RequestError where several views have it."""
        if not self.views:
            msg = f"no feature {text!r}: project {self.platform.settings.project!r} has no registered views; name a "
            msg += "feature file (--file, or definitions=...), or register one with `headrace backfill FILE`"
            raise NotFoundError(msg)
        known = {str(Reference(view, name)): name for view, plan in self.views.items() for name in plan.names}
        if text in known:
            return Reference.parse(text)
        named = [full for full, name in known.items() if name == text]
        if len(named) == 1:
            return Reference.parse(named[0])
        if named:
            msg = f"feature {text!r} is in several views; name one: {', '.join(named)}"
            raise RequestError(msg)
        msg = f"no feature {text!r}; {did_you_mean(text, known if ':' in text else known.values())}"
        raise NotFoundError(msg)

    def read_spine(self, given: Any, event_time: str | None, types: Mapping[str, str] = MappingProxyType({})) -> Spine:
        """The spine, checked; `types` are those of its keys and request columns, which a CSV file does not say."""
        return read_spine(given, self.platform, event_time, types)

    def column_types(self, asked: Mapping[str, Sequence[Asked]]) -> dict[str, str]:
        """The types of the keys and request columns."""
        features = [(self.views[view], one.feature) for view, members in asked.items() for one in members]
        keys = [key for plan, feature in features for key in plan.keys_of(feature)]
        request = [column for _, one in features if isinstance(one, PlannedOnDemand) for column in one.request]
        return {column.name: column.type for column in (*keys, *request)}

    def history(self, plan: ViewPlan) -> Pinned:
        """The history of each part of a view's source, and the dimensions that it joins, each at one snapshot.

        It ends where one of them, or what a dimension is complete to, ends first; a look-up table has no end.

        Raises:
            RequestError: the source has no history.
            NotFoundError: nothing is archived yet.
            SchemaMismatchError: a table lacks columns of the source or the dimension.
        """
        if plan.name in self.pinned:
            return self.pinned[plan.name]
        events, dimensions = self.source_history(plan), pinned_dimensions(self.platform, plan)
        tables = {name: table_of(plan, name) for name in dimensions}
        ends = [dimensions[name].until_us + table.delay_us for name, table in tables.items() if table.is_versioned]
        return replace(events, until_us=min([events.until_us, *ends]), dimensions=dimensions)

    def source_history(self, plan: ViewPlan) -> Pinned:
        """The history of a view's source alone; raises as `history` does."""
        histories = tuple(pinned_history(self.platform, part, f"view {plan.name}") for part in plan.source.parts)
        return Pinned(histories, min(one.until_us for one in histories))

    def check_coverage(
        self, connection: duckdb.DuckDBPyConnection, view: str, spine: Spine, history: Pinned
    ) -> dict[int, str]:
        """Rows before the first event of history or after what it is complete to, with the reason.

        Raises:
            RequestError: there are such rows, and they are to be refused.
        """
        if self._is_covered(connection, view, spine, history):
            return {}
        query = coverage_sql(self.views[view], "spine", "archive")
        found: dict[int, str] = {
            row: f"{why} of view {view}" for row, why in connection.execute(query, {"end": history.until_us}).fetchall()
        }
        if found and self.outside == "refuse":
            row = min(found)
            msg = (
                f"spine: {len(found):,} of {spine.rows.num_rows:,} rows ask for a time that history does not cover: "
                f"{shown_rows(list(found))}; row {row} is {found[row]} ({history}, "
                f"complete to {instant_of(history.until_us).isoformat()}). "
                "Leave them out, or take them as they are: outside='flag'"
            )
            raise RequestError(msg)
        return found

    def compute(self, connection: duckdb.DuckDBPyConnection, keys: KeySet, spine: Spine) -> dict[str, pa.ChunkedArray]:
        """The features of one kind of entity, a value for each row of the spine, in order."""
        connection.register("spine", spine.asking(keys.keys))
        found = connection.sql(point_in_time_sql(keys, "spine", "archive")).order("_row").to_arrow_table()
        return {one.name: found[one.name] for one in keys.asked}

    def compute_on_flink(self, sets: Sequence[KeySet], spine: Spine, history: Pinned) -> dict[str, pa.ChunkedArray]:
        """The features of some kinds of entity of one view, a value for each row of the spine, in order."""
        with self.scratch() as catalog:
            most_rows = self.platform.settings.flink.dimension_rows
            return flink_answers(sets, spine, history, catalog, self.run_job, most_rows)

    @contextmanager
    def scratch(self) -> Iterator[IcebergCatalog]:
        """An empty catalog for what a job reads and writes beside history: a folder of this machine, gone afterwards.

        A job that is submitted to a cluster needs one within the cluster's reach.
        """
        with TemporaryDirectory(prefix="headrace-") as folder:
            yield IcebergCatalog.sqlite("scratch", Path(folder))

    def run_job(self, job: FlinkJob) -> None:
        """Run a bounded job to its end, in this process; a subclass may submit it and wait.

        Raises:
            PreflightError: this machine lacks what Flink needs.
            JobError: the job fails.
        """
        local_session(self.platform.settings).run(job.statements, job.inserts, {**job.config, **LOCAL})

    def assemble(
        self,
        spine: Spine,
        asked: Mapping[str, Sequence[Asked]],
        columns: Mapping[str, pa.ChunkedArray],
        histories: Mapping[str, Pinned],
        outside: Mapping[int, str],
    ) -> TrainingSet:
        """The result; the features of each view in the order asked, view after view."""
        rows = spine.rows
        for members in asked.values():
            for one in members:
                rows = rows.append_column(one.name, columns[one.name])
        features = tuple(_trained(self.views[view], one) for view, members in asked.items() for one in members)

        def explain(row: int) -> dict[str, pa.Table]:
            return self.explain(spine, asked, histories, row)

        made = (rows, spine.event_time, features, histories, self.known_by, outside, self.engine)
        return TrainingSet(*made, explain, partial(keep, self), self.without_key(spine, asked))

    def without_key(self, spine: Spine, asked: Mapping[str, Sequence[Asked]]) -> dict[str, int]:
        """For each key that some rows lack how many do: no entity is named by them."""
        keys = {key.name for view, members in asked.items() for one in members for key in self._keys(view, one)}
        counts = {name: int(spine.rows[name].null_count) for name in spine.rows.column_names if name in keys}
        return {name: count for name, count in counts.items() if count}

    def _keys(self, view: str, one: Asked) -> tuple[Column, ...]:
        """The keys of what a feature describes."""
        return self.views[view].keys_of(one.feature)

    def explain(
        self,
        spine: Spine,
        asked: Mapping[str, Sequence[Asked]],
        histories: Mapping[str, Pinned],
        row: int,
    ) -> dict[str, pa.Table]:
        """For each feature the rows of history behind its value in one row of the spine.

        An on-demand feature has none of its own: the rows are those of its inputs, as `feature.input`.
        """
        one = Spine(spine.rows.slice(row, 1), spine.event_time, spine.times_us.slice(row, 1))
        found: dict[str, pa.Table] = {}
        for view, members in asked.items():
            tiled = tuple(_each(members))
            with self._connected(one, self.views[view], tiled, histories[view]) as connection:
                for keys in key_sets(self.views[view], tiled, self.known_by):
                    connection.register("spine", one.asking(keys.keys))
                    for feature in keys.asked:
                        sql = evidence_sql(keys, feature, "spine", "archive")
                        found[feature.name] = connection.sql(sql).to_arrow_table().drop_columns(["_row"])
        return found

    @contextmanager
    def _connected(
        self, spine: Spine, plan: ViewPlan, asked: Sequence[AskedFeature], history: Pinned
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database with `archive`, and `spine` without keys."""
        with view_database(plan) as connection:
            if any(_order_matters(plan, one) for one in asked):
                connection.execute("SET threads = 1")
            use_pinned(connection, plan, history)
            connection.register("spine", spine.asking(()))
            yield connection

    def _is_covered(self, connection: duckdb.DuckDBPyConnection, view: str, spine: Spine, history: Pinned) -> bool:
        """Whether history covers all rows, by their first and last time, which costs less than a look at each."""
        last = pc.max(spine.times_us).as_py()
        if last is None or last > history.until_us:
            return False
        (found,) = connection.execute(covered_sql(self.views[view], "spine", "archive")).fetchall()
        return bool(found[0])


def _on_duckdb(
    pipeline: TrainingSetPipeline,
    connection: duckdb.DuckDBPyConnection,
    sets: Sequence[KeySet],
    spine: Spine,
    history: Pinned,
) -> dict[str, pa.ChunkedArray]:
    """One query for each kind of entity."""
    found: dict[str, pa.ChunkedArray] = {}
    for keys in sets:
        found |= pipeline.compute(connection, keys, spine)
    return found


def _on_flink(
    pipeline: TrainingSetPipeline,
    connection: duckdb.DuckDBPyConnection,
    sets: Sequence[KeySet],
    spine: Spine,
    history: Pinned,
) -> dict[str, pa.ChunkedArray]:
    """One job for all of them."""
    return pipeline.compute_on_flink(sets, spine, history)


Compute = Callable[
    [TrainingSetPipeline, duckdb.DuckDBPyConnection, Sequence[KeySet], Spine, Pinned], dict[str, pa.ChunkedArray]
]
#: How each engine computes the features of one view.
ENGINES: Mapping[str, Compute] = {"duckdb": _on_duckdb, "flink": _on_flink}


def training_set(
    spine: Any,
    features: Sequence[str] | Mapping[str, str],
    *,
    definitions: FeatureDefinitions | None = None,
    versions: Mapping[str, str] = MappingProxyType({}),
    event_time: str | None = None,
    mode: str = "recomputed",
    windows: WindowMode = "exact",
    known_by: KnownBy = "event",
    outside: str = "refuse",
    full_names: bool = False,
    engine: str = "duckdb",
    settings: Settings | None = None,
) -> TrainingSet:
    """A training set: the rows of a spine with features as they were just before each row's time.

    It is in memory; its `save()` keeps it, as `headrace training-set build` does.

    `definitions` is a feature file, a subclass of `FeaturePipeline` or its view; without it features are those of the
    registry, of `versions` of some views by name. `TrainingSetPipeline` and its `build` have the rest, and the errors.
    """
    views = None if definitions is None else view_plans(definitions)
    pipeline = TrainingSetPipeline(
        Platform(settings or load_settings()),
        views,
        versions=versions,
        known_by=known_by,
        window_mode=windows,
        outside=outside,
        engine=engine,
    )
    return pipeline.build(spine, features, event_time=event_time, mode=mode, full_names=full_names)


def pitc_join_features(spine_df: Any, features: Sequence[str] | Mapping[str, str], **options: Any) -> pa.Table:
    """Point-in-time-correct join: the rows of `training_set`, of the same kind as the spine (DataFrame or Arrow).

    Nothing is kept: `training_set(...).save()` keeps what it makes.
    """
    found = training_set(spine_df, features, **options)
    return found.to_arrow() if isinstance(spine_df, pa.Table) else found.to_pandas()


def _each(asked: Sequence[Asked]) -> Iterator[AskedFeature]:
    """The features with tiles, and those that on-demand features read, each under its own name."""
    for one in asked:
        yield from one.inputs if isinstance(one, AskedOnDemand) else (one,)


def _trained(plan: ViewPlan, one: Asked) -> TrainedFeature:
    return TrainedFeature(one.name, plan.name, one.feature.name, plan.version, one.mode, one.ttl_us, one.window_mode)


def _order_matters(plan: ViewPlan, one: AskedFeature) -> bool:
    """Whether a feature adds floats."""
    partials = [plan.group(part.group).partial(name) for part in one.feature.parts for name in part.partials]
    return any(partial.kind in ADDING and partial.value_type == FLOAT for partial in partials)


def _refuse_twins(names: Sequence[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        msg = (
            f"two features are named {twins[0]!r}; if they are of two views, take full_names=True, which names columns "
            "view__feature; one feature in two modes takes two training sets"
        )
        raise RequestError(msg)


def _refuse_unread(versions: Mapping[str, str], asked: Collection[str]) -> None:
    unread = sorted(versions.keys() - set(asked))
    if unread:
        msg = f"version {versions[unread[0]]!r} of view {unread[0]!r} (--view-version, or versions=...): no feature of "
        msg += f"that view is taken, but of {', '.join(sorted(asked)) or 'none'}; leave it out, or name a feature of it"
        raise RequestError(msg)


def _refuse_taken(spine: Spine, names: Sequence[str]) -> None:
    taken = sorted({name.lower() for name in names} & {name.lower() for name in spine.rows.column_names})
    if taken:
        msg = f"the spine has a column {taken[0]!r} already; rename it, or take full_names=True"
        raise RequestError(msg)
