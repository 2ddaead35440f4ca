"""Feast beside us on the same Cassandra: its process, its files, and the values that it is to serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.bench.environments import Environments
from headrace.bench.rival_process import RivalProcess
from headrace.connectors.cassandra import CassandraConnection

SCRIPT = Path(__file__).with_name("feast_side.py")


@dataclass(frozen=True)
class Finished:
    """Finished values of a view, a row for each entity: its `key`, a time, and the features by type."""

    view: str
    rows: pa.Table
    key: str
    time: str
    features: Mapping[str, str]

    @property
    def table(self) -> str:
        """Where Feast keeps them, a row for each value; the project is that of `feast_side.py`."""
        return f"feast_{self.view}"


@contextmanager
def feast(environments: Environments, cassandra: CassandraConnection, finished: Finished) -> Iterator[RivalProcess]:
    """Feast with a view of finished values, which its `materialize` writes into its online store.

    Raises:
        PreflightError: its environment cannot be made.
    """
    python = environments.python("feast")
    (host, port), *_ = cassandra.addresses
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        file = folder / "finished.parquet"
        pq.write_table(finished.rows, file)
        first = {
            "host": host,
            "port": port,
            "datacenter": cassandra.local_datacenter,
            "keyspace": cassandra.keyspace,
            "folder": name,
            "file": str(file),
            "view": finished.view,
            "key": finished.key,
            "time": finished.time,
            "features": dict(finished.features),
        }
        with RivalProcess(python, SCRIPT, folder, first) as process:
            yield process
