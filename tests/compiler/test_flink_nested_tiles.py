"""Which levels of which groups share their entries of state, and what is read out of them."""

from __future__ import annotations

import pytest

from headrace.compiler.flink_nested_tiles import MOST_BYTES, MOST_KEPT, Nesting, apart, nesting_of, together
from headrace.compiler.flink_tables import tile_columns
from headrace.compiler.plan import Column, Partial, TileGroup
from headrace.compiler.tiles import DAY_US, HOUR_US, LIFETIME_LEVELS_US
from headrace.features.scalar import column

MINUTE_US = 60_000_000
FIVE_US = 5 * MINUTE_US
COUNT = Partial("count", "name", column("name", "str"))
CENTS = Partial("sum", "cents", column("cents", "int"))
WEIGHT = Partial("max", "weight", column("weight", "float"))


def group(levels: tuple[int, ...], *partials: Partial) -> TileGroup:
    return TileGroup("f", (Column("shop", "str"),), None, levels, partials, (None,) * len(levels))


def least(numbers: int) -> list[Partial]:
    """The least of so many columns."""
    return [Partial("min", f"x{number}", column(f"x{number}", "int")) for number in range(numbers)]


@pytest.mark.parametrize(
    ("levels", "shared"),
    [
        ((FIVE_US,), None),
        ((FIVE_US, HOUR_US), (FIVE_US, HOUR_US)),
        ((FIVE_US, HOUR_US, DAY_US), (FIVE_US, HOUR_US)),
        ((HOUR_US, DAY_US), (HOUR_US, DAY_US)),
        ((MINUTE_US, HOUR_US, DAY_US), (HOUR_US, DAY_US)),
        ((FIVE_US, DAY_US), None),
        ((12 * HOUR_US, LIFETIME_LEVELS_US[0]), None),
        ((DAY_US, *LIFETIME_LEVELS_US), None),
    ],
)
def test_the_finest_two_levels_share_their_state_unless_one_is_much_wider_or_lasts(
    levels: tuple[int, ...], shared: tuple[int, int] | None
) -> None:
    assert nesting_of(group(levels, COUNT, CENTS, WEIGHT)) == shared


@pytest.mark.parametrize(
    "partial",
    [
        Partial("last", "name", column("name", "str")),
        Partial("newest", "cents", column("cents", "int"), 3),
        Partial("distinct", "name", column("name", "str")),
        Partial("max", "name", column("name", "str")),
    ],
    ids=lambda partial: partial.name,
)
def test_what_keeps_more_than_numbers_keeps_each_level_by_itself(partial: Partial) -> None:
    assert nesting_of(group((FIVE_US, HOUR_US), CENTS, partial)) is None


@pytest.mark.parametrize(
    ("partial", "numbers"),
    [
        (Partial("moments", "weight", column("weight", "float")), 3),
        (Partial("first", "weight", column("weight", "float")), 4),
        (Partial("last", "express", column("express", "bool")), 4),
    ],
    ids=["moments", "first", "last"],
)
def test_what_keeps_a_few_numbers_shares_its_state_and_counts_by_all_of_them(partial: Partial, numbers: int) -> None:
    levels, most = (FIVE_US, HOUR_US), 38
    assert nesting_of(group(levels, partial, *least(most - numbers))) == levels
    assert nesting_of(group(levels, partial, *least(most - numbers + 1))) is None


def test_more_numbers_than_there_are_bits_keep_each_level_by_itself() -> None:
    half_us = HOUR_US // 2
    assert nesting_of(group((half_us, HOUR_US), *least(MOST_KEPT))) is not None
    assert nesting_of(group((half_us, HOUR_US), *least(MOST_KEPT + 1))) is None


@pytest.mark.parametrize(("levels", "tiles", "numbers"), [((FIVE_US, HOUR_US), 12, 38), ((HOUR_US, DAY_US), 24, 17)])
def test_an_entry_of_too_many_bytes_keeps_each_level_by_itself(
    levels: tuple[int, int], tiles: int, numbers: int
) -> None:
    assert tiles * (4 + numbers) * 8 <= MOST_BYTES < tiles * (4 + numbers + 1) * 8
    assert nesting_of(group(levels, *least(numbers))) == levels
    assert nesting_of(group(levels, *least(numbers + 1))) is None


def test_each_partial_is_read_from_where_it_was_kept() -> None:
    tiles, shared = group((FIVE_US, HOUR_US), COUNT, CENTS, WEIGHT), Nesting(FIVE_US, HOUR_US)
    assert list(tile_columns(tiles).items()) == [("_tile1", FIVE_US), ("_tile2", HOUR_US)]
    kept = together(tiles, shared)
    assert "HR_TILES('sssG', `_tile1`, `_event_us`, CASE WHEN `_arg1` IS NULL" in kept
    assert "`_arg2`, `_arg2` / CAST(4294967296 AS BIGINT), `_arg3`)" in kept
    assert kept.endswith("GROUP BY `shop`, `_tile2`")
    read = apart(tiles, shared, "nested", {partial.name: "spent" for partial in tiles.partials})
    assert "`_x1` AS `count_name`" in read
    assert "HR_SUM_OF(`_x2`, `_x3`, 'spent') AS `sum_cents`" in read
    assert "`_x4` AS `max_weight`" in read


def test_partials_of_several_numbers_are_read_field_by_field() -> None:
    spread = Partial("moments", "weight", column("weight", "float"))
    oldest = Partial("first", "express", column("express", "bool"))
    tiles, shared = group((FIVE_US, HOUR_US), spread, oldest), Nesting(FIVE_US, HOUR_US)
    kept = together(tiles, shared)
    assert "HR_TILES('Mn', `_tile1`, `_event_us`, CASE WHEN `_arg1` IS NULL" in kept
    assert "-`_event_us`, -CAST(`_src_partition` AS BIGINT), -`_src_offset`)" in kept
    read = apart(tiles, shared, "nested", {spread.name: "a", oldest.name: "b"})
    assert "COALESCE(`_x1`, CAST(0 AS BIGINT)) AS `moments_weight_n`,\n  `_x2` AS `moments_weight_mean`" in read
    assert "`_x4` = CAST(1 AS BIGINT) AS `first_express`,\n  -`_x5` AS `first_express_us`" in read
    assert read.endswith("(`_start`, `_n`, `_newest`, `_x1`, `_x2`, `_x3`, `_x4`, `_x5`, `_x6`, `_x7`)")
