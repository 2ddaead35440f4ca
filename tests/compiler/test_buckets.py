from itertools import pairwise

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiler.buckets import bucket_of, counted, merged, packed, quantiles, unpacked, value_of
from headrace.compiler.duckdb_sketches import quantiles_sql, rounded_sql

from .events import quantile, rounded

#: All magnitudes, those that meet 2^32 among them, and where digits run out.
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.builds(lambda digits, power: digits * 2.0**power, st.integers(-260, 260), st.integers(-40, 40)),
    st.sampled_from([0.0, -0.0, 5e-324, 2.0**-1022, -(2.0**-1022), 1.7976931348623157e308]),
)
LISTS = st.lists(NUMBERS, max_size=30)
SHARES = ["0", "0.25", "0.5", "0.700001", "0.999999", "1"]


def millionths(share: str) -> int:
    return round(float(share) * 1_000_000)


@given(number=NUMBERS)
def test_a_number_moves_by_one_in_128_at_most(number: float) -> None:
    found = value_of(bucket_of(number))
    assert abs(found - number) <= max(abs(number) / 128, 2.0**-1022)


@pytest.mark.parametrize("number", range(-128, 129))
def test_whole_numbers_to_128_stay_as_they_are(number: int) -> None:
    assert value_of(bucket_of(float(number))) == number


def test_buckets_are_in_the_order_of_their_numbers() -> None:
    numbers = [value_of(bucket) for bucket in (-65472, -65471, -64, 0, 64, 65471, 65472)]
    assert all(one < other for one, other in pairwise(numbers))


@given(numbers=LISTS, split=st.randoms(use_true_random=False), parts=st.integers(1, 5))
def test_any_split_gives_the_bytes_of_the_whole(numbers: list[float], split, parts: int) -> None:
    tiles: dict[int, list[float]] = {}
    for number in numbers:
        tiles.setdefault(split.randrange(parts), []).append(number)
    found = [unpacked(packed(counted(tile)) or b"") for tile in tiles.values()]
    assert packed(merged(found)) == packed(counted(numbers))


@given(numbers=LISTS, share=st.sampled_from(SHARES))
def test_a_quantile_is_the_value_of_its_rank(numbers: list[float], share: str) -> None:
    found = quantiles(counted(numbers), [millionths(share)])
    assert found == (None if not numbers else [quantile(numbers, share)])


def test_the_largest_numbers_round_to_a_finite_one() -> None:
    assert value_of(bucket_of(1.7976931348623157e308)) == (2 - 2**-6) * 2.0**1023


def by_duckdb(numbers: list[float], sql: str) -> list:
    connection = duckdb.connect()
    connection.register("numbers", pa.table({"x": pa.array(numbers, pa.float64())}))
    return [row[0] for row in connection.execute(f"SELECT {sql} FROM numbers").fetchall()]


@settings(max_examples=50)
@given(numbers=LISTS, share=st.sampled_from(SHARES))
def test_duckdb_rounds_and_ranks_alike(numbers: list[float], share: str) -> None:
    assert by_duckdb(numbers, rounded_sql("x")) == [value_of(bucket_of(number)) for number in numbers]
    found = by_duckdb(numbers, quantiles_sql("x", "", [millionths(share)]))
    assert found == [quantiles(counted(numbers), [millionths(share)])]


def test_a_number_4_billion_times_smaller_than_the_largest_counts_as_0() -> None:
    numbers, shares = [2.0**32, 1.0, 1.02, -1.0, -1.02], [0, 400_000, 600_000, 800_000]
    assert quantiles(counted(numbers), shares) == [rounded(-1.02), 0.0, 0.0, rounded(1.02)]
    assert by_duckdb(numbers, quantiles_sql("x", "", shares)) == [quantiles(counted(numbers), shares)]


def test_a_rank_is_found_in_whole_numbers() -> None:
    """In floating point 0.56 of 25 is above 14, and 0.07 of 100 above 7."""
    for size, share, rank in ((25, 560_000, 14.0), (100, 70_000, 7.0)):
        numbers = [float(number) for number in range(1, size + 1)]
        assert quantiles(counted(numbers), [share]) == [rank]
        assert by_duckdb(numbers, quantiles_sql("x", "", [share])) == [[rank]]


def test_the_bytes_are_those_of_flink() -> None:
    """The same as in theBytesAreThoseOfPython of HrBucketsTest."""
    counts = counted([1.0, 0.0, -1.0, 1.0, 1e-300, 0.999])
    expected = "ffff00400000000000000001" + "000000000000000000000002" + "0000ffc00000000000000003"
    assert (packed(counts) or b"").hex() == expected


def test_there_are_at_most_4097_buckets() -> None:
    everything = {bucket: 1 for bucket in range(-131007, 131008) if abs(bucket) >= 64}
    assert len(merged([everything])) == 4097
