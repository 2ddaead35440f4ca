"""Labels of pinned rows are looked at as a whole: counted, and told by their places in the snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.errors import ColumnTypeError, DatasetError, UnknownColumnError
from headrace.features.instant import instant_us
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.filters import TimeRange
from headrace.training.data.label_look import check_labels
from headrace.training.data.label_time import LabelTime
from headrace.training.data.labels import Label
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot

FIELDS = (Field("at", "timestamp"), Field("known", "timestamp"), Field("x", "double"), Field("late", "double"))
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW_US = instant_us(START + timedelta(days=1))
MINUTE = timedelta(minutes=1)
TIMES = LabelTime("known", "at")


def row(number: int, late: float | None = 0.0, known: int | None = 1) -> dict[str, object]:
    """A row whose label came so many minutes behind it."""
    at = START + number * MINUTE
    return {"at": at, "known": None if known is None else at + known * MINUTE, "x": float(number), "late": late}


def rows_of(folder: Path, *changed: tuple[int, dict[str, object]]) -> PinnedRows:
    """40 rows in two files, in row groups of 5, some of them changed; the first 10 belong to another split."""
    properties = {"write.parquet.row-group-limit": "5"}
    table = IcebergCatalog.sqlite("house", folder).create_table("raw", "trips", FIELDS, properties)
    found = [row(number, number % 2) for number in range(40)]
    for place, one in changed:
        found[place] = one
    schema = pa.schema([(field.name, pa.timestamp("us", "UTC")) for field in FIELDS[:2]])
    schema = pa.schema([*schema, ("x", pa.float64()), ("late", pa.float64())])
    for half in (found[:25], found[25:]):
        table.append(pa.Table.from_pylist(half, schema))
    return PinnedRows(Snapshot.of(table), (TimeRange("at", instant_us(START + 10 * MINUTE), None),))


def test_the_newest_time_of_a_label_that_counts_is_told(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, (30, row(30, 1.0, known=500)), (31, row(31, None, known=900)), (3, row(3, known=800)))
    assert check_labels(rows, Label("late", bad="leave_out"), TIMES, NOW_US) == instant_us(START + 530 * MINUTE)
    assert check_labels(rows, Label("late", bad="leave_out"), None, NOW_US) is None


def test_a_bad_label_is_told_by_its_place_in_the_snapshot_and_all_are_counted(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, (2, row(2, None)), (17, row(17, None)), (18, row(18, None)), (33, row(33, None)))
    told = "label 'late': 3 of 30 rows are NULL, the first at position 17 with None"
    with pytest.raises(DatasetError, match=told):
        check_labels(rows, Label("late"), None, NOW_US)
    with pytest.raises(DatasetError, match=told):
        rows.fit(Encoding({"x": Raw()}, Label("late")))


WRONG = {
    "label time known is before event time at": (row(16, known=-1), row(31, known=-1)),
    "label time known is yet to come": (row(16, known=3_000), row(31, known=3_000)),
    "label time known is missing": (row(16, known=None), row(31, known=None)),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_label_that_was_not_known_between_its_event_and_now_is_refused(tmp_path: Path, why: str) -> None:
    first, second = WRONG[why]
    rows = rows_of(tmp_path, (4, row(4, known=-1)), (16, first), (31, second))
    told = rf"raw.trips@\d+: {why}: 2 of 30 rows, the first at position 16; look at the columns of times"
    with pytest.raises(DatasetError, match=told):
        check_labels(rows, Label("late"), TIMES, NOW_US)
    unlabelled = Label("late", low=-1, high=-1, bad="leave_out")
    assert check_labels(rows, unlabelled, TIMES, NOW_US) is None


def test_columns_of_times_are_there_and_hold_instants(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    with pytest.raises(UnknownColumnError, match=r"no column 'knwon'; did you mean 'known'\?"):
        check_labels(rows, Label("late"), LabelTime("knwon"), NOW_US)
    with pytest.raises(ColumnTypeError, match="column 'x' is double; expected instants with a zone, or bigint µs"):
        check_labels(rows, Label("late"), LabelTime("known", "x"), NOW_US)
