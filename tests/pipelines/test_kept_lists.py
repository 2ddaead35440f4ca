"""Training sets with lists are kept like all others: stored, explained, made again bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.errors import RequestError
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.stored_columns import stored
from headrace.pipelines.training_set import rows_fingerprint

from .lake import FEATURES, Lake, at, command, spine, values, worked_example

LISTS = ["latest_1d", "usual_1d", "user_top_ips_30d"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return worked_example(tmp_path)


def test_lists_are_kept_in_iceberg_and_made_again_bit_for_bit(lake: Lake) -> None:
    pipeline, saved = lake.pipeline(), SavedTrainingSets(lake.platform)
    made = pipeline.build(spine(), LISTS)
    record = made.save()
    rows = saved.rows(record)
    assert values(rows, "latest_1d", "user_top_ips_30d") == [
        ([20.0, 10.0], ["10.0.0.0", "10.0.0.1"]),
        ([30.0], ["10.0.0.0", "10.0.0.1"]),
        (None, ["10.0.0.0", "10.0.0.1"]),
    ]
    assert values(rows, *LISTS) == values(made.rows, *LISTS)
    lake.pay([(at("21:00"), 2, 999.0)])
    assert saved.rebuild(record.id).is_identical
    assert values(saved.explain(record, rows, 0)["latest_1d"], "amount") == [10.0, 20.0]


def test_the_command_keeps_lists_and_writes_them_to_a_file(lake: Lake) -> None:
    spine(seen=[["a", None], [], None]).to_parquet(lake.folder / "spine.parquet")
    asked = [word for name in LISTS for word in ("--feature", name)]
    built = command(
        lake, "training-set", "build", "spine.parquet", *asked, "--file", str(FEATURES), "--out", "rows.parquet"
    )
    assert built.returncode == 0, built.stderr
    assert values(pq.read_table(lake.folder / "rows.parquet"), "latest_1d") == [[20.0, 10.0], [30.0], None]
    id_ = built.stdout.strip()
    assert (
        "latest_1d: [20.0, 10.0] from 2 rows" in command(lake, "training-set", "show", id_, "--explain-row", "0").stdout
    )
    assert command(lake, "training-set", "rebuild", id_).returncode == 0
    saved = SavedTrainingSets(lake.platform)
    assert values(saved.rows(saved.get(id_)), "seen") == [["a", None], [], None]


@pytest.mark.parametrize(
    "type_", [pa.list_(pa.int32()), pa.large_list(pa.int64()), pa.list_(pa.dictionary(pa.int8(), pa.int16()))]
)
def test_equal_lists_are_stored_alike_whatever_arrow_calls_their_type(type_: Any) -> None:
    given = [[1, None], [], None]
    found = stored(pa.table({"a": pa.array(given, type_)}))
    assert found.equals(stored(pa.table({"a": pa.array(given, pa.list_(pa.field("l", pa.int64())))})))
    assert found["a"].to_pylist() == given


def test_fingerprints_tell_lists_apart() -> None:
    given: list[list[list[Any] | None]] = [
        [["a", "b"], []],
        [["a"], ["b"]],
        [["ab"], []],
        [["a", "b"], None],
        [["a", None], []],
        [["b", "a"], []],
    ]
    one = pa.table({"l": given[0]})
    assert rows_fingerprint(one) == rows_fingerprint(pa.concat_tables([one.slice(0, 1), one.slice(1)]))
    assert len({rows_fingerprint(pa.table({"l": lists})) for lists in given}) == len(given)
    floats = [pa.table({"l": [[value]]}) for value in (0.0, -0.0, float("nan"))]
    assert len({rows_fingerprint(rows) for rows in floats}) == len(floats)


def test_a_list_of_lists_is_refused_by_column() -> None:
    with pytest.raises(RequestError, match=r"column 'd' is list<.*list<.*, which is not stored; .* or lists of"):
        stored(pa.table({"d": [[["a"]]]}))
