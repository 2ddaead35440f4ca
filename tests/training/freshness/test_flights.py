"""The flights of a year: what the example's rows are, and that going on daily is worth something on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.examples.flights.lateness import FIELDS, Lateness, rows
from headrace.features.duration import UNITS_US
from headrace.training.freshness import Question, measure, parse_cadences

from .drifting import platform

#: Midnight in New York where March begins.
MARCH_US = 1_362_114_000_000_000


class Flights(Lateness):
    """The same rows under the name that the tests' lake has, and less often."""

    source = "raw.ones"
    epochs = 2


def test_going_on_daily_is_worth_something_on_the_flights_of_a_year(tmp_path: Path) -> None:
    flights = rows()
    assert flights.num_rows == 328_521
    assert flights["late"].null_count == flights["landed_at"].null_count == 1_175
    passed = pc.subtract(flights["landed_at"], flights["left_at"]).drop_null().cast(pa.int64()).to_numpy()
    assert UNITS_US["m"] * 20 < passed.min() < np.median(passed) < 4 * UNITS_US["h"]

    question = Question(parse_cadences("daily"), start_us=MARCH_US)
    found = measure(Flights(platform(tmp_path, flights, FIELDS), device="cpu"), question)
    (_, daily) = found.points
    assert found.tested == 277_337
    assert daily.difference is not None
    assert daily.difference.high < 0
    assert daily.rows_visited < found.tested + 1_000
