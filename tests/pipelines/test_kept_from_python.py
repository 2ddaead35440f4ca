"""A training set that Python made is kept as the command keeps one: by the same id, with its spine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from headrace.errors import ConnectorError, RequestError
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.training_pipeline import training_set
from headrace.pipelines.training_set import TrainingSet

from .lake import DAY, FEATURES, Lake, command, spine, worked_example

ASKED = ["tx_max_1h", "user_unique_ip_30d"]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Where the command runs, too: a plan names its file as seen from there, and is part of what an id is of."""
    monkeypatch.chdir(tmp_path)
    return worked_example(tmp_path)


def of(lake: Lake, given: Any) -> TrainingSet:
    return training_set(given, ASKED, definitions=FEATURES, mode="last_write", settings=lake.settings)


@pytest.mark.parametrize("given", [pd.DataFrame, pa.Table.from_pandas], ids=["pandas", "arrow"])
def test_a_set_that_python_saves_is_the_one_that_the_command_keeps(lake: Lake, given: Any) -> None:
    id_ = of(lake, given(spine())).save().id
    rows = json.loads(command(lake, "training-set", "show", id_, "--format", "json").stdout)
    assert [(row["tid"], row["is_fraud"], row["tx_max_1h"], row["user_unique_ip_30d"]) for row in rows] == [
        ("0122", 0, 20.0, 3),
        ("0298", 0, 30.0, 3),
        ("7539", 1, None, 7),
    ]
    again = command(lake, "training-set", "rebuild", id_)
    assert (again.returncode, again.stdout.count("equal to the record")) == (0, 2)
    spine().to_parquet(lake.folder / "spine.parquet")
    asked = [word for name in ASKED for word in ("--feature", name)]
    options = ("--mode", "last_write", "--file", str(FEATURES))
    assert command(lake, "training-set", "build", "spine.parquet", *asked, *options).stdout.strip() == id_
    assert [one.id for one in SavedTrainingSets(lake.platform).all()] == [id_]


def test_a_set_that_cannot_be_kept_stays_in_memory_and_leaves_nothing_behind(lake: Lake) -> None:
    made = of(lake, spine(clock=[DAY.time()] * 3))
    with pytest.raises(RequestError, match=r"column 'clock' is time64\[us\], which is not stored"):
        made.save()
    assert len(made.to_pandas()) == 3
    assert (SavedTrainingSets(lake.platform).all(), lake.platform.iceberg.tables("training_sets")) == ([], [])
    assert not lake.payments.refresh().tags()


def test_a_table_of_the_same_id_that_has_more_rows_is_not_taken_for_the_set(lake: Lake) -> None:
    made = of(lake, spine())
    kept = made.save()
    table = lake.platform.iceberg.named(kept.table)
    table.append(table.arrow().slice(0, 1))
    with pytest.raises(ConnectorError, match=f"Iceberg table {kept.table}: expected 3 rows, found 4$"):
        made.save()
    assert lake.platform.iceberg.named(kept.table).arrow(kept.snapshot_id).num_rows == 3
