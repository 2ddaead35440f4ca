"""The streaming trainer's benchmark without Flink: which runs count, and what their figures come to."""

from __future__ import annotations

import pytest

from headrace.bench.measure import Measured, Spread
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.streaming.benchmark import require_alike, require_each_row_once
from headrace.bench.streaming.figures import Checkpointed, Learned, StreamingReport
from headrace.errors import JobError
from headrace.training.streaming.told import Candidate, LearnedStep

#: Places 0 to 4 in two micro-batches.
ONCE = {1: (3, 0, 2, 3), 2: (2, 3, 4, 7)}


def steps(places: dict[int, tuple[int, int, int, int]]) -> list[LearnedStep]:
    """Micro-batches that learned rows of partition 0: how many, the first and last place, and the sum of places."""
    return [
        LearnedStep("r", number, span[0], "learned", None, 0.5, "{}", 0, 0, 0, f'{{"0": {list(span)}}}', 0)
        for number, span in places.items()
    ]


def candidates(*visited: int) -> list[Candidate]:
    return [Candidate("r", number, "", 0, count, count, count, "{}", "{}", 0) for number, count in enumerate(visited)]


def test_a_run_that_learned_each_row_once_counts() -> None:
    require_each_row_once(steps(ONCE), candidates(3, 5), 5)


@pytest.mark.parametrize(
    ("places", "visited"),
    [
        ({1: (3, 0, 2, 3)}, [3]),
        ({**ONCE, 3: (1, 4, 4, 4)}, [5]),
        ({1: (3, 0, 2, 3), 2: (2, 4, 4, 8)}, [5]),
        ({1: (3, 0, 2, 3), 2: (2, 3, 5, 8)}, [5]),
        (ONCE, [3]),
        (ONCE, []),
        ({}, [5]),
    ],
    ids=["lacks some", "one more", "one twice", "another", "not all in a candidate", "no candidate", "nothing told"],
)
def test_a_run_that_did_not_learn_each_row_once_is_refused(
    places: dict[int, tuple[int, int, int, int]], visited: list[int]
) -> None:
    with pytest.raises(OutputsDifferError, match="5 rows were to be learned, each once; the last candidate of the run"):
        require_each_row_once(steps(places), candidates(*visited), 5)


def test_a_run_that_learned_something_else_is_refused() -> None:
    require_alike(0.4615, 0.460, 5)
    for wrong in (0.457, 0.463, float("nan")):
        with pytest.raises(OutputsDifferError, match=r"log loss .* in Flink, 0.46000 of the learner alone"):
            require_alike(wrong, 0.460, 5)


def test_a_job_without_a_checkpoint_is_no_figure() -> None:
    with pytest.raises(JobError, match=r"completed no checkpoint; Flink counts .*'failed': 3"):
        Checkpointed.read({"counts": {"completed": 0, "failed": 3}, "summary": {}})


def test_the_report_tells_starts_from_further_rows_and_has_what_checkpoints_cost() -> None:
    sides = {"in Flink": [Measured(1_000, 9.0, 6.0)], "alone": [Measured(1_000, 1.0, 0.5)]}
    kept = Checkpointed(7, 1, Spread(20, 30, 90), Spread(800, 900, 1_000), Spread(700, 800, 900))
    sides["in Flink, more often"] = [Measured(1_000, 9.0, 7.5)]
    jobs = {"in Flink": kept, "in Flink, more often": kept}
    learned = Learned("a model", sides, jobs, Measured(100, 8.0, 5.0), Measured(1_000, 9.0, 14.0))
    report = StreamingReport({"rows": 1_000}, [learned]).markdown()
    assert "| alone | 1,000 | 1.0 | 1,000 | 0.5 | 2,000 | 0.11 (0.11 to 0.11) | 0.083 (0.083 to 0.083) |" in report
    assert "| a model: in Flink | 14.0 | 5.0 | 900 |\n| a model: in Flink, more often |  |  | 360 |" in report
    assert "| a model: in Flink | 7 | 1 | 30.0 (20.0 to 90.0) | 900 | 800 |" in report
