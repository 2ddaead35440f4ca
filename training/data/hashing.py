"""A hash of values that every process, platform and language can compute alike: FNV-1a, mixed like MurmurHash3.

FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/. Finalizer (fmix64): https://github.com/aappleby/smhasher, public
domain; it spreads a difference in any bit over all bits, which FNV-1a alone does not do for short texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[np.uint64]

FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
#: Steps of fmix64: shift and multiply, twice, then shift.
FMIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
FMIX_SHIFT = np.uint64(33)
#: The word of NULL: no text's hash by more than chance, and no number that anyone counts.
NULL_WORD = np.uint64(0x9E3779B97F4A7C15)


def hash_rows(columns: Sequence[pa.Array], salt: str = "") -> Words:
    """A 64-bit hash for each row of at least one column of equal length; NULL is a value like any other.

    The hash starts at the FNV-1a hash of `salt`, takes in for each column 8 bytes, lowest first, and is mixed at the
    end. The 8 bytes are those of a column's number (integers, booleans, days of dates, µs of instants), or the FNV-1a
    hash of its UTF-8 text. TypeError for columns of other types.

    >>> hash_rows([pa.array(["a", None, "a"]), pa.array([1, 1, 1])]).tolist()
    [3291124850271620029, 5968138368367565534, 3291124850271620029]
    """
    hashes = np.full(len(columns[0]), _fnv_text(salt), np.uint64)
    for column in columns:
        for byte in _bytes_of(_words(column)):
            hashes ^= byte
            hashes *= FNV_PRIME
    return _mixed(hashes)


def _bytes_of(words: Words) -> npt.NDArray[np.uint8]:
    """The bytes [8, rows] of numbers, lowest first; they share memory where the machine has them in this order."""
    return words.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8).T


def _words(column: pa.Array) -> Words:
    """The 8 bytes of each row, as a number."""
    if pa.types.is_dictionary(column.type) or is_text(column.type):
        return _text_words(column)
    return _number_words(column)


def is_text(type_: pa.DataType) -> bool:
    """Whether a type is text, with short or long offsets.

    >>> is_text(pa.large_string()), is_text(pa.binary())
    (True, False)
    """
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _text_words(column: pa.Array) -> Words:
    """FNV-1a of each text; of equal texts only once."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = np.append(_fnv_texts(encoded.dictionary), NULL_WORD)
    places = pc.fill_null(encoded.indices, len(encoded.dictionary))
    found: Words = words[places.to_numpy(zero_copy_only=False)]
    return found


def _number_words(column: pa.Array) -> Words:
    """The number of each row as 64 bits."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if not any(fits(column.type) for fits in (pa.types.is_integer, pa.types.is_boolean, pa.types.is_timestamp)):
        msg = f"no stable hash of {column.type}; expected text, integers, booleans, dates or instants"
        raise TypeError(msg)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    words: Words = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).astype(np.uint64)
    words[column.is_null().to_numpy(zero_copy_only=False)] = NULL_WORD
    return words


@cache
def _fnv_text(text: str) -> np.uint64:
    """FNV-1a of one text."""
    found: np.uint64 = _fnv_texts(pa.array([text]))[0]
    return found


def _fnv_texts(texts: pa.Array) -> Words:
    """FNV-1a of each text, byte place by byte place over all texts that are so long."""
    column = texts.cast(pa.large_binary())
    offsets = np.frombuffer(column.buffers()[1], np.int64, len(column) + 1, column.offset * 8)
    data = column.buffers()[2]
    bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    hashes, lengths = np.full(len(column), FNV_OFFSET), np.diff(offsets)
    rows, place = np.flatnonzero(lengths), 0
    while rows.size:
        hashes[rows] = (hashes[rows] ^ bytes_[offsets[rows] + place].astype(np.uint64)) * FNV_PRIME
        place += 1
        rows = rows[lengths[rows] > place]
    return hashes


def _mixed(hashes: Words) -> Words:
    """fmix64."""
    for factor in FMIX:
        hashes = (hashes ^ (hashes >> FMIX_SHIFT)) * factor
    return hashes ^ (hashes >> FMIX_SHIFT)
