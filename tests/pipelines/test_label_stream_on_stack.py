"""A label join over real topics and their archives: stopped, resumed, and told as DuckDB tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from headrace.pipelines.label_runs import resume, stop
from headrace.runtime.settings import Settings

from .case import wait_until
from .outcomes import PARTITIONS, Labelled, closing, drawn

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FIRST, SECOND = drawn(300, seed=1), drawn(300, seed=2, first=300)


@pytest.fixture(scope="module")
def labelled(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelled]:
    found = Labelled(stack_settings, tmp_path_factory.mktemp("labelled"))
    try:
        yield found
    finally:
        found.close()


def test_facts_are_those_of_the_oracle_through_stop_and_resume(labelled: Labelled) -> None:
    labelled.send(FIRST[:400])
    labelled.archive()
    run = labelled.start()
    labelled.send(FIRST[400:])
    labelled.wait_read(run)
    stop(labelled.platform, run.run)
    labelled.send(SECOND)
    labelled.note(resume(labelled.platform, run.run))
    labelled.send(closing(SECOND))
    labelled.wait_read(run)
    oracle = labelled.oracle()
    expected = replace(oracle.counts, orphan=oracle.counts.orphan - PARTITIONS)
    wait_until(lambda: labelled.status(run).counts == expected, lambda: f"{labelled.status(run)} is not {expected}")
