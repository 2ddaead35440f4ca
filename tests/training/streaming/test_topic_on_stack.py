"""A trainer on a topic of the real stack: records judged as views do it, each once by the topic's own offsets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.runtime.settings import Settings
from headrace.training.streaming.candidates import register_committed
from headrace.training.streaming.runs import job_of, resume, stop
from headrace.training.streaming.status import status_of

from .river import BROKEN, EARLY_LABEL, LABEL_TO_COME, LATE, River, river_on

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def river(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[River]:
    with river_on(stack_settings, tmp_path_factory.mktemp("river")) as found:
        yield found


def test_each_record_of_a_topic_is_learned_once_or_is_a_dead_letter_through_stop_and_resume(river: River) -> None:
    river.more(1_150, bad=[BROKEN, LATE, EARLY_LABEL, LABEL_TO_COME])
    run = river.begin()
    river.wait(run, river.records)
    stop(river.platform, run.run)
    river.more(730, bad=[BROKEN, BROKEN, LATE])
    again = resume(river.platform, run.run)
    river.wait(again, river.records)
    stop(river.platform, run.run)
    river.assert_each_record_once(run.run)
    found = status_of(river.platform, run.run)
    assert (found.lag, found.arrived, found.visited, found.dead) == (0, river.records, river.good, len(river.bad))
    kept = register_committed(river.platform.iceberg, river.store(), job_of(river.platform, run.run))
    for facts in (one.facts for one in kept):
        assert facts.label_cutoff == river.cutoff(facts.offsets)
        assert sum(end for _, end in facts.offsets.values()) >= facts.rows_seen > 0
    assert len(kept) > 1
    assert set(kept[-1].facts.offsets) == {f"{river.topic}-{partition}" for partition in river.log()}
