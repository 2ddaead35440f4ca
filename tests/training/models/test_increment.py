"""What a stream of facts learned beyond a champion: of the same offsets other facts, where it has another condition."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.label_ids import ids_to_note
from headrace.connectors.schema import Field
from headrace.registry.model_facts import Facts
from headrace.training.models.increment import increment_of

from ..data.lake import catalog_at  # noqa: TID252

FIELDS = [Field("payment", "bigint"), Field("label", "boolean"), Field("label_time", "timestamp")]
FIELDS += [Field("fact", "string"), Field("fact_number", "bigint")]
PLACES = {"kind": "stream", "source": "labels.frauds", "topic": False}
PLACES |= {"places": {"partition": "fact_number", "offset": "payment"}}
HASH = "a" * 64
IDS = 10
ALL, FIRST, LABELLED = "", "fact_number = 1", "label_time IS NOT NULL"


@pytest.fixture(scope="module")
def frauds(tmp_path_factory: pytest.TempPathFactory) -> IcebergTable:
    """The first fact of ten payments, every second of which is labelled."""
    folder = tmp_path_factory.mktemp("lake")
    table = catalog_at(folder).create_table("labels", "frauds", FIELDS, ids_to_note(["payment"]))
    rows = [_fact(payment, labelled=payment % 2 == 0) for payment in range(IDS)]
    table.append(pa.Table.from_pylist(rows, table.table.schema().as_arrow()))
    return table


@pytest.mark.parametrize(
    ("learned", "champion", "asked"),
    [
        (ALL, LABELLED, range(IDS)),
        (FIRST, LABELLED, range(IDS)),
        (LABELLED, FIRST, range(0, IDS, 2)),
        # Whoever learned all facts learned these, too.
        (LABELLED, ALL, ()),
        *((same, same, ()) for same in (ALL, FIRST, LABELLED)),
    ],
)
def test_a_champion_of_other_facts_is_asked_of_those_at_its_offsets(
    frauds: IcebergTable, learned: str, champion: str, asked: range
) -> None:
    assert increment(frauds, streamed(learned), streamed(champion)) == list(asked)


def test_of_several_who_learned_only_those_of_such_facts_are_left_out(frauds: IcebergTable) -> None:
    others = [streamed(LABELLED, end=8), streamed(ALL, 2, 4), streamed(ALL, 7, 9)]
    assert increment(frauds, streamed(ALL), *others) == [0, 1, 4, 5, 6, 9]


def increment(frauds: IcebergTable, learned: Facts, *champion: Facts) -> list[int]:
    """The payments that are asked of a champion's line."""
    parts = increment_of([learned], champion, lambda _: frauds)
    return [one for _, rows in parts for batch in rows.batches(["payment"]) for one in batch["payment"].to_pylist()]


def streamed(where: str, first: int = 0, end: int = IDS) -> Facts:
    offsets = {"labels.frauds-1": (first, end)}
    training = {**PLACES, "where": where}
    return Facts(artifact=HASH, code=HASH, environment=HASH, offsets=offsets, rows_seen=end - first, training=training)


def _fact(payment: int, *, labelled: bool) -> dict[str, Any]:
    told = {"fact": "labelled", "label_time": payment} if labelled else {"fact": "waited", "label_time": None}
    return {"payment": payment, "label": labelled, "fact_number": 1, **told}
