"""`headrace training-set`: make training sets, look at them, and make them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from headrace.errors import SettingsError
from headrace.jobs.inputs import versions_of
from headrace.jobs.options import Engine, Format, FormatOption, options_of
from headrace.jobs.output import print_rows, progress
from headrace.jobs.sigterm import ended_by_sigterm

if TYPE_CHECKING:
    from headrace.compiler.point_in_time import KnownBy
    from headrace.compiler.tiles import WindowMode
    from headrace.pipelines.saved_training_sets import SavedTrainingSets
    from headrace.registry.training_sets import TrainingSetRecord

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="A training set, as `headrace training-set list` shows it.")]
EXPLAINED = "Show the rows of history behind each feature in this row, the first being 0."


@app.callback()
def training_set() -> None:
    """Features at the rows of a spine, as they were just before each row's time.

    Example: headrace training-set build labels.parquet --feature fraud_features:transaction_count_1h
    """


@app.command()
def build(
    context: typer.Context,
    spine: Annotated[
        str, typer.Argument(help="A .parquet or .csv file, an Iceberg table `namespace.name`, or SQL over such.")
    ],
    feature: Annotated[list[str], typer.Option(help="`view:feature`, or `view:feature=ttl 1h` for a mode of its own.")],
    file: Annotated[Path | None, typer.Option(help="A feature file; default: the registered views.")] = None,
    view_version: Annotated[
        list[str] | None,
        typer.Option(help="VIEW=VERSION: of the registry, whether it serves or not; may be given again."),
    ] = None,
    event_time: Annotated[str, typer.Option(help="The spine's column of times; default: the only one.")] = "",
    mode: Annotated[str, typer.Option(help="recomputed, last_write, or 'ttl 1h'.")] = "recomputed",
    known_by: Annotated[str, typer.Option(help="event, or arrival: only what had arrived by then.")] = "event",
    windows: Annotated[str, typer.Option(help="exact, or tiled as served values are rounded.")] = "exact",
    outside: Annotated[str, typer.Option(help="Rows that history does not cover: refuse or flag.")] = "refuse",
    engine: Annotated[Engine, typer.Option(help="Flink runs in this process, without a server.")] = Engine.DUCKDB,
    full_names: Annotated[bool, typer.Option("--full-names", help="Name columns view__feature.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to this .parquet file too.")] = None,
) -> None:
    """Make a training set and keep it; print its id.

    Example: headrace training-set build "SELECT * FROM labels.frauds" --feature transaction_count_1h --mode 'ttl 1d'
    """
    from headrace.pipelines.defined_views import view_plans
    from headrace.pipelines.training_pipeline import TrainingSetPipeline
    from headrace.runtime.platform import Platform

    pipeline = TrainingSetPipeline(
        Platform(options_of(context).settings()),
        None if file is None else view_plans(file),
        versions=versions_of(view_version),
        known_by=cast("KnownBy", known_by),
        window_mode=cast("WindowMode", windows),
        outside=outside,
        engine=engine,
    )
    modes = _modes(feature, mode)
    if out is not None and not out.parent.is_dir():
        msg = f"--out {out}: there is no folder {out.parent}"
        raise SettingsError(msg)
    if engine is Engine.FLINK:
        progress("computing on Flink, in a job for each view")
    with ended_by_sigterm():
        made = pipeline.build(spine, modes, event_time=event_time or None, full_names=full_names)
    record = made.save()
    progress(f"{made.coverage}, in Iceberg table {record.table}")
    for one in made.features:
        progress(f"  {one}")
    typer.echo(record.id)
    if out is not None:
        _write(made.to_arrow(), out)


@app.command(name="list")
def list_(context: typer.Context, format_: FormatOption = None) -> None:
    """List the training sets of the project, newest first.

    Example: headrace training-set list
    """
    records = _saved(context).all()
    if not records:
        progress("no training sets; `headrace training-set build SPINE --feature view:feature` makes one")
    print_rows([_line(record) for record in records], options_of(context).chosen(format_))


@app.command()
def show(
    context: typer.Context,
    training_set: Id,
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 10,
    explain_row: Annotated[int | None, typer.Option(min=0, help=EXPLAINED)] = None,
    format_: FormatOption = None,
) -> None:
    """Show rows of a training set, or the rows of history behind one of them.

    Example: headrace training-set show 0a1b2c3d --explain-row 3
    """
    saved = _saved(context)
    record = saved.get(training_set)
    chosen = options_of(context).chosen(format_)
    stored = saved.rows(record)
    if explain_row is None:
        print_rows(stored.slice(0, rows).to_pylist(), chosen)
        return
    evidence = saved.explain(record, stored, explain_row)
    if chosen is Format.JSON:
        print_rows([{"feature": name, "rows": found.to_pylist()} for name, found in evidence.items()], chosen)
        return
    for name, found in evidence.items():
        # What an on-demand feature reads has rows behind it, and no column of its own.
        value = f": {stored[name][explain_row].as_py()!r}" if name in stored.column_names else ""
        typer.echo(f"{name}{value} from {found.num_rows:,} rows")
        print_rows(found.slice(0, rows).to_pylist(), chosen)


@app.command()
def rebuild(context: typer.Context, training_set: Id) -> None:
    """Make a training set again, as and of what it was made; exit status 1 unless it is the same bit for bit.

    Example: headrace training-set rebuild 0a1b2c3d
    """
    with ended_by_sigterm():
        again = _saved(context).rebuild(training_set)
    for name, found in (("stored", again.stored), ("made now", again.made)):
        same = "equal to" if found == again.record.fingerprint else "NOT equal to"
        typer.echo(f"{name}: {again.record.rows:,} rows, {found[:12]}, {same} the record")
    if not again.is_identical:
        raise typer.Exit(1)


def _modes(features: list[str], mode: str) -> dict[str, str]:
    """The features with their modes."""
    found: dict[str, str] = {}
    for text in features:
        name, _, own = text.partition("=")
        if name in found:
            msg = f"--feature {text!r}: {name!r} is asked for twice; one feature in two modes takes two training sets"
            raise SettingsError(msg)
        found[name] = own or mode
    return found


def _saved(context: typer.Context) -> SavedTrainingSets:
    from headrace.pipelines.saved_training_sets import SavedTrainingSets
    from headrace.runtime.platform import Platform

    return SavedTrainingSets(Platform(options_of(context).settings()))


def _line(record: TrainingSetRecord) -> dict[str, Any]:
    features = ", ".join(f"{one['view']}:{one['feature']}" for one in record.definition["features"])
    return {
        "id": record.id,
        "rows": record.rows,
        "engine": record.definition["engine"],
        "features": features,
        "table": record.table,
        "created_at": record.created_at.isoformat(timespec="seconds"),
    }


def _write(rows: Any, out: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, out)
    progress(f"written to {out}")
