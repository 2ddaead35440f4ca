"""`PinnedDataset`: micro-batches of tensors of a pinned snapshot, in a seeded order that can be stopped and resumed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from headrace.errors import DatasetError, DefinitionError
from headrace.training.data.encoding import Fitted
from headrace.training.data.order import Order
from headrace.training.data.row_groups import RowGroup
from headrace.training.data.rows import PinnedRows, RowReader
from headrace.training.data.tensors import TensorBatch


@dataclass(frozen=True, slots=True)
class Place:
    """How far an epoch has come: all buffers before `buffer` are done, and of that one the first `row` rows."""

    epoch: int = 0
    buffer: int = 0
    row: int = 0


class PinnedDataset(IterableDataset[TensorBatch]):
    """The rows of a split as micro-batches, each row once an epoch. `DataLoader(dataset, batch_size=None)` takes it.

    Each iteration begins the epoch that `set_epoch` chose (at first 0), or goes on where `load_state_dict` says. With
    worker processes each reads row groups of its own; the state is then that of each worker's copy, of which the one in
    this process knows nothing.

    Args:
        rows: what is read.
        fitted: how columns become tensors.
        batch_size: rows of a micro-batch; the last of an epoch may have fewer.
        order: how rows are shuffled.
        drop_last: whether to leave out a last micro-batch of fewer rows.

    Raises:
        UnknownColumnError, ColumnTypeError: the table's columns are not those of the encoding.
        DatasetError: a label that the policy refuses; a state of something else.
    """

    def __init__(
        self,
        rows: PinnedRows,
        fitted: Fitted,
        *,
        batch_size: int = 512,
        order: Order | None = None,
        drop_last: bool = False,
    ) -> None:
        if batch_size < 1:
            msg = f"{rows}: expected a batch_size of 1 or more; found {batch_size!r}"
            raise DefinitionError(msg)
        fitted.encoding.check(rows.snapshot.schema)
        self.rows, self.fitted, self.order = rows, fitted, order or Order()
        self.batch_size, self.drop_last = batch_size, drop_last
        self._place, self._resumed = Place(), False
        self._reader: RowReader | None = None

    @property
    def epoch(self) -> int:
        """The epoch that is visited next, or now."""
        return self._place.epoch

    @property
    def groups_read(self) -> int:
        """How many row groups this process has read for it."""
        return 0 if self._reader is None else self._reader.groups_read

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration visits; another epoch is another order.

        Nothing for the epoch of a state that was just loaded, which the next iteration finishes.
        """
        if epoch != self._place.epoch or not self._resumed:
            self._place, self._resumed = Place(epoch), False

    def state_dict(self) -> dict[str, Any]:
        """How far the newest iteration has come, and of what; plain values for JSON."""
        return {"place": asdict(self._place), "of": self._identity()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next iteration give exactly the micro-batches that were left when the state was taken.

        Raises DatasetError, naming what differs, when the state is of other rows, another encoding or another order.
        """
        mine, theirs = self._identity(), state.get("of", {})
        for name in mine:
            if mine[name] != theirs.get(name):
                msg = (
                    f"{self.rows}: the state is of another dataset: {name} was {theirs.get(name)!r}, and is now "
                    f"{mine[name]!r}; make the dataset as it was, or begin an epoch anew"
                )
                raise DatasetError(msg)
        self._place, self._resumed = Place(**state["place"]), True

    def __iter__(self) -> Iterator[TensorBatch]:
        """The micro-batches of one epoch; of those a share, in a worker process of a DataLoader."""
        place = self._place if self._resumed else Place(self._place.epoch)
        self._place, self._resumed = place, False
        return self._batches(place)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None}

    def _batches(self, place: Place) -> Iterator[TensorBatch]:
        """The micro-batches behind a place; the state counts each as done from when it is given out."""
        reader = self._read_by()
        buffers = self.order.buffers(reader.groups, place.epoch, *_worker())
        parts: list[TensorBatch] = []
        wanted = self.batch_size
        for number, block in self._shuffled(reader, buffers, place):
            at = place.row if number == place.buffer else 0
            for part in block[at:].split(self._sizes(len(block) - at, wanted)):
                parts.append(part)
                at, wanted = at + len(part), wanted - len(part)
                if wanted == 0:
                    self._place = Place(place.epoch, number, at)
                    yield TensorBatch.joined(parts)
                    parts, wanted = [], self.batch_size
        self._place = Place(place.epoch, len(buffers))
        if parts and not self.drop_last:
            yield TensorBatch.joined(parts)

    def _sizes(self, rows: int, first: int) -> list[int]:
        """So many rows as parts of a micro-batch each, the first of `first` rows or all that there are."""
        first = min(first, rows)
        whole, rest = divmod(rows - first, self.batch_size)
        return [size for size in (first, *[self.batch_size] * whole, rest) if size]

    def _read_by(self) -> RowReader:
        """This process's reader."""
        if self._reader is None:
            self._reader = RowReader(self.rows, self.fitted.encoding.columns)
        return self._reader

    def _shuffled(
        self, reader: RowReader, buffers: Sequence[Sequence[RowGroup]], place: Place
    ) -> Iterator[tuple[int, TensorBatch]]:
        """The buffers from a place on, each with its number and its rows in order; the next one is read meanwhile."""
        with ThreadPoolExecutor(1) as thread:
            coming: deque[Future[list[TensorBatch]]] = deque()
            for number in range(place.buffer, len(buffers)):
                for buffer in buffers[number + len(coming) : number + 2]:
                    coming.append(thread.submit(self._encoded, reader, buffer))
                # Here and not in the thread that reads, which is waited for more than this one.
                yield number, self._ordered(coming.popleft().result(), place.epoch, buffers[number])

    def _encoded(self, reader: RowReader, buffer: Sequence[RowGroup]) -> list[TensorBatch]:
        """The rows of a buffer as they come, row group by row group."""
        blocks = map(reader.read, buffer)
        return [self.fitted.encode(block.rows, block.positions) for block in blocks]

    def _ordered(self, parts: Sequence[TensorBatch], epoch: int, buffer: Sequence[RowGroup]) -> TensorBatch:
        """The rows of a buffer in the order of an epoch."""
        order = self.order.rows(sum(map(len, parts)), epoch, buffer)
        return TensorBatch.joined(parts) if order is None else TensorBatch.shuffled(parts, order)

    def _identity(self) -> dict[str, Any]:
        """All that decides what comes when."""
        worker, workers = _worker()
        return {
            "rows": str(self.rows),
            "encoding": self.fitted.digest,
            "order": asdict(self.order),
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
            "worker": f"{worker} of {workers}",
        }


def _worker() -> tuple[int, int]:
    """Which of how many processes of a DataLoader this is."""
    info = get_worker_info()
    return (0, 1) if info is None else (info.id, info.num_workers)
