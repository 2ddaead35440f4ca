"""From parent to child a model visits each row once: what its line has learned is not read again, unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_source
from headrace.connectors.kafka import TopicDescription
from headrace.connectors.schema import LEDGER_NAMESPACE, archive_fields
from headrace.errors import CutoverError, SettingsError
from headrace.features.source import IcebergTable, KafkaTopic, Source, event_time
from headrace.registry.model_facts import Facts, ModelVersion
from headrace.registry.model_states import Decision
from headrace.runtime.cutover import LogRange
from headrace.runtime.legs import TOPIC_ID
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.streaming.candidates import candidate_of, committed
from headrace.training.streaming.learned_before import refuse_learned
from headrace.training.streaming.tables import CANDIDATES, STEPS
from headrace.training.streaming.told import Candidate, LearnedStep, Verdict
from headrace.training.streaming.topic_rows import Beginning, TopicRows
from headrace.training.streaming.trainer import Policy

from .lake import Labels, Lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    settings = load_settings(
        flags={"home": str(tmp_path), "iceberg": {"properties": catalog}}, environment={}, folder=tmp_path
    )
    return Lake(Platform(settings))


def registered(lake: Lake, arrived: int, **asked: object) -> Facts:
    """The facts of a version of which so many rows have arrived in a run that is asked for like this."""
    store = lake.store()
    job = Labels(lake.platform, **asked).prepare()  # type: ignore[arg-type]
    artifact = store.artifacts.put({"model.json": b'{"weights": [0.5, 1.5, 2.5]}'})
    told = Candidate(job.run, 1, artifact, 1, arrived, arrived, arrived, "{}", "{}", 7)
    facts = candidate_of(told, job, {}).facts
    store.register("labels", facts, Decision("tester", "to go on from"))
    return facts


def newest(lake: Lake) -> int:
    found = lake.table.refresh().current_snapshot_id()
    assert found is not None
    return found


def test_a_table_that_the_parent_has_learned_is_not_learned_again_unless_that_is_asked_for(lake: Lake) -> None:
    lake.more(2_000)
    registered(lake, 2_000, follow=False)
    learned = newest(lake)
    for follow in (True, False):
        said = rf"labels@1 has learned the first 2,000 rows of raw\.labelled, .* again; give --after {learned} to begin"
        with pytest.raises(CutoverError, match=said):
            Labels(lake.platform, start="labels@1", follow=follow).prepare()
    assert registered(lake, 2_000, start="labels@1", again=True).training["again"] is True
    lake.more(10)
    assert Labels(lake.platform, start="labels@1", after=learned).prepare().skipped == 2_000
    # What knows nothing learns all.
    assert Labels(lake.platform).prepare().parent is None


def test_rows_are_learned_again_only_by_a_version_to_start_from(lake: Lake) -> None:
    with pytest.raises(SettingsError, match=r"model labels: again: .* name one to start from \(--from\), or leave out"):
        Labels(lake.platform, again=True)


def test_a_snapshot_before_what_an_ancestor_has_learned_is_refused_and_one_behind_it_is_told(lake: Lake) -> None:
    snapshots = []
    for count in (3, 2, 4, 1):
        lake.more(count)
        snapshots.append(newest(lake))
    # A run that followed, until four of the first five rows had arrived, and one that went on from it elsewhere.
    facts = registered(lake, 4)
    assert facts.snapshots == {}
    elsewhere = replace(facts, parent="labels@1", training={**facts.training, "source": "raw.others"})
    lake.store().register("others", elsewhere, Decision("tester", "another model, from another table"))
    said = f"labels@1 .* begins with row 4, after snapshot {snapshots[0]}: it would learn 1 of them again; give "
    with pytest.raises(CutoverError, match=said + f"--after {snapshots[1]} "):
        Labels(lake.platform, start="others@1", after=snapshots[0]).prepare()
    assert Labels(lake.platform, start="others@1", after=snapshots[1]).prepare().skipped == 5
    assert registered(lake, 5, start="others@1", after=snapshots[1]).training["behind"] == 10


def test_where_no_snapshot_has_all_that_was_learned_none_is_told(lake: Lake) -> None:
    lake.more(3)
    registered(lake, 4)
    for after in (None, newest(lake)):
        with pytest.raises(CutoverError, match=r"it would learn \d of them again; give --again to learn them again$"):
            Labels(lake.platform, start="labels@1", after=after).prepare()


def test_of_a_full_training_its_snapshot_tells_and_where_nothing_tells_a_start_has_to_be_named(lake: Lake) -> None:
    lake.more(3)
    first = newest(lake)
    facts = registered(lake, 3)
    lake.more(2)
    full = replace(facts, snapshots={"raw.labelled": first}, training={"kind": "full"})
    older = replace(facts, training={"kind": "stream", "source": "raw.labelled", "topic": False})
    for number, one in enumerate((full, older), 2):
        lake.store().register("labels", one, Decision("tester", "to go on from"))
        assert Labels(lake.platform, start=f"labels@{number}", after=first).prepare().skipped == 3
    with pytest.raises(CutoverError, match=rf"labels@2 has learned the first 3 rows .* give --after {first} to begin"):
        Labels(lake.platform, start="labels@2").prepare()
    with pytest.raises(CutoverError, match=r"labels@3 has learned from raw\.labelled, and how far is not known"):
        Labels(lake.platform, start="labels@3").prepare()


class Halting(Labels):
    """A model that is not learned on behind a micro-batch at which it failed."""

    policy = Policy(candidate_rows=1)


def tell(lake: Lake, name: str, *told: LearnedStep | Candidate) -> None:
    table = lake.platform.iceberg.load(LEDGER_NAMESPACE, name)
    table.append(pa.Table.from_pylist([asdict(one) for one in told], schema=table.table.schema().as_arrow()))


def test_of_a_run_that_halted_refused_rows_are_learned_and_those_that_came_after_the_halt_are_not(lake: Lake) -> None:
    snapshots = []
    for count in (3, 3, 1, 3):
        lake.more(count)
        snapshots.append(newest(lake))
    job = Halting(lake.platform).prepare()
    # One row of the first four was left out, and of all others each was refused.
    verdicts = ((Verdict.LEARNED, 4), (Verdict.REFUSED, 6), (Verdict.DIVERGED, 7), (Verdict.HALTED, 10))
    steps = (
        LearnedStep(job.run, number, 1, verdict, None, 0.5, "{}", arrived, 3, 3, "{}", number)
        for number, (verdict, arrived) in enumerate(verdicts, 1)
    )
    tell(lake, STEPS, *steps)
    artifact = lake.store().artifacts.put({"model.json": b'{"weights": [0.5, 1.5, 2.5]}'})
    tell(lake, CANDIDATES, Candidate(job.run, 1, artifact, 1, 4, 3, 3, "{}", "{}", 7))
    tell(lake, CANDIDATES, Candidate(job.run, 2, artifact, 4, 10, 3, 3, "{}", "{}", 9))
    found = [one.facts for one in committed(lake.platform.iceberg, lake.store(), job)]
    assert [one.training["behind"] for one in found] == [4, 7]
    lake.store().register("labels", found[-1], Decision("tester", "to go on from"))
    for before in snapshots[:2]:
        with pytest.raises(CutoverError, match=rf"the first 7 rows of raw\.labelled, .* give --after {snapshots[2]} "):
            Labels(lake.platform, start="labels@1", after=before).prepare()
    assert Labels(lake.platform, start="labels@1", after=snapshots[2]).prepare().skipped == 7


class Rides(Source):
    """Labelled rows of a topic, and those that were archived."""

    history = IcebergTable("raw.labelled")
    live = KafkaTopic("rides")
    x: float
    at: datetime = event_time()


class Archived(Source):
    """The same rows, with an archive that says where they lay in the topic."""

    history = IcebergTable("raw.rides")
    live = KafkaTopic("rides")
    x: float
    at: datetime = event_time()


@pytest.fixture
def rides(lake: Lake) -> Callable[..., TopicRows]:
    """The rows of a topic of which the cluster says that partition 0 holds 1,000 records and partition 1 some 50."""

    def rows(beginning: Beginning, source: type[Source] = Rides) -> TopicRows:
        found = TopicRows(lake.platform, plan_source(source.schema), "readers", beginning, follow=True)
        said = TopicDescription("rides", "of-today", (0, 1), None, None, log_append_time=False, configs={})
        vars(found).update(topic=said, log={0: LogRange(0, 1_000), 1: LogRange(950, 1_000)})
        return found

    return rows


def of_topic(number: int, offsets: dict[str, tuple[int, int]], topic_id: str = "of-today") -> ModelVersion:
    training = {"kind": "stream", "source": "rides", "topic": True, "topic_id": topic_id}
    facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64, offsets=offsets, training=training)
    return ModelVersion("rides", number, facts, "ann")


def test_records_that_the_line_has_learned_are_not_learned_again(rides: Callable[..., TopicRows]) -> None:
    line = [of_topic(1, {"rides-0": (0, 700), "rides-1": (0, 900)}), of_topic(2, {"rides-0": (100, 600)})]
    said = r"rides@2 has learned topic 'rides', partition 0, up to offset 600, .* begins with 0: .*--offsets parent"
    with pytest.raises(CutoverError, match=said):
        refuse_learned(rides(Beginning()), line)
    with pytest.raises(CutoverError, match=r"rides@1 has .* up to offset 700, and this run begins with 600"):
        refuse_learned(rides(Beginning(offsets={0: 600})), line)
    # Of partition 1 the log has no record any more that was learned.
    refuse_learned(rides(Beginning(offsets={0: 700})), line)
    refuse_learned(rides(Beginning()), [of_topic(1, {"rides-0": (0, 700)}, "of-another-topic")])
    refuse_learned(rides(Beginning()), [of_topic(1, {"rides-0": (0, 0)})])


def test_what_was_learned_of_the_archive_is_not_learned_again_from_the_topic(
    lake: Lake, rides: Callable[..., TopicRows]
) -> None:
    lake.more(3)
    facts = registered(lake, 3, follow=False)
    line = [ModelVersion("rides", 1, facts, "ann")]
    with pytest.raises(CutoverError, match=f"the first 3 rows of raw.labelled.* give --after {newest(lake)} "):
        refuse_learned(rides(Beginning()), line)
    refuse_learned(rides(Beginning(after=newest(lake))), line)
    # The table does not say which topic it has copied.
    refuse_learned(rides(Beginning(offsets={0: 2})), line)


def archived(lake: Lake, topic_id: str) -> list[int]:
    """Offsets 0 to 4 and then 5 to 7 of partition 0 in the archive of a topic; its snapshots."""
    fields, noted = archive_fields(plan_source(Archived.schema).columns), {TOPIC_ID: topic_id}
    table = lake.platform.iceberg.create_table("raw", "rides", fields, noted)
    found = []
    for offsets in (range(5), range(5, 8)):
        rows = [{"_src_topic": "rides", "_src_partition": 0, "_src_offset": offset} for offset in offsets]
        found.append(table.refresh().append(pa.Table.from_pylist(rows, schema=table.table.schema().as_arrow())))
    return found


@pytest.mark.parametrize(("snapshots", "behind", "end"), [(1, None, 5), (2, None, 8), (0, 6, 5), (0, 8, 8), (0, 4, 0)])
def test_offsets_before_the_end_of_what_was_learned_of_the_archive_are_refused(
    lake: Lake, rides: Callable[..., TopicRows], snapshots: int, behind: int | None, end: int
) -> None:
    found = archived(lake, "of-today")
    pinned = {"raw.rides": found[snapshots - 1]} if snapshots else {}
    streamed = {"kind": "stream", "source": "raw.rides", "topic": False, "behind": behind, "where": ""}
    training = {"kind": "full"} if behind is None else streamed
    facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64, snapshots=pinned, training=training)
    line = [ModelVersion("rides", 1, facts, "ann")]
    refuse_learned(rides(Beginning(offsets={0: end}), Archived), line)
    if end:
        said = f"rides@1 has learned raw.rides, where topic 'rides', partition 0 ends before offset {end}, and this "
        said += f"run begins with {end - 1}: .* --after {found[end // 8]} to begin behind the archive's, or --again"
        with pytest.raises(CutoverError, match=said):
            refuse_learned(rides(Beginning(offsets={0: end - 1}), Archived), line)


def test_offsets_are_not_held_beside_the_archive_of_another_topic(lake: Lake, rides: Callable[..., TopicRows]) -> None:
    found = archived(lake, "of-yesterday")
    facts = replace(of_topic(1, {}).facts, training={"kind": "full"}, snapshots={"raw.rides": found[-1]})
    refuse_learned(rides(Beginning(offsets={0: 0}), Archived), [ModelVersion("rides", 1, facts, "ann")])
