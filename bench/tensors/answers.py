"""All rows of a table as arrays, measured in a process of its own: `python answers.py NAME < question.json`.

A rival's interpreter runs this file alone, so nothing of headrace is imported at the top. Each side imports and
declares what it must, and returns what is timed: reading the files, and every row in memory as float32.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Asked = dict[str, Any]
#: Numbers float32 [rows, n] and labels float32 [rows], some rows at a time.
Parts = list[tuple[Any, Any]]
Side = Callable[[], Parts]


def headrace(asked: Asked) -> Side:
    """The product: shuffled micro-batches of a pinned snapshot."""
    from headrace.connectors.iceberg import IcebergCatalog
    from headrace.training.data import Encoding, Label, Order, PinnedDataset, PinnedRows, Raw, Snapshot

    catalog = IcebergCatalog.sqlite("bench", Path(asked["lake"]))
    rows = PinnedRows(Snapshot.named(catalog, asked["table"]))
    features = {name: Raw(mask=False) for name in asked["numbers"]}
    fitted = rows.fit(Encoding(features, Label(asked["label"])))

    def answer() -> Parts:
        dataset = PinnedDataset(rows, fitted, batch_size=asked["batch"], order=Order(1))
        return [(one.numbers, one.label) for one in dataset]

    return answer


def pyarrow_scan(asked: Asked) -> Side:
    """A plain scan by pyarrow's threads, each batch to NumPy as it comes: no order, no micro-batches."""
    import numpy as np
    import pyarrow.dataset as ds

    def matrix(batch: Any) -> Any:
        found = np.empty((batch.num_rows, len(asked["numbers"])), np.float32)
        for place, name in enumerate(asked["numbers"]):
            found[:, place] = batch[name].to_numpy()
        return found

    def answer() -> Parts:
        columns = [*asked["numbers"], asked["label"]]
        scanned = ds.dataset(asked["files"], format="parquet").to_batches(columns=columns)
        return [(matrix(batch), batch[asked["label"]].to_numpy().astype(np.float32)) for batch in scanned]

    return answer


def mosaicml_streaming(asked: Asked) -> Side:
    """MosaicML Streaming over shards that were written before, shuffled, by as many workers as there are cores."""
    import numpy as np
    import pyarrow.dataset as ds
    from streaming import MDSWriter, StreamingDataset
    from torch.utils.data import DataLoader

    shards = f"{asked['lake']}/shards"
    if not Path(shards, "index.json").exists():
        table = ds.dataset(asked["files"], format="parquet").to_table()
        numbers = np.stack([table[name].to_numpy().astype(np.float32) for name in asked["numbers"]], axis=1)
        labels = table[asked["label"]].to_numpy().astype(np.float32)
        columns = {"numbers": f"ndarray:float32:{numbers.shape[1]}", "label": "float32"}
        with MDSWriter(out=shards, columns=columns) as writer:
            for row, label in zip(numbers, labels, strict=True):
                writer.write({"numbers": row, "label": label})

    def answer() -> Parts:
        dataset = StreamingDataset(local=shards, shuffle=True, shuffle_seed=1, batch_size=asked["batch"])
        loader = DataLoader(dataset, batch_size=asked["batch"], num_workers=asked["workers"])
        return [(batch["numbers"], batch["label"]) for batch in loader]

    return answer


SIDES: dict[str, Callable[[Asked], Side]] = {
    side.__name__: side for side in (headrace, pyarrow_scan, mosaicml_streaming)
}


def main() -> None:
    """Answer one question, write the rows where it says, and print what it cost."""
    asked = json.loads(sys.stdin.read())
    answer = SIDES[sys.argv[1]](asked)
    wall, cpu = time.monotonic(), _cpu_s()
    parts = answer()
    cost = {"wall_s": time.monotonic() - wall, "cpu_s": _cpu_s() - cpu, "peak_mib": _peak_mib()}
    _write(parts, asked)
    sys.stdout.write(json.dumps(cost) + "\n")


def _cpu_s() -> float:
    """Processor seconds of this process and its threads, and of its workers that have ended."""
    import os

    # The first by the scheduler's own clock: `os.times` counts by hundredths of a second.
    return time.process_time() + os.times().children_user + os.times().children_system


def _peak_mib() -> float:
    """The most memory that this process, without workers, has had since it began."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


def _write(parts: Parts, asked: Asked) -> None:
    """All rows as Parquet, with the numbers by their names."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = np.concatenate([np.asarray(one) for one, _ in parts])
    columns = {name: numbers[:, place] for place, name in enumerate(asked["numbers"])}
    pq.write_table(
        pa.table({**columns, asked["label"]: np.concatenate([np.asarray(one) for _, one in parts])}), asked["out"]
    )


if __name__ == "__main__":
    main()
