import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiler.duckdb_sketches import top_k_sql
from headrace.compiler.tally import BOUND, HEAD_BYTES, Counts, merged, packed, top, unpacked

from .events import aggregate

ARROW = {"int": pa.int64(), "bool": pa.bool_(), "str": pa.string()}
VALUES = {
    "int": st.one_of(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1)),
    "bool": st.booleans(),
    "str": st.one_of(st.sampled_from(["", "a", "é", "z", "😀"]), st.text(st.characters(codec="utf-8"))),
}


def counts_of(values: list, type_: str) -> Counts:
    return merged([{value: 1} for value in values], type_)


@pytest.mark.parametrize("type_", VALUES)
@given(data=st.data(), split=st.randoms(use_true_random=False), parts=st.integers(1, 5))
def test_any_split_gives_the_bytes_of_the_whole(type_: str, data: st.DataObject, split, parts: int) -> None:
    values = data.draw(st.lists(VALUES[type_], max_size=30))
    tiles: dict[int, list] = {}
    for value in values:
        tiles.setdefault(split.randrange(parts), []).append(value)
    found = [unpacked(packed(counts_of(tile, type_), type_) or b"", type_) for tile in tiles.values()]
    assert packed(merged(found, type_), type_) == packed(counts_of(values, type_), type_)


@pytest.mark.parametrize("type_", VALUES)
@settings(max_examples=50)
@given(data=st.data())
def test_python_and_duckdb_give_the_most_frequent_and_of_equals_the_least_first(
    type_: str, data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.none() | VALUES[type_], max_size=30))
    expected = aggregate("top_k:3", [placed(value) for value in values], lambda row: row["value"])
    assert top(counts_of([value for value in values if value is not None], type_), 3) == expected
    assert by_duckdb(values, type_) == expected


def placed(value: object) -> dict:
    return {"value": value, "ordered_at": 0, "_src_partition": 0, "_src_offset": 0}


def by_duckdb(values: list, type_: str) -> list | None:
    connection = duckdb.connect()
    connection.register("given", pa.table({"x": pa.array(values, ARROW[type_])}))
    ((found,),) = connection.execute(f"SELECT {top_k_sql('x', '', type_, 3)} FROM given").fetchall()
    return found


#: For each type as many values as fit, and one more.
FULL = {
    "int": [list(range(BOUND // (HEAD_BYTES + 8))), [-1]],
    "str": [["é" * 1000, "x" * (BOUND - 2000 - 2 * HEAD_BYTES)], [""]],
}


@pytest.mark.parametrize("type_", FULL)
def test_values_that_do_not_fit_are_null_whichever_comes_last(type_: str) -> None:
    full, one_more = FULL[type_]
    assert top(counts_of(full, type_), 3) == sorted(full)[:3] == by_duckdb(full, type_)
    assert len(packed(counts_of(full, type_), type_) or b"") > BOUND - 20
    for values in ([*full, *one_more], [*one_more, *full]):
        assert counts_of(values, type_) is None
        assert by_duckdb(values, type_) is None
    too_many = unpacked(packed(None, type_) or b"", type_)
    assert merged([counts_of(one_more, type_), too_many], type_) is None


def test_the_bytes_are_those_of_flink() -> None:
    """The same as in theBytesAreThoseOfPython of HrTallyTest."""
    expected = "000000000000000000000001" + "00000001000000000000000362" + "000000020000000000000002c3a9"
    assert (packed({"é": 2, "b": 3, "": 1}, "str") or b"").hex() == expected
    assert (packed({True: 1}, "bool") or b"").hex() == "00000001000000000000000101"
