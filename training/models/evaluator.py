"""`Evaluator`: loads models and evaluates them on pinned rows, each on the same, with the metrics of slices."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.connectors.artifacts import Artifacts
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.errors import ColumnTypeError, DatasetError, ModelError
from headrace.registry.model_facts import Evaluation, Facts
from headrace.training.data.encoding import Fitted
from headrace.training.data.filters import check_columns
from headrace.training.data.label_look import check_labels
from headrace.training.data.labels import Label
from headrace.training.data.last_facts import chosen_facts
from headrace.training.data.rows import Block, PinnedRows, RowReader
from headrace.training.data.snapshot import Snapshot
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.guarding import answer_fault, fitted_of_task
from headrace.training.learning.metrics import Floats, MetricSet
from headrace.training.learning.predictor import Predictor, load
from headrace.training.learning.rows_text import rows_text
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.gates import ROWS
from headrace.training.models.learned import Learned, learned_of

#: A column of more values than this is no slice but a key; so many losses nobody reads.
MOST_SLICES = 1_000
#: How a slice without a value is called.
MISSING = "NULL"
#: What `repr` puts around or before a character of a text.
_QUOTING = "'\"\\"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """How well a model of a task did on a set, by which label that was, and how many rows had one."""

    evaluation: Evaluation
    label: Label | None
    counted: int
    task: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """Some rows that have a label, with the answer of a model and the label of each."""

    rows: pa.Table
    answer: Floats
    label: Floats


class Evaluator:
    """Evaluates models on sets of rows that it pins once, so that all are asked of the same.

    Args:
        sets: the rows; a table without a snapshot is pinned at its newest when it is first asked for.
        catalog: where the tables are.
        artifacts: where the models are.
    """

    def __init__(self, sets: Iterable[EvaluationSet], catalog: IcebergCatalog, artifacts: Artifacts) -> None:
        self.sets = {one.name: one for one in sets}
        self._catalog, self._artifacts = catalog, artifacts
        self._rows: dict[str, PinnedRows] = {}
        self._found: dict[tuple[str, str], Evaluated] = {}
        self._learned: dict[Hashable, Learned] = {}
        # The newest alone, as models may be large.
        self._loaded: dict[str, Predictor] = {}

    def rows(self, name: str) -> PinnedRows:
        """The rows of a set, pinned.

        Raises NotFoundError for a table or snapshot that is not there, and what `chosen_facts` raises.
        """
        if name not in self._rows:
            chosen = self.sets[name]
            rows = PinnedRows(Snapshot.named(self._catalog, chosen.source), tuple(chosen.filters))
            self._rows[name] = chosen_facts(rows, chosen.facts, f"evaluation set {name!r}")
        return self._rows[name]

    def load(self, artifact: str) -> Predictor:
        """The model of an artifact, which is then kept; raises what `predictor.load` does of broken files."""
        if artifact not in self._loaded:
            self._loaded = {artifact: load(self._artifacts.get(artifact))}
        return self._loaded[artifact]

    def table(self, name: str) -> IcebergTable:
        """A table of the catalog. NotFoundError, with a suggestion, for one that is not there."""
        return self._catalog.named(name)

    def evaluated(self, name: str, artifact: str) -> Evaluated:
        """How well the model of an artifact does on a set; it is asked once.

        Raises:
            ArtifactError: the artifact is missing or damaged.
            ModelError: it is no model that can be loaded, or has no finite answer to a row.
            DatasetError: no row of the set has a label, one is refused, or a slice has too many values.
            UnknownColumnError, ColumnTypeError: the table lacks a column that the model or a slice needs.
        """
        if (name, artifact) not in self._found:
            self._found[name, artifact] = self._measured(self.sets[name], self.load(artifact))
        return self._found[name, artifact]

    def learned(self, name: str, line: Sequence[tuple[str, Facts]]) -> Learned:
        """What the versions of a line, by their names, have learned from a set (`learned_of`)."""
        key = name, *((one, facts.artifact, facts.rows_seen) for one, facts in line)
        if key not in self._learned:
            rows = self.rows(name)
            self._learned[key] = learned_of(rows, self.table(rows.snapshot.table), line)
        return self._learned[key]

    def _measured(self, chosen: EvaluationSet, predictor: Predictor) -> Evaluated:
        rows = self.rows(chosen.name)
        _check_slices(chosen, rows)
        whole = _Sums(predictor.recipe.model.task)
        slices = {column: _Slices(column, predictor.recipe.model.task) for column in chosen.slices}
        for some in labelled(predictor, rows, chosen.slices):
            whole.add(some.answer, some.label)
            for column, found in slices.items():
                found.add(some.rows[column], some.answer, some.label)
        if not whole.rows:
            msg = f"evaluation set {chosen.name!r}: no row with a label, {rows.count()}"
            raise DatasetError(msg)
        metrics = whole.metrics("")
        for found in slices.values():
            metrics |= found.metrics()
        evaluation = Evaluation(chosen.name, rows_text(str(rows)), metrics)
        return Evaluated(evaluation, predictor.fitted.encoding.label, whole.rows, predictor.recipe.model.task)


def labelled(
    predictor: Predictor, rows: PinnedRows, columns: Sequence[str], *, leave_out: bool = False
) -> Iterator[Labelled]:
    """The rows that have a label, with some of their columns, a row group at a time.

    Args:
        leave_out: leave rows out whose label is bad, where the model's own label refuses them.

    Raises:
        ModelError: the model was trained on no label, or has no finite answer to a row.
        DatasetError: a label is refused.
        UnknownColumnError, ColumnTypeError: the table lacks a column, or has it of another type.
    """
    fitted = fitted_of_task(predictor.fitted, predictor.recipe.model.task)
    fitted = _leaving_out(fitted) if leave_out else fitted
    if fitted.encoding.label is None:
        msg = "the model was trained on no label, so that there is nothing to hold its answers against"
        raise ModelError(msg)
    reader = RowReader(rows, list(dict.fromkeys([*fitted.encoding.columns, *columns])))
    for group in reader.groups:
        block = reader.read(group)
        batch = _encoded(fitted, rows, block)
        if not len(batch) or batch.label is None:
            continue
        answer = predictor.score_tensors(batch)
        fault = answer_fault(answer, batch.positions.numpy())
        if fault:
            msg = f"{rows}: {fault}; expected a finite number"
            raise ModelError(msg)
        kept = np.searchsorted(block.positions, batch.positions.numpy())
        yield Labelled(block.rows.take(pa.array(kept)), answer, batch.label.numpy().astype(np.float64))


def _encoded(fitted: Fitted, rows: PinnedRows, block: Block) -> TensorBatch:
    """A row group as tensors. DatasetError for a label that is refused, of all rows: how many there are."""
    try:
        return fitted.encode(block.rows, block.positions)
    except DatasetError:
        if fitted.encoding.label is not None:
            # It knows of one row group; whoever is to clean them wants to know of all.
            check_labels(rows, fitted.encoding.label, None, 0)
        raise


def _leaving_out(fitted: Fitted) -> Fitted:
    label = fitted.encoding.label
    kept = None if label is None else replace(label, bad="leave_out")
    return replace(fitted, encoding=replace(fitted.encoding, label=kept))


class _Sums:
    """The metrics of some rows."""

    def __init__(self, task: str) -> None:
        self._metrics = MetricSet.of_task(task)
        self.rows = 0

    def add(self, answer: Floats, label: Floats) -> None:
        """Take in some rows."""
        self._metrics.update(answer, label)
        self.rows += len(label)

    def metrics(self, suffix: str) -> dict[str, float]:
        """Each metric that is defined, by its name with a suffix."""
        return {name + suffix: value for name, value in self._metrics.compute().items() if value is not None}


class _Slices:
    """The metrics of rows by the values of a column."""

    def __init__(self, column: str, task: str) -> None:
        self._column, self._task = column, task
        self._sums: dict[str, _Sums] = {}

    def add(self, values: pa.ChunkedArray, answer: Floats, label: Floats) -> None:
        """Take in some rows, whose values these are."""
        encoded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
        codes = encoded.indices.to_numpy()
        names = [_slice_name(value) for value in encoded.dictionary.to_pylist()]
        if len(self._sums.keys() | set(names)) > MOST_SLICES:
            msg = f"slices of {self._column!r}: more than {MOST_SLICES:,} values; slice by a coarser column"
            raise DatasetError(msg)
        for places, name in zip(_places(codes, len(names)), names, strict=True):
            self._sums.setdefault(name, _Sums(self._task)).add(answer[places], label[places])

    def metrics(self) -> dict[str, float]:
        """The metrics of each value, as `metric/column=value`, and how many rows it has, as `rows/column=value`."""
        found: dict[str, float] = {}
        for name, sums in self._sums.items():
            found |= {f"{ROWS}/{self._column}={name}": float(sums.rows), **sums.metrics(f"/{self._column}={name}")}
        return found


def _check_slices(chosen: EvaluationSet, rows: PinnedRows) -> None:
    """ColumnTypeError for a column whose values are no names, such as lists; UnknownColumnError for none."""
    schema = rows.snapshot.schema
    check_columns(f"evaluation set {chosen.name!r}: slices", chosen.slices, schema)
    for column in chosen.slices:
        if pa.types.is_nested(schema.field(column).type):
            msg = f"evaluation set {chosen.name!r}: slices: column {column!r} of {rows.snapshot} is "
            raise ColumnTypeError(msg + f"{schema.field(column).type}; expected plain values, such as text or numbers")


def _slice_name(value: object) -> str:
    r"""What a slice is called: the value as text; in quotes where that reads as a missing value, or as such a text.

    >>> _slice_name(None), _slice_name("NULL"), _slice_name("UA")
    ('NULL', "'NULL'", 'UA')
    """
    text = str(value)
    quoted = repr(text) if text.strip(_QUOTING) == MISSING else text
    return MISSING if value is None else quoted


def _places(codes: npt.NDArray[np.int32], count: int) -> list[npt.NDArray[np.int64]]:
    """For each code the places that have it."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, count)))
