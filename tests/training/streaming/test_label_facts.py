"""A streaming trainer over the facts of a label join: each is visited once, or only those that it is to learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field
from headrace.errors import DefinitionError
from headrace.features.source import IcebergTable as Declared
from headrace.registry.model_states import Decision
from headrace.training.models.rebuild import rebuild
from headrace.training.streaming.candidates import register_committed
from headrace.training.streaming.label_facts import LabelFactsPipeline
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.runs import LearningRun, job_of, start, stop
from headrace.training.streaming.status import status_of
from headrace.training.streaming.trainer import Policy

from .lake import HERE, START_US, Lake, lake_in_process

pytestmark = pytest.mark.slow

#: What a label join tells of a logged row with one feature.
FIELDS = [Field("request", "string"), Field("x", "double"), Field("label", "boolean"), Field("label_time", "timestamp")]
FIELDS += [Field("fact", "string"), Field("fact_number", "bigint"), Field("number", "bigint")]
#: Of four rows one is labelled in time, one never, and two late.
ROWS = 4


class Frauds(LabelFactsPipeline):
    """A logistic model of all facts."""

    name = "frauds"
    source = Declared("labels.frauds")
    columns = ("x", "label", "fact_number", "number")
    places = PositionColumns("fact_number", "number")
    policy = Policy(candidate_rows=1_500)
    learner = "logistic:make"
    arguments: ClassVar = {"inputs": ["x"]}
    python_files = (HERE / "logistic.py",)
    micro_batch_seconds = 0.2
    checkpoint_interval = "500 ms"


class FirstFrauds(Frauds):
    """What was told first."""

    name = "first_frauds"
    facts = "first"


class LabelledFrauds(Frauds):
    """What was told with a label."""

    name = "labelled_frauds"
    facts = "labelled"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with lake_in_process(tmp_path_factory.mktemp("facts")) as (found, _):
        yield found


@pytest.fixture(scope="module")
def facts(lake: Lake) -> IcebergTable:
    """A thousand times four rows in two commits, the corrections in the second."""
    table = lake.platform.iceberg.create_table("labels", "frauds", FIELDS)
    for corrected in (False, True):
        rows = [row for number in range(1_000) for row in told(number, corrected=corrected)]
        table.append(pa.Table.from_pylist(rows, schema=table.table.schema().as_arrow()))
    return table


def told(number: int, *, corrected: bool) -> list[dict[str, object]]:
    """The facts of four rows of one commit."""
    ids = [{"request": f"r{one}", "number": one} for one in range(number * ROWS, (number + 1) * ROWS)]
    at = START_US + number
    if corrected:
        late = {"x": 1.0, "label": True, "label_time": at, "fact": "corrected", "fact_number": 2}
        return [{**id_, **late} for id_ in ids[2:]]
    waited = {"x": 1.0, "label": False, "label_time": None, "fact": "waited", "fact_number": 1}
    labelled = {"x": -1.0, "label": False, "label_time": at, "fact": "labelled", "fact_number": 1}
    return [{**ids[0], **labelled}, *({**id_, **waited} for id_ in ids[1:])]


def learned(lake: Lake, kind: type[Frauds], rows: int) -> LearningRun:
    """A run that has visited so many rows, by the counter in the learner's own state, and then has nothing to do."""
    run = start(lake.platform, kind(lake.platform).prepare())
    lake.wait(run, rows)
    status = status_of(lake.platform, run.run)
    stop(lake.platform, run.run)
    assert (status.arrived, status.visited, status.lag) == (rows, rows, 0)
    assert lake.steps(run.run)[-1].model_rows == rows
    return run


@pytest.mark.usefixtures("facts")
@pytest.mark.parametrize(("kind", "rows"), [(Frauds, 6_000), (FirstFrauds, 4_000)])
def test_each_fact_that_is_to_be_learned_is_visited_once_and_known_by_its_number_and_id_to_be_given_again(
    lake: Lake, kind: type[Frauds], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    run, store = learned(lake, kind, rows), lake.store()
    *_, last = register_committed(lake.platform.iceberg, store, job_of(lake.platform, run.run))
    made = store.register(kind.name, last.facts, Decision("ann", "learned"))
    assert made.facts.rows_seen > rows - 1_500
    assert rebuild(lake.platform, store, made.name).is_same


def test_what_was_learned_before_is_left_out_of_the_filtered_facts_too(lake: Lake, facts: IcebergTable) -> None:
    first, second = (found.snapshot_id for found in facts.refresh().table.snapshots())
    assert FirstFrauds(lake.platform, after=first, follow=False).prepare().skipped == 4_000
    assert LabelledFrauds(lake.platform, after=first, follow=False).prepare().skipped == 1_000
    assert first != second


def test_an_unknown_kind_of_facts_is_refused(lake: Lake) -> None:
    class Fist(Frauds):
        """A typo."""

        facts = "fist"  # type: ignore[assignment]

    with pytest.raises(DefinitionError, match=r"Fist\.facts is 'fist'; did you mean 'first'"):
        Fist(lake.platform)
