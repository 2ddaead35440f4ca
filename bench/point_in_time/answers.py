"""One answer to a point-in-time question, measured in a process of its own: `python answers.py NAME < question.json`.

A rival's interpreter runs this file alone, so nothing of headrace is imported at the top. Each answer imports and
declares what it must, and returns what is timed: reading the files, the join, and all rows in memory.
"""

# ruff: noqa: S608 (the names are the benchmark's own)
from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

#: From a question to what answers it; the question is `Question.to_json`'s.
Asked = dict[str, Any]
Answer = Callable[[], Any]
DAY_US = 86_400_000_000


def headrace(asked: Asked) -> Answer:
    """The product: a training set over the Iceberg table."""
    import pandas as pd  # noqa: F401 (pyarrow imports it when it first computes)

    from headrace.connectors.iceberg import IcebergCatalog
    from headrace.pipelines.defined_views import view_plans
    from headrace.pipelines.training_pipeline import TrainingSetPipeline
    from headrace.runtime.platform import Platform
    from headrace.runtime.settings import load_settings

    catalog = IcebergCatalog.sqlite("bench", Path(asked["lake"]))
    iceberg = {"catalog": catalog.name, "properties": dict(catalog.properties)}
    flags = {"home": asked["lake"], "project": "bench", "iceberg": iceberg}
    settings = load_settings(flags=flags, environment={}, folder=Path(asked["lake"]))
    mode = f"ttl {asked['ttl_us'] // DAY_US}d" if asked["ttl_us"] else "recomputed"
    platform, views = Platform(settings), view_plans(Path(asked["view"]))
    # pyiceberg is imported when a catalog is first opened.
    platform.iceberg.tables("raw")

    def answer() -> Any:
        pipeline = TrainingSetPipeline(platform, views, outside="flag")
        return pipeline.build(asked["labels"], asked["features"], mode=mode).to_arrow()

    return answer


def duckdb_by_hand(asked: Asked) -> Answer:
    """DuckDB's ASOF join, or for windows frames over events and labels together."""
    import duckdb
    import pyarrow as pa  # noqa: F401 (DuckDB imports it when it first makes a table)

    def answer() -> Any:
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql((_frames if asked["windows_us"] else _asof)(asked)).to_arrow_table()

    return answer


def pandas_merge_asof(asked: Asked) -> Answer:
    """`merge_asof`, which wants both sides in the order of time."""
    import pandas as pd
    import pyarrow.parquet as pq  # noqa: F401 (pandas imports it when it first reads)

    columns = ["sensor", "ts", *asked["features"]]
    tolerance = pd.Timedelta(asked["ttl_us"], "us") if asked["ttl_us"] else None

    def answer() -> Any:
        events = pd.concat([pd.read_parquet(file, columns=columns) for file in asked["files"]]).sort_values("ts")
        labels = pd.read_parquet(asked["labels"]).sort_values("event_timestamp")
        return pd.merge_asof(
            labels,
            events,
            left_on="event_timestamp",
            right_on="ts",
            by="sensor",
            tolerance=tolerance,
            allow_exact_matches=False,
        )

    return answer


def polars_join_asof(asked: Asked) -> Answer:
    """`join_asof`, lazily, so that only the needed columns are read."""
    import polars as pl

    columns = ["sensor", "ts", *asked["features"]]
    tolerance = f"{asked['ttl_us']}us" if asked["ttl_us"] else None

    def answer() -> Any:
        events = pl.scan_parquet(asked["files"]).select(columns).sort("ts")
        labels = pl.scan_parquet(asked["labels"]).sort("event_timestamp")
        return labels.join_asof(
            events,
            left_on="event_timestamp",
            right_on="ts",
            by="sensor",
            tolerance=tolerance,
            allow_exact_matches=False,
            check_sortedness=False,
        ).collect()

    return answer


def feast_duckdb(asked: Asked) -> Answer:
    """Feast's historical features from its DuckDB store."""
    from datetime import timedelta

    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    folder = mkdtemp(dir=asked["lake"])
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=f"{folder}/registry.db",
        offline_store={"type": "duckdb"},
        online_store={"type": "sqlite", "path": f"{folder}/online.db"},
        entity_key_serialization_version=3,
    )
    sensor = Entity(name="sensor", join_keys=["sensor"], value_type=ValueType.INT64)
    view = FeatureView(
        name="readings",
        entities=[sensor],
        ttl=timedelta(microseconds=asked["ttl_us"]),
        schema=[Field(name=name, dtype=Float64) for name in asked["features"]],
        source=FileSource(path=str(Path(asked["files"][0]).parent / "*.parquet"), timestamp_field="ts"),
    )
    store = FeatureStore(config=config)
    store.apply([sensor, view])

    def answer() -> Any:
        labels = pd.read_parquet(asked["labels"])
        features = [f"readings:{name}" for name in asked["features"]]
        return store.get_historical_features(entity_df=labels, features=features).to_arrow()

    return answer


ANSWERS: dict[str, Callable[[Asked], Answer]] = {
    answer.__name__: answer for answer in (headrace, duckdb_by_hand, pandas_merge_asof, polars_join_asof, feast_duckdb)
}


def _asof(asked: Asked) -> str:
    fresh = f"e.ts >= l.event_timestamp - to_microseconds({asked['ttl_us']})" if asked["ttl_us"] else "TRUE"
    values = ", ".join(f"CASE WHEN {fresh} THEN e.{name} END AS {name}" for name in asked["features"])
    return (
        f"SELECT l.*, {values} FROM read_parquet('{asked['labels']}') AS l\n"
        f"ASOF LEFT JOIN read_parquet({asked['files']}) AS e ON l.sensor = e.sensor AND l.event_timestamp > e.ts"
    )


def _frames(asked: Asked) -> str:
    functions = {"total_7d": "sum", "middle_7d": "avg", "least_7d": "min", "most_7d": "max"}
    values = ", ".join(f"{functions[name]}(counted) OVER week AS {name}" for name in asked["features"])
    return (
        f"SELECT * EXCLUDE (t, counted), {values} FROM (\n"
        f"SELECT *, epoch_us(event_timestamp) AS t FROM read_parquet('{asked['labels']}') UNION ALL BY NAME\n"
        f"SELECT sensor, epoch_us(ts) AS t, counted FROM read_parquet({asked['files']}))\n"
        f"WINDOW week AS (PARTITION BY sensor ORDER BY t RANGE BETWEEN {asked['windows_us']} PRECEDING AND 1 PRECEDING)"
        "\nQUALIFY label_id IS NOT NULL"
    )


def main() -> None:
    """Answer one question, write the rows where it says, and print what it cost."""
    asked = json.loads(sys.stdin.read())
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory_bytes"], asked["memory_bytes"]))
    answer = ANSWERS[sys.argv[1]](asked)
    wall, cpu = time.monotonic(), time.process_time()
    rows = answer()
    cost = {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu, "peak_mib": _peak_mib()}
    _write(rows, [*asked["kept"], *asked["features"]], asked["out"])
    sys.stdout.write(json.dumps(cost) + "\n")


def _peak_mib() -> float:
    """The most memory that this process has had since it began. No answer starts another process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def _write(rows: Any, columns: list[str], path: str) -> None:
    """The rows of a pandas, polars or Arrow table as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kind = type(rows).__module__.partition(".")[0]
    if kind == "pandas":
        rows = pa.Table.from_pandas(rows, preserve_index=False)
    if kind == "polars":
        rows = rows.to_arrow()
    pq.write_table(rows.select(columns), path)


if __name__ == "__main__":
    main()
