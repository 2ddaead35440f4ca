"""`headrace.run`: what the command `headrace run` computes, from Python, as in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from headrace.errors import NotFoundError, RequestError, did_you_mean
from headrace.jobs.local_rows import history_of, tables_of

if TYPE_CHECKING:
    from headrace.compiler.plan import SourcePlan, ViewPlan
    from headrace.compiler.tiles import WindowMode
    from headrace.connectors.iceberg import IcebergTable
    from headrace.features.view import View
    from headrace.pipelines.defined_views import FeatureDefinitions
    from headrace.pipelines.local_input import Given, Rows
    from headrace.pipelines.local_run import LocalRun
    from headrace.runtime.settings import Settings

ENGINES = ("duckdb", "flink")


def run(
    definitions: FeatureDefinitions,
    rows: Any = None,
    *,
    features: str | Sequence[str] = (),
    view: str = "",
    as_of: datetime | str | None = None,
    windows: WindowMode | None = None,
    sample: int | None = None,
    dimensions: Mapping[str, Any] = MappingProxyType({}),
    engine: str = "duckdb",
    settings: Settings | None = None,
) -> LocalRun:
    """Compute features of rows on this machine, without a server, as `headrace run` does.

    This call computes; what it returns shows as tables in a notebook, and computes nothing when it is shown.

    Args:
        definitions: a feature file, a subclass of `FeaturePipeline` or its view.
        rows: a pandas DataFrame, an Arrow table, the path of a .csv or .parquet file, a Delta table's folder or URL, an
            Iceberg table `namespace.name`, `IcebergTable(...)` or `DeltaTable(...)`; by default the source's history.
            Of a union a mapping of those, by the names of its sources; of one that is left out its history.
        features: which of the view's features, one or several; by default all.
        view: which view, where a file has several.
        as_of: the instant; by default the first at which the newest accepted event counts.
        windows: `exact` (DuckDB's default), or `tiled` as served values are, which is all that Flink has.
        sample: how many of the first rows to read; by default all.
        dimensions: by name, what to read instead of a dimension's own table: all that `rows` may be.
        engine: `duckdb`, or `flink`, which runs the view's job in this process and needs Java and PyFlink.
        settings: where Iceberg tables are; by default those of the folder and the environment.

    Raises:
        DefinitionError: the file is wrong.
        NotFoundError: there is no such file, table, view or feature.
        SchemaMismatchError: the rows lack columns of the source, or have other types there.
        RequestError: no row is accepted, an instant has no zone, the rows cannot be read, or an argument is none of
            what it may be.
        NumericOverflowError: a number is beyond its type.
        SettingsError: a setting is wrong, where Iceberg tables or Flink are asked for.
        PreflightError, JobError: Flink cannot run here, or its job fails.
    """
    from headrace.compiler.build import plan_view
    from headrace.features.instant import instant_from
    from headrace.pipelines.defined_views import defined_views
    from headrace.pipelines.options import one_of

    one_of("engine", engine, ENGINES)
    _check_sample(sample)
    plan = plan_view(_chosen(defined_views(definitions), view))
    asked = {
        "features": (features,) if isinstance(features, str) else features,
        "as_of": None if as_of is None else instant_from("as_of", as_of),
        "sample": sample,
        "dimensions": _dimensions(dimensions),
    }
    compute = _on_flink if engine == "flink" else _on_duckdb
    return compute(plan, _given(plan, rows), windows, asked, settings)


def _on_duckdb(
    plan: ViewPlan, given: Given, windows: WindowMode | None, asked: Mapping[str, Any], settings: Settings | None
) -> LocalRun:
    from headrace.pipelines.local_run import run_locally

    return run_locally(plan, given, _loader(settings), window_mode=windows or "exact", **asked)


def _on_flink(
    plan: ViewPlan, given: Given, windows: WindowMode | None, asked: Mapping[str, Any], settings: Settings | None
) -> LocalRun:
    from headrace.pipelines.flink_run import ONLY_TILED, run_on_flink
    from headrace.pipelines.flink_tiles import FlinkEngine
    from headrace.runtime.local_flink import local_session
    from headrace.runtime.settings import load_settings
    from headrace.serving.bulk import served_table

    if windows not in {None, "tiled"}:
        msg = f"windows={windows!r}: {ONLY_TILED}"
        raise RequestError(msg)
    engine = FlinkEngine(local_session(settings or load_settings()), served_table)
    return run_on_flink(plan, given, _loader(settings), engine, **asked)


def _chosen(views: Mapping[str, View], name: str) -> View:
    """The view of a name, or the only one."""
    if name in views:
        return views[name]
    if name:
        msg = f"no view {name!r}; {did_you_mean(name, views)}"
        raise NotFoundError(msg)
    if len(views) > 1:
        msg = f"{len(views)} views are defined ({', '.join(sorted(views))}); name one, such as view={min(views)!r}"
        raise RequestError(msg)
    return next(iter(views.values()))


def _check_sample(sample: int | None) -> None:
    """Refuse to read no rows, or no number of them."""
    if sample is not None and (isinstance(sample, bool) or not isinstance(sample, int) or sample < 1):
        msg = f"sample={sample!r}: expected how many of the first rows to read, 1 or more"
        raise RequestError(msg)


def _given(plan: ViewPlan, rows: Any) -> Given:
    """What is given for each source of a view, and the history of those for which nothing is."""
    from headrace.pipelines.source_rows import check_sources

    if not plan.source.members:
        return _history(plan.source) if rows is None else _rows(rows)
    if not isinstance(rows, Mapping | None):
        return _rows(rows, "rows, of a union one for each source, by its name")
    check_sources(plan.source, rows or ())
    named = {name: _rows(one) for name, one in (rows or {}).items()}
    return {part.name: _history(part) for part in plan.source.parts if part.name not in named} | named


def _dimensions(given: Any) -> dict[str, Rows]:
    """What is to be read for dimensions, by their names."""
    if not isinstance(given, Mapping):
        msg = f"dimensions={given!r}: expected rows, a file or a table by the name of each dimension, such as "
        msg += "{'Merchants': 'merchants.csv'}"
        raise RequestError(msg)
    return {name: _rows(rows, f"dimensions: {name!r}") for name, rows in given.items()}


def _rows(given: Any, what: str = "rows") -> Rows:
    """Rows as local runs take them; `what` names them in an error."""
    import pyarrow as pa

    from headrace.connectors.frame import frame_rows, is_frame
    from headrace.features.source import DeltaTable, IcebergTable

    if isinstance(given, DeltaTable):
        # An address is Delta's whether a table is there or not; a path without one names an Iceberg table.
        return given.path if "://" in given.path else Path(given.path).absolute().as_uri()
    if isinstance(given, IcebergTable):
        return given.name
    if is_frame(given):
        return frame_rows(given)
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, str | Path):
        return str(given)
    msg = f"{what}: expected a DataFrame, an Arrow table, a .csv or .parquet file, a Delta table's folder or URL, or "
    msg += f"an Iceberg table 'namespace.name'; found {type(given).__name__}"
    raise RequestError(msg)


def _history(source: SourcePlan) -> str:
    """The history of a source."""
    return history_of(source, "give its rows: a DataFrame, an Arrow table, or 'rows.csv'", RequestError)


def _loader(settings: Settings | None) -> Callable[[str], IcebergTable]:
    """What finds an Iceberg table of the catalog by `namespace.table`; connects on first use."""
    from headrace.runtime.settings import load_settings

    otherwise = "give rows from elsewhere, such as rows='rows.csv', or dimensions={'Merchants': 'merchants.csv'}"
    return tables_of(lambda: settings or load_settings(), otherwise)
