"""Rows as tensors, small: our side and a plain scan give the same rows, and other rows are refused."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.bench.environments import requirements
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.tensors.benchmark import OURS, SCAN, TensorBenchmark, TensorSizes
from headrace.bench.tensors.rows import COLUMNS, labelled_rows
from headrace.errors import StackError
from headrace.runtime.progress import Progress

ROWS = 3_000


def test_both_sides_give_all_rows_and_have_figures(tmp_path: Path) -> None:
    benchmark = TensorBenchmark(tmp_path, Progress(quiet=True), TensorSizes(ROWS, 1), (OURS, SCAN))
    report = benchmark.run()
    (question,) = report.questions
    assert set(question.sides) == {OURS, SCAN}
    assert all(min(cost.wall_s, cost.cpu_s, cost.peak_mib) > 0 for (cost,) in question.sides.values())
    assert f"| {SCAN} |" in report.markdown()
    assert not benchmark.folder.exists()


def test_rows_that_are_not_those_of_the_table_are_refused(tmp_path: Path) -> None:
    benchmark = TensorBenchmark(tmp_path, Progress(quiet=True), TensorSizes(ROWS, 1), (OURS,))
    benchmark._fill()
    rows = labelled_rows(ROWS).cast(pa.schema([(name, pa.float32()) for name in COLUMNS]), safe=False)
    pq.write_table(rows, benchmark._out)
    benchmark.compare("rival")
    for wrong in (rows.slice(1), pa.concat_tables([rows, rows.slice(0, 1)]), rows.set_column(0, "v0", rows["v1"])):
        pq.write_table(wrong, benchmark._out)
        with pytest.raises(OutputsDifferError, match=r"rival: (2,999|3,000|3,001) rows from 3,000"):
            benchmark.compare("rival")


def test_a_side_that_dies_says_why(tmp_path: Path) -> None:
    benchmark = TensorBenchmark(tmp_path, Progress(quiet=True), TensorSizes(ROWS, 1), (OURS,))
    benchmark._fill()
    for file in benchmark._files():
        file.unlink()
    with pytest.raises(StackError, match=r"headrace: .*is gone, though the snapshot is there"):
        benchmark.answer(OURS)


def test_the_rival_has_an_environment_of_its_own() -> None:
    assert requirements("tensors") == ["mosaicml-streaming==0.13.0", "torch==2.15.0", "pyarrow==26.0.1"]
