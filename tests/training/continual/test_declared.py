"""What can be declared of learning and evaluating, and what cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import DefinitionError
from headrace.training.continual import DriftSpec, Evaluating, Retraining

from .desk import Desk

WRONG: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (Retraining, {}, "has no condition, so that it would never be due; give every, rows or drift"),
    (Retraining, {"every": "soon"}, "retraining: every: 'soon' is no duration"),
    (Retraining, {"every": "0s"}, "every = '0s': expected more than nothing"),
    (Retraining, {"every": 60}, "retraining: every: 60 is no duration"),
    (Retraining, {"rows": 0}, "retraining: rows = 0: expected a whole number, 1 or more"),
    (Retraining, {"rows": True}, "rows = True: expected a whole number"),
    (Retraining, {"drift": 0.002}, "drift = 0.002: expected a DriftSpec"),
    (Retraining, {"rows": 1, "start": "champoin"}, "start = 'champoin'; did you mean 'champion'"),
    (Retraining, {"rows": 1, "attempts": 101}, "attempts = 101: expected a whole number, 1 to 100"),
    (Retraining, {"rows": 1, "backoff": ""}, "retraining: backoff: '' is no duration"),
    (Retraining, {"rows": 1, "backoff": "25h"}, "retraining: backoff = '25h': expected at most 1d"),
    (Evaluating, {"rows": -1}, "evaluating: rows = -1: expected a whole number, 1 or more"),
    (Evaluating, {"every": "1y"}, "evaluating: every: '1y' is no duration"),
    (Evaluating, {"promote": "yes"}, "promote = 'yes': expected True or False"),
]


@pytest.mark.parametrize(("kind", "options", "why"), WRONG)
def test_what_cannot_be_meant_is_refused_where_it_is_written(
    kind: Callable[..., Any], options: dict[str, Any], why: str
) -> None:
    with pytest.raises(DefinitionError, match=why.replace("(", r"\(")):
        kind(**options)


def test_learning_and_evaluating_are_declared_apart() -> None:
    learning = Retraining(every="1d", rows=500, drift=DriftSpec(), start="newest")
    assert learning.learns_on
    assert Evaluating().always
    assert not Evaluating(rows=10_000).always


@pytest.mark.parametrize("source", ["", "raw.trips@7", "trips-20260101"])
def test_a_schedule_needs_a_table_to_which_rows_come(tmp_path: Path, source: str) -> None:
    with pytest.raises(DefinitionError, match=r"schedules: source is .*; expected a table"):
        Desk(tmp_path).pipeline(Retraining(rows=1), source=source)
    with pytest.raises(DefinitionError, match=r"schedules: source is .*; expected a table"):
        Desk(tmp_path / "other").pipeline(evaluating=Evaluating(), source=source)


def test_a_schedule_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"evaluating: expected .*Evaluating.*, found '1d'"):
        Desk(tmp_path).pipeline(evaluating="1d")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"retrainin = .* is no option; did you mean 'retraining'"):
        Desk(tmp_path / "other").pipeline(retrainin=Retraining(rows=1))
