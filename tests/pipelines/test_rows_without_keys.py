"""Rows of a spine that name no entity: their values are NULL, and how many they are is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from .lake import FEATURES, Lake, command, spine, values, worked_example

ASKED = ["tx_count_1h", "points_1h", "user_unique_ip_30d"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return worked_example(tmp_path)


@pytest.mark.parametrize(
    ("cards", "users", "without", "words"),
    [
        ([2, 4, 6], [1, 1, 3], {}, "3 rows, 0 of them outside of history"),
        ([2, None, None], [1, 1, 3], {"cc_num": 2}, "of history, 2 of them without cc_num (NULL)"),
        (
            [None] * 3,
            [1, None, 3],
            {"cc_num": 3, "user_id": 1},
            "of history, 3 of them without cc_num (NULL), 1 of them without user_id (NULL)",
        ),
    ],
)
def test_rows_without_a_key_are_counted_by_its_name(
    lake: Lake, cards: list[Any], users: list[Any], without: dict[str, int], words: str
) -> None:
    frame = spine(cc_num=pd.array(cards, "Int64"), user_id=pd.array(users, "Int64"))
    made = lake.pipeline().build(frame, ASKED)
    assert (dict(made.without_key), made.coverage.endswith(words)) == (without, True)
    assert words in made._repr_html_()
    lacking = [card is None for card in cards]
    assert [value is None for value in values(made.rows, "points_1h")] == [True] * 3
    assert all(value is None for value, no in zip(values(made.rows, "tx_count_1h"), lacking, strict=True) if no)


def test_a_key_of_a_feature_that_is_not_asked_for_is_no_matter(lake: Lake) -> None:
    assert not lake.pipeline().build(spine(user_id=pd.array([None] * 3, "Int64")), ["tx_count_1h"]).without_key


def test_the_command_says_how_many_rows_have_no_key(lake: Lake) -> None:
    spine(cc_num=pd.array([2, None, 6], "Int64")).to_parquet(lake.folder / "spine.parquet")
    asked = ("--feature", "tx_count_1h", "--file", str(FEATURES))
    built = command(lake, "training-set", "build", "spine.parquet", *asked)
    assert "3 rows, 0 of them outside of history, 1 of them without cc_num (NULL), in Iceberg table" in built.stderr
