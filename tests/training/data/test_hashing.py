"""The stable hash, against a byte by byte computation in plain Python and published values of FNV-1a."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.training.data.hashing import NULL_WORD, hash_rows

WORD = 2**64
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fnv(data: bytes, start: int = 0xCBF29CE484222325) -> int:
    for byte in data:
        start = (start ^ byte) * 0x100000001B3 % WORD
    return start


def word(value: Any) -> int:
    if value is None:
        return int(NULL_WORD)
    if isinstance(value, str):
        return fnv(value.encode())
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1) % WORD
    return (value - EPOCH.date()).days % WORD if isinstance(value, date) else int(value) % WORD


def expected(row: Sequence[Any], salt: str) -> int:
    found = fnv(salt.encode())
    for value in row:
        found = fnv(word(value).to_bytes(8, "little"), found)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        found = (found ^ found >> 33) * factor % WORD
    return found ^ found >> 33


INT64 = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
COLUMNS = {
    pa.string(): st.text(max_size=12),
    pa.large_string(): st.text(max_size=3),
    pa.int64(): INT64,
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): INSTANTS,
}


@settings(max_examples=150)
@given(st.data(), st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=3), st.text(max_size=4))
def test_a_row_hashes_as_its_bytes_one_by_one(data: st.DataObject, types: list[pa.DataType], salt: str) -> None:
    rows = data.draw(st.lists(st.tuples(*(st.none() | COLUMNS[one] for one in types)), min_size=1, max_size=8))
    columns = [pa.array(values, type_) for values, type_ in zip(zip(*rows, strict=True), types, strict=True)]
    assert hash_rows(columns, salt).tolist() == [expected(row, salt) for row in rows]


def test_the_oracle_computes_published_values_of_fnv_1a() -> None:
    published = {b"": 0xCBF29CE484222325, b"a": 0xAF63DC4C8601EC8C, b"foobar": 0x85944171F73967E8}
    assert {text: fnv(text) for text in published} == published


def test_a_slice_and_a_dictionary_hash_as_the_values_they_show() -> None:
    texts = pa.array(["left out", "", None, "zürich", ""])
    plain = [expected([value], "") for value in texts.to_pylist()[1:]]
    assert hash_rows([texts[1:]]).tolist() == hash_rows([texts[1:].dictionary_encode()]).tolist() == plain


def test_a_float_has_no_stable_hash() -> None:
    with pytest.raises(TypeError, match=r"no stable hash of double; expected text, integers"):
        hash_rows([pa.array([0.5])])
