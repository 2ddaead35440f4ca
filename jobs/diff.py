"""`headrace diff`: features on both engines, compared value by value."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.jobs.inputs import (
    DimensionOption,
    InputOption,
    SampleOption,
    dimensions_of,
    given_or_history,
    loader,
)
from headrace.jobs.options import (
    FEATURES,
    FeatureArgument,
    FileOption,
    Format,
    FormatOption,
    ViewOption,
    instant,
    options_of,
)
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.pipelines.engine_diff import Difference, EngineDiff

#: Rows of one value that are printed as text: what a screen holds.
SHOWN_ROWS = 20

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def diff(
    context: typer.Context,
    feature: FeatureArgument,
    file: FileOption = FEATURES,
    given: InputOption = None,
    view: ViewOption = "",
    as_of: Annotated[str, typer.Option(help="An instant; default: the end of the newest tile.")] = "",
    sample: SampleOption = None,
    dimension: DimensionOption = None,
    format_: FormatOption = None,
) -> None:
    """Compute features of a file's rows on DuckDB and on Flink, and print the values that differ, with their rows.

    Flink runs in this process; no server is needed. Values are those of mode tiled, as they are served. Exit status 1
    when anything differs; a count of different values within the error of an estimate does not.

    Example: headrace diff all --file examples/fraud/features.py --input examples/fraud/transactions.csv
    """
    from headrace.jobs.definitions import view_plan
    from headrace.jobs.flink_engine import flink_engine
    from headrace.pipelines.engine_diff import diff_locally

    options, plan = options_of(context), view_plan(file, view)
    chosen = () if feature == "all" else (plan.any_feature(feature).name,)
    rows = given_or_history(plan, given)
    asked: dict[str, Any] = {
        "as_of": instant("--as-of", as_of),
        "sample": sample,
        "dimensions": dimensions_of(dimension),
    }
    with flink_engine(options) as engine:
        found = diff_locally(plan, rows, loader(options), engine, features=chosen, **asked)
    for name, reason in found.features_left_out.items():
        progress(f"{name} is left out: it {reason}")
    PRINT[options.chosen(format_)](found)
    if found.differing:
        raise typer.Exit(1)


def _print_text(found: EngineDiff) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in found.verdicts[0].items())
    progress(f"{found.view} as of {found.as_of.isoformat()}; rows: {counts}")
    for line in found.differing_verdict_lines():
        typer.echo(line)
    for one in found.differences:
        if one.rows is not None:
            typer.echo(str(one))
            _print_inputs(one.rows)
    for name, count in Counter(one.feature for one in found.differences if one.rows is None).items():
        typer.echo(f"and {count:,} more values of {name} (--format json has all)")
    typer.echo(found.summary())


def _print_inputs(rows: pa.Table) -> None:
    print_rows(rows.slice(0, SHOWN_ROWS).to_pylist(), Format.TABLE)
    more = rows.num_rows - SHOWN_ROWS
    if more > 0:
        typer.echo(f"and {more:,} more rows (--format json has all)")


def _print_json(found: EngineDiff) -> None:
    duckdb, flink = found.verdicts
    differences = [_plain(one) for one in found.differences]
    whole = {
        "view": found.view,
        "as_of": found.as_of.isoformat(),
        "verdicts": {"duckdb": duckdb, "flink": flink},
        "entities": found.entities,
        "values": found.values,
        "differing": found.differing,
        "differences": differences,
        "estimates": [_plain(one) for one in found.estimates],
    }
    print_rows([whole], Format.JSON)


def _plain(one: Difference) -> dict[str, Any]:
    rows = None if one.rows is None else one.rows.to_pylist()
    entity = dict(one.entity)
    return {"feature": one.feature, "entity": entity, "duckdb": one.duckdb, "flink": one.flink, "rows": rows}


PRINT = {Format.TABLE: _print_text, Format.JSON: _print_json}
