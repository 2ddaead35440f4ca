"""`python -m headrace.bench`: the benchmarks, on a stack of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from headrace.bench.backfill import BackfillBenchmark, BackfillSizes
from headrace.bench.candidate_freshness import CandidateBenchmark, CandidateSizes
from headrace.bench.corners import CornersBenchmark, CornerSizes
from headrace.bench.environments import Environments
from headrace.bench.functions import FunctionBenchmark, FunctionSizes
from headrace.bench.materialize import MaterializeBenchmark, MaterializeSizes
from headrace.bench.online import OnlineBenchmark, OnlineSizes
from headrace.bench.page import BenchmarkReport
from headrace.bench.point_in_time.benchmark import PointInTimeBenchmark, PointInTimeSizes
from headrace.bench.report import write_docs
from headrace.bench.stack import SERVICES, Workbench, running
from headrace.bench.streaming.benchmark import StreamingBenchmark, StreamingSizes
from headrace.bench.tensors.benchmark import TensorBenchmark, TensorSizes
from headrace.bench.trainer.benchmark import ON_A_GPU, QUESTIONS, TrainerBenchmark, TrainerSizes
from headrace.bench.window_aggregates import AggregateName
from headrace.bench.windows import WindowsBenchmark, WindowSizes
from headrace.bench.writes import WriteBenchmark, WriteSizes
from headrace.errors import HeadraceError
from headrace.runtime.progress import Progress
from headrace.runtime.stack.plan import KAFKA

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Home = Annotated[
    Path, typer.Option(help="Folder of the benchmark's stack and results; what an earlier run left is erased.")
]
Rounds = Annotated[int, typer.Option(min=1, help="How often each side is run; the order turns around every time.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")]
Docs = Annotated[bool, typer.Option("--write-docs", help="Put the tables into docs/benchmarks.md.")]
DEFAULT_HOME = Path(".headrace/bench")
WITH_KAFKA = (KAFKA, *SERVICES)

Benchmark = Callable[[Workbench], BenchmarkReport]


@app.command()
def backfill(
    rows: Annotated[
        int, typer.Option(min=5_000, help="Rows into the blackhole; a tenth goes into Cassandra.")
    ] = 5_000_000,
    rounds: Rounds = 3,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """History to tiles, beside Flink SQL by hand (GROUP BY, TUMBLE, HOP) and DuckDB; outputs compared first.

    Example: python -m headrace.bench backfill --rows 500000 --rounds 1
    """
    _run([lambda bench: BackfillBenchmark(bench, BackfillSizes.of(rows, rounds)).run()], home, json, docs=docs)


@app.command()
def cassandra(
    rows: Annotated[int, typer.Option(min=1, help="Rows that each side writes.")] = 200_000,
    rounds: Rounds = 3,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Writes into Cassandra by our sink in a Flink job, beside cassandra-driver; contents compared after every run.

    Example: python -m headrace.bench cassandra --rows 20000
    """
    _run([lambda bench: WriteBenchmark(bench, WriteSizes(rows, rounds)).run()], home, json, docs=docs)


@app.command()
def online(
    requests: Annotated[
        int, typer.Option(min=1, help="Timed requests of one entity; a tenth of 100 entities.")
    ] = 2_000,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Reads of 1 and 100 entities by 50 features from Cassandra, beside a plain read and Feast; values compared first.

    Example: python -m headrace.bench online --requests 200
    """
    sizes = OnlineSizes(requests=requests, bulk_requests=max(1, requests // 10))
    _run(
        [lambda bench: OnlineBenchmark(bench.platform, bench.progress, sizes, _rivals(home)).run()],
        home,
        json,
        docs=docs,
    )


@app.command()
def materialize(
    rows: Annotated[
        int, typer.Option(min=20, help="Rows of ten values that our job writes; Feast writes a twentieth.")
    ] = 200_000,
    rounds: Rounds = 3,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Rows of finished values into Cassandra by our sink in a Flink job, beside Feast; all values compared.

    Example: python -m headrace.bench materialize --rows 20000 --rounds 1
    """
    sizes = MaterializeSizes.of(rows, rounds)
    _run([lambda bench: MaterializeBenchmark(bench, sizes, _rivals(home)).run()], home, json, docs=docs)


@app.command()
def corners(
    seconds: Annotated[float, typer.Option(min=1, help="How long each corner is measured.")] = 60,
    events_per_s: Annotated[int, typer.Option(min=10, help="Events a second.")] = 1_000,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """The corners of the knobs: cost of a million live events, seconds until they are seen, and what tiles round.

    Example: python -m headrace.bench corners --seconds 20
    """
    sizes = CornerSizes(events_per_s=events_per_s, seconds=seconds)
    _run([lambda bench: CornersBenchmark(bench, sizes).run()], home, json, docs=docs, services=WITH_KAFKA)


@app.command()
def udf(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows that each side computes.")] = 3_000_000,
    rounds: Rounds = 3,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """An expression compiled to SQL, beside the same as @udf and as PyFlink's general UDF; outputs compared first.

    Example: python -m headrace.bench udf --rows 100000 --rounds 1
    """
    sizes = FunctionSizes(rows, min(rows, FunctionSizes.compared), rounds)
    _run([lambda bench: FunctionBenchmark(bench, sizes).run()], home, json, docs=docs)


@app.command()
def windows(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of history; a tenth is compared.")] = 2_000_000,
    rounds: Rounds = 3,
    aggregate: Annotated[
        list[AggregateName] | None, typer.Option(help="Of which; sum without. May be given again.")
    ] = None,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Four windows of one aggregate beside one of them, in a backfill; tiles compared first.

    Example: python -m headrace.bench windows --rows 200000 --rounds 1 --aggregate std --aggregate last
    """
    sizes = WindowSizes(rows, max(1, rows // 10), rounds, tuple(aggregate or [AggregateName.SUM]))
    _run([lambda bench: WindowsBenchmark(bench, sizes).run()], home, json, docs=docs)


@app.command()
def pit(
    events: Annotated[int, typer.Option(min=1_000, help="Events; a tenth as many labels.")] = 4_000_000,
    rounds: Rounds = 3,
    limit: Annotated[float, typer.Option(help="Seconds after which a side is ended and has no answer.")] = 240.0,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Point-in-time joins beside DuckDB by hand, pandas, polars and Feast; every value compared. Needs no stack.

    Example: python -m headrace.bench pit --events 400000 --rounds 1
    """
    sizes = PointInTimeSizes.of(events, rounds, limit)
    _told([PointInTimeBenchmark(home.resolve(), Progress(), sizes).run()], home, json, docs=docs)


@app.command()
def tensors(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of nine numbers and a label.")] = 1_000_000,
    rounds: Rounds = 3,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Rows of an Iceberg table as tensors, beside a plain scan and MosaicML Streaming; all rows compared. No stack.

    Example: python -m headrace.bench tensors --rows 100000 --rounds 1
    """
    _told([TensorBenchmark(home.resolve(), Progress(), TensorSizes(rows, rounds)).run()], home, json, docs=docs)


@app.command()
def trainer(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of ten numbers and a label.")] = 2_000_000,
    rounds: Rounds = 5,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or cuda:N; on a GPU only ours and the bare torch loop run.")
    ] = "cpu",
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Learning row by row or in micro-batches, beside a bare torch loop, river and Vowpal Wabbit. Needs no stack.

    Example: python -m headrace.bench trainer --rows 200000 --rounds 1
    """
    sizes, questions = TrainerSizes(rows, rounds), QUESTIONS if device == "cpu" else ON_A_GPU
    benchmark = TrainerBenchmark(home.resolve(), Progress(), sizes, questions, device)
    _told([benchmark.run()], home, json, docs=docs)


@app.command()
def candidates(
    seconds: Annotated[float, typer.Option(min=2, help="Seconds of records under each interval.")] = 60.0,
    records_per_s: Annotated[int, typer.Option(min=10, help="Records a second.")] = 1_000,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Seconds until a record of a topic is in a committed candidate of a streaming trainer, by checkpoint interval.

    Example: python -m headrace.bench candidates --seconds 20
    """
    sizes = CandidateSizes(records_per_s, seconds, min(CandidateSizes.warm_s, seconds / 2))
    _run([lambda bench: CandidateBenchmark(bench, sizes).run()], home, json, docs=docs, services=WITH_KAFKA)


@app.command()
def streaming(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of a run.")] = 500_000,
    rounds: Rounds = 1,
    home: Home = DEFAULT_HOME,
    json: Json = None,
    docs: Docs = False,
) -> None:
    """Rows a processor second of a streaming trainer in Flink, beside its learner alone; and Flink's checkpoints of it.

    Example: python -m headrace.bench streaming --rows 50000
    """
    sizes = StreamingSizes(rows, rounds)
    _run([lambda bench: StreamingBenchmark(bench, sizes).run()], home, json, docs=docs)


@app.command(name="all")
def every(rounds: Rounds = 3, home: Home = DEFAULT_HOME, docs: Docs = False) -> None:
    """All benchmarks in full, on one stack; what `make bench` runs.

    Example: python -m headrace.bench all --write-docs
    """
    benchmarks: list[Benchmark] = [
        lambda bench: WriteBenchmark(bench, WriteSizes(rounds=rounds)).run(),
        lambda bench: BackfillBenchmark(bench, BackfillSizes(rounds=rounds)).run(),
        lambda bench: FunctionBenchmark(bench, FunctionSizes(rounds=rounds)).run(),
        lambda bench: WindowsBenchmark(bench, WindowSizes(rounds=rounds, aggregates=(*AggregateName,))).run(),
        lambda bench: OnlineBenchmark(bench.platform, bench.progress, OnlineSizes(), _rivals(home)).run(),
        lambda bench: MaterializeBenchmark(bench, MaterializeSizes(rounds=rounds), _rivals(home)).run(),
        lambda bench: CornersBenchmark(bench, CornerSizes()).run(),
        lambda bench: CandidateBenchmark(bench, CandidateSizes()).run(),
        lambda bench: StreamingBenchmark(bench, StreamingSizes(rounds=rounds)).run(),
    ]
    _run(benchmarks, home, None, docs=docs, services=WITH_KAFKA)
    joins = PointInTimeBenchmark(home.resolve(), Progress(), PointInTimeSizes(rounds=rounds))
    made = TensorBenchmark(home.resolve(), Progress(), TensorSizes(rounds=rounds))
    learnt = TrainerBenchmark(home.resolve(), Progress(), TrainerSizes())
    _told([joins.run(), made.run(), learnt.run()], home, None, docs=docs)


def _rivals(home: Path) -> Environments:
    """The environments of rivals, which are kept."""
    return Environments(home.resolve() / "environments", Progress())


def _run(
    benchmarks: Sequence[Benchmark],
    home: Path,
    json: Path | None,
    *,
    docs: bool,
    services: Sequence[str] = SERVICES,
) -> None:
    with running(home, Progress(), services) as bench:
        reports = [benchmark(bench) for benchmark in benchmarks]
    _told(reports, home, json, docs=docs)


def _told(reports: Sequence[BenchmarkReport], home: Path, json: Path | None, *, docs: bool) -> None:
    for report in reports:
        place = home / "results" / f"{report.benchmark}-{report.facts['date']}.json"
        report.save(place)
        if json is not None:
            report.save(json)
        if docs:
            write_docs(report)
        sys.stdout.write(f"\n{report.text()}\n\nresults: {place}\n")


if __name__ == "__main__":
    try:
        app(prog_name="python -m headrace.bench")
    except HeadraceError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
