import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.newest import packed, unpacked

PLACES = st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**63 - 1))
VALUES = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "str": st.text(),
}


@pytest.mark.parametrize("type_", VALUES)
@given(data=st.data())
def test_what_is_packed_comes_back(type_: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.tuples(st.none() | VALUES[type_], PLACES), max_size=5))
    rows = [(value, *place) for value, place in values]
    assert unpacked(packed(rows, type_), type_) == rows


def test_the_bytes_are_those_of_flink() -> None:
    """The rows, and byte for byte what theNewestRowsAreTheSameInAnyOrderAndAnySplit expects of HR_LAST_N."""
    places = [f"{5:016x}{1:08x}{2:016x}", f"{5:016x}{1:08x}{1:016x}", f"{5:016x}{0:08x}{9:016x}"]
    lengths, values = [21, 22, 23], ["00", "01" + "62", "01" + "c3a9"]
    expected = "".join(f"{n:08x}{place}{value}" for n, place, value in zip(lengths, places, values, strict=True))
    assert packed([(None, 5, 1, 2), ("b", 5, 1, 1), ("é", 5, 0, 9)], "str").hex() == expected
