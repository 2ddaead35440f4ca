"""Micro-batches: every row once an epoch, in an order that a seed decides, stopped and resumed anywhere."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from headrace.errors import DatasetError, DefinitionError, UnknownColumnError
from headrace.training.data import (
    Condition,
    Encoding,
    Fitted,
    Hash,
    Label,
    Order,
    PinnedDataset,
    PinnedRows,
    Raw,
    Snapshot,
    TensorBatch,
)

from .lake import fresh_folder, table_of

PATIENT = settings(max_examples=40)
ENCODING = Encoding({"id": Raw(mask=False), "card": Hash(1_000)}, Label("fraud"))
FILES = st.lists(st.integers(1, 23), min_size=1, max_size=4)
ORDERS = st.builds(Order, st.integers(0, 5), st.booleans(), st.integers(1, 30))
Given = list[tuple[list[int], list[float], list[int], list[float]]]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes")


def rows_of(folder: Path, files: Sequence[int], group_rows: int = 1_000) -> PinnedRows:
    return PinnedRows(Snapshot.of(table_of(fresh_folder(folder), files, group_rows)))


def dataset_of(rows: PinnedRows, **options: Any) -> PinnedDataset:
    return PinnedDataset(rows, fitted(), **options)


def fitted() -> Fitted:
    """The encoders need no fitting, so that any rows of two labels will do."""
    from .lake import transactions

    return ENCODING.fit([transactions(2)])


def given_out(batches: Any) -> Given:
    """What batches hold, as plain values."""
    return [
        (one.positions.tolist(), one.numbers[:, 0].tolist(), one.categories[:, 0].tolist(), one.label.tolist())
        for one in batches
    ]


def positions(batches: Any) -> list[int]:
    return [place for one in batches for place in one.positions.tolist()]


@PATIENT
@given(files=FILES, group_rows=st.integers(1, 9), order=ORDERS, batch_size=st.integers(1, 20), epoch=st.integers(0, 3))
def test_every_row_comes_once_an_epoch_with_its_own_values(
    folder: Path, files: list[int], group_rows: int, order: Order, batch_size: int, epoch: int
) -> None:
    dataset = dataset_of(rows_of(folder, files, group_rows), batch_size=batch_size, order=order)
    dataset.set_epoch(epoch)
    found = given_out(dataset)
    sizes = [len(one[0]) for one in found]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert sizes[-1] == sum(files) - batch_size * (len(sizes) - 1) <= batch_size
    rows = [row for one in found for row in zip(one[0], one[1], one[3], strict=True)]
    # The generated id of a row is its place, and its label the id's parity.
    assert sorted(rows) == [(place, place, place % 2) for place in range(sum(files))]
    cards = {place % 7: category for one in found for place, category in zip(one[0], one[2], strict=True)}
    assert all(cards[place % 7] == category for one in found for place, category in zip(one[0], one[2], strict=True))


@PATIENT
@given(
    files=FILES,
    group_rows=st.integers(1, 9),
    order=ORDERS,
    batch_size=st.integers(1, 20),
    drop_last=st.booleans(),
    data=st.data(),
)
def test_resumed_anywhere_exactly_the_remaining_batches_come(
    folder: Path, files: list[int], group_rows: int, order: Order, batch_size: int, drop_last: bool, data: Any
) -> None:
    rows = rows_of(folder, files, group_rows).where(Condition("id", "!=", 3))

    def begun() -> PinnedDataset:
        return dataset_of(rows, batch_size=batch_size, order=order, drop_last=drop_last)

    whole = begun()
    whole.set_epoch(1)
    expected = given_out(whole)
    stopped = begun()
    stopped.set_epoch(1)
    taken = data.draw(st.integers(0, len(expected)))
    running = iter(stopped)
    first = given_out(next(running) for _ in range(taken))
    state = json.loads(json.dumps(stopped.state_dict()))
    resumed = begun()
    resumed.load_state_dict(state)
    assert resumed.epoch == 1
    resumed.set_epoch(1)
    assert first + given_out(resumed) == expected
    assert resumed.state_dict() == whole.state_dict()
    assert given_out(resumed) == expected, "the next iteration is a whole epoch again"


def test_the_order_is_that_of_the_seed_and_the_epoch(folder: Path) -> None:
    rows = rows_of(folder, [40, 40], 5)

    def order(seed: int, epoch: int, **options: Any) -> list[int]:
        dataset = dataset_of(rows, order=Order(seed, **options))
        dataset.set_epoch(epoch)
        return positions(dataset)

    assert order(1, 0) == order(1, 0) == order(1, 0, buffer_rows=80)
    distinct = [order(1, 0), order(1, 1), order(2, 0), order(1, 0, buffer_rows=20), order(1, 0, shuffle=False)]
    assert len({tuple(one) for one in distinct}) == 5
    assert all(sorted(one) == list(range(80)) for one in distinct)
    assert order(9, 3, shuffle=False) == list(range(80))

    def groups(seed: int, epoch: int) -> list[int]:
        return [place // 5 for place in order(seed, epoch, buffer_rows=5)[::5]]

    assert len({tuple(groups(1, 0)), tuple(groups(1, 1)), tuple(groups(2, 0))}) == 3
    assert sorted(groups(1, 0)) == list(range(16))


def test_the_order_is_the_same_in_every_version(folder: Path) -> None:
    """Written down once: another order would make training from an old state, and rebuilding a model, another."""
    dataset = dataset_of(rows_of(folder, [12], 3), order=Order(7, buffer_rows=6))
    assert positions(dataset) == [0, 11, 1, 9, 2, 10, 4, 6, 5, 7, 8, 3]


def test_rows_of_a_buffer_are_mixed_across_its_row_groups(folder: Path) -> None:
    dataset = dataset_of(rows_of(folder, [60], 10), order=Order(3, buffer_rows=30), batch_size=30)
    batches = [sorted({place // 10 for place in one.positions.tolist()}) for one in dataset]
    assert [len(groups) for groups in batches] == [3, 3]
    first = next(iter(dataset)).positions.tolist()
    assert len({place // 10 for place in first[:10]}) > 1


def test_two_workers_read_every_row_once(folder: Path) -> None:
    rows = rows_of(folder, [33, 20], 4)
    loader = DataLoader(dataset_of(rows, batch_size=6), batch_size=None, num_workers=2, multiprocessing_context="fork")
    found = list(loader)
    assert all(isinstance(one, TensorBatch) for one in found)
    assert sorted(positions(found)) == list(range(53))


def test_what_is_sent_to_a_process_reads_the_same(folder: Path) -> None:
    dataset = dataset_of(rows_of(folder, [9], 2))
    expected = given_out(dataset)
    sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301 (as a DataLoader does where processes are spawned)
    assert given_out(sent) == expected


def test_rows_whose_label_is_left_out_are_in_no_batch_and_resuming_is_exact(folder: Path) -> None:
    rows = rows_of(folder, [30, 21], 4)
    unlabelled = Encoding({"id": Raw(mask=False), "card": Hash(9)}, Label("amt", bad="leave_out"))
    fitted = rows.fit(unlabelled)
    assert (fitted.rows, fitted.labels and fitted.labels.left_out) == (46, {"NULL": 5})

    def begun() -> PinnedDataset:
        return PinnedDataset(rows, fitted, batch_size=4, order=Order(2, buffer_rows=10))

    stopped = begun()
    expected = given_out(stopped)
    assert sorted(place for one in expected for place in one[0]) == [one for one in range(51) if one % 10 != 9]
    for taken in (1, 5, 11):
        running = iter(stopped)
        first = given_out(next(running) for _ in range(taken))
        resumed = begun()
        resumed.load_state_dict(stopped.state_dict())
        assert first + given_out(resumed) == expected


def test_an_epoch_that_is_begun_anew_is_whole(folder: Path) -> None:
    dataset = dataset_of(rows_of(folder, [20], 5), batch_size=4)
    next(iter(dataset))
    assert sorted(positions(dataset)) == list(range(20))


def test_a_state_of_another_dataset_is_refused_with_what_differs(folder: Path) -> None:
    rows = rows_of(folder, [20], 5)
    state = dataset_of(rows, batch_size=4).state_dict()
    others = {
        "batch_size was 4, and is now 5": dataset_of(rows, batch_size=5),
        "order was": dataset_of(rows, batch_size=4, order=Order(1)),
        "rows was 'raw.tx@": dataset_of(rows.where(Condition("id", ">", 3)), batch_size=4),
        "encoding was": PinnedDataset(rows, Encoding({"id": Raw()}).fit(rows.batches()), batch_size=4),
    }
    for why, other in others.items():
        with pytest.raises(DatasetError, match=why):
            other.load_state_dict(state)
        assert len(positions(other)) in {20, 16}


def test_a_last_micro_batch_of_fewer_rows_can_be_left_out(folder: Path) -> None:
    dataset = dataset_of(rows_of(folder, [11], 5), batch_size=4, drop_last=True)
    assert [len(one) for one in dataset] == [4, 4]


def test_a_dataset_that_cannot_be_is_refused(folder: Path) -> None:
    rows = rows_of(folder, [3])
    with pytest.raises(DefinitionError, match="batch_size of 1 or more; found 0"):
        dataset_of(rows, batch_size=0)
    with pytest.raises(DefinitionError, match="buffer_rows >= 1; found 0 and 0"):
        Order(buffer_rows=0)
    encoding = Encoding({"kard": Hash(5)})
    with pytest.raises(UnknownColumnError, match=r"no column 'kard'; did you mean 'card'\?"):
        rows.fit(encoding)
