"""Encoders: against NumPy and plain Python, whole or in parts; fitted once, kept as JSON, applied alike for ever."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ColumnTypeError, DatasetError, DefinitionError, UnknownColumnError
from headrace.training.data import Dates, Encoding, Fitted, Flag, Hash, Label, Raw, Standardize, Vocabulary, fits
from headrace.training.data.encoders import Encoder

from .test_hashing import expected as stable_hash

QUICK = settings(max_examples=80)
NEW_YORK = "America/New_York"
NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
TYPES = {
    "amt": pa.float64(),
    "count": pa.int64(),
    "card": pa.string(),
    "ok": pa.bool_(),
    "ts": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "label": pa.float64(),
}
ROW = st.fixed_dictionaries(
    {
        "amt": st.none() | NUMBERS,
        "count": st.none() | st.integers(-(2**62), 2**62),
        "card": st.none() | st.sampled_from("abcdeé"),
        "ok": st.none() | st.booleans(),
        "ts": st.none() | INSTANTS,
        "day": st.none() | st.dates(),
        "label": st.sampled_from([0.0, 1.0]),
    }
)
EVERYTHING = Encoding(
    {
        "amt": [Standardize(), Raw()],
        "count": [Standardize(mask=False), Vocabulary(3), Hash(16)],
        "card": [Vocabulary(3, min_count=2), Hash(8), Hash(8, salt="other")],
        "ok": [Flag(), Hash(2)],
        "ts": Dates(NEW_YORK),
        "day": [Dates(parts=("day_of_week", "day_of_year")), Hash(4)],
    },
    Label("label"),
)
FITTED_ON = [
    {"amt": 3.0, "count": 2, "card": "a", "ok": True, "ts": None, "day": None, "label": 0.0},
    {"amt": 5.5, "count": 2, "card": "a", "ok": None, "ts": None, "day": None, "label": 1.0},
    {"amt": None, "count": 9, "card": "b", "ok": False, "ts": None, "day": None, "label": 1.0},
]


def table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], type_) for name, type_ in TYPES.items()})


def column(name: str, values: Sequence[Any], type_: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, type_ or TYPES[name])], [name])


def encoded(encoder: Encoder, name: str, fit: Sequence[Any], values: Sequence[Any]) -> torch.Tensor:
    """What one encoder, fitted on some values of a column, makes of others: its numbers or its categories."""
    found = Encoding({name: encoder}).fit([column(name, fit)]).encode(column(name, values))
    return found.numbers if found.numbers.shape[1] else found.categories


@QUICK
@given(st.lists(ROW, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=4))
def test_rows_are_encoded_alike_however_they_are_batched(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    fitted = EVERYTHING.fit([table(FITTED_ON)])
    whole = fitted.encode(table(rows))
    edges = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    for first, last in pairwise(edges):
        part = fitted.encode(table(rows).slice(first, last - first))
        assert torch.equal(part.numbers, whole.numbers[first:last])
        assert torch.equal(part.categories, whole.categories[first:last])
        assert torch.equal(part.positions, torch.arange(last - first))
    assert torch.isfinite(whole.numbers).all()
    sizes = torch.tensor([one.size for one in fitted.categories])
    assert ((whole.categories >= 0) & (whole.categories < sizes)).all()
    assert whole.numbers.shape[1] == len(fitted.numbers)


@QUICK
@given(st.lists(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=6), min_size=1, max_size=5))
def test_standardized_numbers_have_mean_0_and_deviation_1_whatever_the_batches(parts: list[list[float | None]]) -> None:
    values = [one for part in parts for one in part]
    present = np.array([one for one in values if one is not None], np.float64)
    encoding = Encoding({"amt": Standardize()})
    batches = [column("amt", part) for part in parts]
    if not present.size:
        with pytest.raises(DatasetError, match=r"has no number in the training split|no rows to fit on"):
            encoding.fit(batches)
        return
    numbers = encoding.fit(batches).encode(column("amt", values)).numbers.numpy()
    # Squares of the smallest numbers are 0.
    deviation = (present.std() if present.max() > present.min() else 0.0) or 1.0
    wanted = [0.0 if one is None else (one - present.mean()) / deviation for one in values]
    tolerance = 1e-5 + 1e-9 * np.abs(present).max() / deviation
    np.testing.assert_allclose(numbers[:, 0], wanted, atol=tolerance, rtol=1e-5)
    assert numbers[:, 1].tolist() == [float(one is None) for one in values]


def test_moments_do_not_cancel_far_from_zero() -> None:
    values = (1e9 + np.arange(1_000) % 7).tolist()
    encoding = Encoding({"amt": Standardize(mask=False)})
    numbers = encoding.fit([column("amt", values[:400]), column("amt", values[400:])]).encode(column("amt", values))
    assert float(numbers.numbers.numpy().astype(np.float64).std()) == pytest.approx(1.0, abs=1e-6)


def test_a_constant_becomes_0_and_not_a_number_by_its_rounding() -> None:
    assert encoded(Standardize(mask=False), "amt", [0.1] * 1_000, [0.1, 0.3])[:, 0].tolist() == pytest.approx([0, 0.2])


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf, 1e39])
@pytest.mark.parametrize("encoder", [Raw(), Standardize()])
def test_what_is_no_finite_number_is_0_and_missing(encoder: Encoder, bad: float | None) -> None:
    assert encoded(encoder, "amt", [1.0, 2.0], [bad, 0.0])[0].tolist() == [0.0, 1.0]
    assert encoded(encoder, "amt", [1.0, 2.0, bad], [0.0])[0, 1] == 0.0


@QUICK
@given(
    st.lists(st.lists(st.none() | st.sampled_from("abcdef"), max_size=9), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_a_vocabulary_is_the_most_frequent_values(parts: list[list[str | None]], size: int, least: int) -> None:
    counted = Counter(one for part in parts for one in part if one is not None)
    kept = sorted((one for one in counted if counted[one] >= least), key=lambda one: (-counted[one], one))[:size]
    asked = [None, "unheard of", *"abcdef"]
    fitted = Encoding({"card": Vocabulary(size, least)}).fit([column("card", part) for part in [*parts, [None]]])
    found = fitted.encode(column("card", asked)).categories[:, 0].tolist()
    assert found == [0, 1, *(kept.index(one) + 2 if one in kept else 1 for one in "abcdef")]
    assert fitted.categories[0].size == len(kept) + 2


def test_counts_that_are_merged_on_the_way_are_those_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "MERGED_AT", 2)
    parts = ["aab", "bcc", "c", "ddc", "a"]
    fitted = Encoding({"card": Vocabulary()}).fit([column("card", list(part)) for part in parts])
    # Four times c, three a, then b and d twice each.
    assert fitted.encode(column("card", list("cabd"))).categories[:, 0].tolist() == [2, 3, 4, 5]


def test_a_vocabulary_of_integers_knows_them_in_every_width() -> None:
    fitted = Encoding({"count": Vocabulary()}).fit([column("count", [7, 7, 5])])
    assert fitted.encode(column("count", [5, 7, None, 8], pa.int32())).categories[:, 0].tolist() == [3, 2, 0, 1]
    with pytest.raises(
        ColumnTypeError, match="Vocabulary of column 'count', fitted on integer, takes integer; found s"
    ):
        fitted.encode(column("count", ["7"], pa.string()))


def test_a_value_that_is_too_great_for_a_column_is_not_met_there() -> None:
    great, wrapped = 5_000_000_000, 5_000_000_000 - 2**32
    fitted = Encoding({"count": Vocabulary()}).fit([column("count", [great, great, great, 7, 7, 5])])
    assert fitted.encode(column("count", [great, 7, 5])).categories[:, 0].tolist() == [2, 3, 4]
    narrow = column("count", [wrapped, 7, None, 5, -1], pa.int32())
    assert fitted.encode(narrow).categories[:, 0].tolist() == [1, 3, 0, 4, 1]


def test_a_vocabulary_of_a_column_without_values_takes_all_as_unseen() -> None:
    assert encoded(Vocabulary(), "card", [None], ["a", None]).tolist() == [[1], [0]]


@QUICK
@given(st.lists(st.none() | st.text(max_size=5), min_size=1, max_size=8), st.integers(1, 50))
def test_a_hashed_category_has_the_bucket_of_its_stable_hash(values: list[str | None], buckets: int) -> None:
    wanted = [0 if one is None else 1 + stable_hash([one], "") % buckets for one in values]
    assert encoded(Hash(buckets), "card", ["a"], values)[:, 0].tolist() == wanted
    dictionary = pa.array(values, pa.string()).dictionary_encode()
    batch = pa.RecordBatch.from_arrays([dictionary], ["card"])
    fitted = Encoding({"card": [Hash(buckets), Vocabulary()]}).fit([batch])
    assert fitted.encode(batch).categories[:, 0].tolist() == wanted


@QUICK
@given(INSTANTS, st.sampled_from(["UTC", NEW_YORK, "Asia/Kathmandu"]))
def test_times_lie_on_circles_of_local_day_week_and_year(instant: datetime, zone: str) -> None:
    local = instant.astimezone(ZoneInfo(zone))
    turns = [
        (local.hour + local.minute / 60) / 24,
        local.weekday() / 7,
        (local.timetuple().tm_yday - 1) / 365.25,
    ]
    wanted = [f(2 * math.pi * turn) for turn in turns for f in (math.sin, math.cos)]
    found = encoded(Dates(zone), "ts", [instant], [instant, None]).tolist()
    assert found[0] == pytest.approx(wanted, abs=1e-6)
    assert found[1] == [0.0] * 6


def test_dates_have_no_hour() -> None:
    day = [date(2026, 1, 5)]
    found = encoded(Dates(parts=("day_of_week",)), "day", day, [*day, date(2026, 1, 6)]).tolist()
    assert found == [[0.0, 1.0], [pytest.approx(math.sin(2 * math.pi / 7)), pytest.approx(math.cos(2 * math.pi / 7))]]
    with pytest.raises(ColumnTypeError, match=r"Dates of column 'day': a date has no hour; name parts without it"):
        Encoding({"day": Dates()}).fit([column("day", day)])


def test_what_is_missing_is_told_beside_each_column() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [1.0, 2.0, 3.0], "b": [4.0, None, 6.0], "c": [None, 8.0, 9.0]})
    found = Encoding({"a": Raw(), "b": Raw(mask=False), "c": Raw()}).fit([rows]).encode(rows)
    assert found.numbers.tolist() == [[1, 0, 4, 0, 1], [2, 0, 0, 8, 0], [3, 0, 6, 9, 0]]


def test_great_numbers_whose_squares_are_none_are_not_missing() -> None:
    great = [1e30, -3e38, 0.5]
    rows = pa.RecordBatch.from_pydict({"a": great, "b": [1.0, 2.0, 3.0]})
    found = Encoding({"a": Raw(), "b": Raw()}).fit([rows]).encode(rows).numbers
    assert torch.equal(found[:, 0], torch.tensor(great))
    assert found[:, 1:].tolist() == [[0, 1, 0], [0, 2, 0], [0, 3, 0]]


def test_columns_are_found_wherever_they_are_in_rows() -> None:
    columns = {"a": pa.array([1.0, 2.0]), "b": pa.array([3.0, 4.0]), "y": pa.array([0.0, 1.0])}
    fitted = Encoding({"a": Raw(mask=False), "b": Raw(mask=False)}, Label("y")).fit([pa.record_batch(columns)])
    for names in ("aby", "bay", "yba"):
        rows = pa.record_batch({name: columns[name] for name in names})
        assert fitted.encode(rows).numbers.tolist() == [[1, 3], [2, 4]]
        assert fitted.encode(rows.select([*"ba"]), labels=False).numbers.tolist() == [[1, 3], [2, 4]]


def test_flags_are_0_and_1_and_missing() -> None:
    assert encoded(Flag(), "ok", [True], [True, False, None]).tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]


def test_an_encoding_is_kept_as_canonical_json_that_encodes_the_same() -> None:
    fitted = EVERYTHING.fit([table(FITTED_ON)])
    text = fitted.to_json()
    again = Fitted.from_json(text.encode())
    assert again.to_json() == text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert again.digest == fitted.digest
    one, other = fitted.encode(table(FITTED_ON)), again.encode(table(FITTED_ON))
    assert torch.equal(one.numbers, other.numbers)
    assert torch.equal(one.categories, other.categories)
    assert (again.numbers, again.categories) == (fitted.numbers, fitted.categories)
    assert EVERYTHING.fit([table(FITTED_ON)]).to_json() == text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "format 2; this version of headrace reads 1"),
        (
            {"columns": [{"column": "a", "encoder": {"is": "hach", "buckets": 2}}]},
            "no encoder 'hach'; did you mean 'hash'",
        ),
        ({"columns": [{"column": "a", "encoder": {"is": "raw", "code": "x"}}]}, "unexpected keyword argument 'code'"),
        ({"columns": None}, "not iterable"),
    ],
)
def test_what_is_no_encoding_is_refused(change: dict[str, Any], why: str) -> None:
    text = json.loads(EVERYTHING.fit([table(FITTED_ON)]).to_json()) | change
    with pytest.raises(DatasetError, match=f"is not what headrace writes: .*{why}"):
        Fitted.from_json(json.dumps(text))
    with pytest.raises(DatasetError, match="is not what headrace writes: UnicodeDecodeError"):
        Fitted.from_json(b"\x80\x04K\x01.")


def test_columns_that_cannot_be_encoded_are_refused_with_a_suggestion() -> None:
    rows = table(FITTED_ON)
    fitted = Encoding({"amt": Raw(), "card": Hash(3)}).fit([rows])
    with pytest.raises(UnknownColumnError, match=r"encoding: no column 'card'; did you mean 'cards'\?"):
        fitted.encode(rows.rename_columns(["cards" if name == "card" else name for name in rows.column_names]))
    with pytest.raises(UnknownColumnError, match=r"^label: no column 'lable'; did you mean 'label'\?"):
        Encoding({"amt": Raw()}, Label("lable")).fit([rows])
    with pytest.raises(UnknownColumnError, match=r"^label: no column 'label'"):
        EVERYTHING.fit([rows]).encode(rows.drop_columns(["label"]))
    with pytest.raises(ColumnTypeError, match=r"Standardize of column 'card' takes float or integer; found string"):
        Encoding({"card": Standardize()}).fit([rows])
    with pytest.raises(ColumnTypeError, match=r"Raw of column 'amt', fitted on float, takes float or integer; found s"):
        fitted.encode(rows.set_column(0, "amt", rows["card"]))
    naive = column("ts", [None], pa.timestamp("us"))
    with pytest.raises(ColumnTypeError, match=r"takes date or instant; found timestamp\[us\]$"):
        Encoding({"ts": Dates()}).fit([naive])


def test_rows_of_another_schema_are_looked_at_though_those_before_were_well() -> None:
    rows = pa.RecordBatch.from_pydict({"amt": [1.0, 2.0], "label": [0.0, 1.0]})
    fitted = Encoding({"amt": Raw()}, Label("label")).fit([rows])
    for _ in range(2):
        assert len(fitted.encode(rows)) == 2
    assert len(fitted.encode(rows.select(["amt"]), labels=False)) == 2
    with pytest.raises(UnknownColumnError, match="no column 'label'"):
        fitted.encode(rows.select(["amt"]))
    with pytest.raises(ColumnTypeError, match="Raw of column 'amt'"):
        fitted.encode(pa.RecordBatch.from_pydict({"amt": ["1", "2"], "label": [0.0, 1.0]}))


def test_an_encoding_that_cannot_be_is_refused() -> None:
    for wrong, why in {
        lambda: Encoding({}): "no column is encoded",
        lambda: Encoding({"card": [Hash(3), Hash(3)]}): "'card__hash_3' is there twice; keep one",
        lambda: Encoding({"late": Raw()}, Label("late")): "label 'late' is among the features, .* take it out of them",
        lambda: Label("a", low="0"): "label 'a': low = '0': expected a number; found str",  # type: ignore[arg-type]
        lambda: Label("a", high=math.nan): "label 'a': high = nan: expected a number; found NaN, which bounds nothing",
        lambda: Label("a", low=1, high=0): "label 'a': low = 1 is above high = 0, so that no label is within",
        lambda: Label(""): "label '': expected the name of a column",
        lambda: Hash(0): "Hash: expected buckets of 1 or more; found 0",
        lambda: Vocabulary(min_count=0): "Vocabulary: expected min_count of 1 or more",
        lambda: Dates("Amerika/New_York"): "no zone 'Amerika/New_York'; did you mean 'America/New_York'",
        lambda: Dates(parts=("day",)): "no part 'day'; known: day_of_week",
        lambda: Label("a", bad="drop"): "no policy 'drop'; known: leave_out, refuse",  # type: ignore[arg-type]
    }.items():
        with pytest.raises(DefinitionError, match=why):
            wrong()


LABELS = {
    "NULL": (None, r"1 of 4 rows are NULL, the first at position 2 with None"),
    "not finite": (math.nan, r"1 of 4 rows are not finite, the first at position 2 with nan"),
    "not finite ": (-math.inf, r"1 of 4 rows are not finite, the first at position 2 with -inf"),
    "out of bounds": (7.0, r"1 of 4 rows are out of bounds \[0, 1\], the first at position 2 with 7.0"),
}


@pytest.mark.parametrize("reason", LABELS)
def test_a_label_that_is_none_is_refused_or_left_out_and_counted(reason: str) -> None:
    bad, why = LABELS[reason]
    values = [0.0, 1.0, bad, 1.0]
    rows = pa.table({"amt": [1.0, 2.0, 300.0, 4.0], "label": pa.array(values, pa.float64())})

    def encoding(bad: Any) -> Encoding:
        return Encoding({"amt": Standardize(mask=False)}, Label("label", 0, 1, bad=bad))

    with pytest.raises(DatasetError, match=f"label 'label': {why}; clean them, or leave them out"):
        encoding("refuse").fit([rows])
    fitted = encoding("leave_out").fit([rows])
    assert fitted.labels is not None
    assert (fitted.rows, fitted.labels.left_out, fitted.labels.mean) == (3, {reason.strip(): 1}, pytest.approx(2 / 3))
    # The row whose label counts for nothing is not fitted on either.
    assert fitted.encoders == Encoding({"amt": Standardize(mask=False)}).fit([rows.take([0, 1, 3])]).encoders
    found = fitted.encode(rows, np.array([10, 11, 12, 13]))
    assert found.label is not None
    assert (found.label.tolist(), found.positions.tolist()) == ([0.0, 1.0, 1.0], [10, 11, 13])
    assert len(fitted.encode(rows.select(["amt"]), labels=False)) == 4


def test_bad_labels_are_counted_through_all_parts_before_they_are_refused() -> None:
    labels = ([0.0, 1.0], [None, 7.0], [None, None])
    parts = [pa.table({"amt": [1.0, 2.0], "label": pa.array(two, pa.float64())}) for two in labels]
    with pytest.raises(DatasetError, match="3 of 6 rows are NULL, the first at position 2 with None"):
        Encoding({"amt": Raw()}, Label("label", 0, 1)).fit(parts)


def test_labels_that_are_all_alike_are_refused() -> None:
    rows = table([row | {"label": 1.0} for row in FITTED_ON])
    with pytest.raises(DatasetError, match=r"label 'label': all 3 labels of the training split are 1;"):
        EVERYTHING.fit([rows])


def test_labels_that_are_all_left_out_are_refused_with_the_reasons() -> None:
    rows = pa.table({"amt": [1.0, 2.0], "label": pa.array([None, math.nan])})
    with pytest.raises(DatasetError, match=r"label 'label': no row has one; left out: {'NULL': 1, 'not finite': 1}"):
        Encoding({"amt": Raw()}, Label("label", bad="leave_out")).fit([rows])


def test_a_label_that_is_not_there_or_no_number_is_refused() -> None:
    rows = table(FITTED_ON)
    with pytest.raises(UnknownColumnError, match=r"no column 'lable'; did you mean 'label'\?"):
        Encoding({"amt": Raw()}, Label("lable")).fit([rows])
    with pytest.raises(ColumnTypeError, match=r"label 'card' takes boolean or float or integer; found string"):
        Encoding({"amt": Raw()}, Label("card")).fit([rows])
    fitted = Encoding({"amt": Raw()}, Label("label")).fit([rows])
    with pytest.raises(UnknownColumnError, match="no column 'label'"):
        fitted.encode(rows.select(["amt"]))
    booleans = rows.set_column(6, "label", pa.array([True, False, True]))
    assert fitted.encode(booleans).label.tolist() == [1.0, 0.0, 1.0]  # type: ignore[union-attr]


def test_no_rows_are_nothing_to_fit_on() -> None:
    with pytest.raises(DatasetError, match="there are no rows to fit on"):
        EVERYTHING.fit([])
