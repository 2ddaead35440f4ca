"""`Encoding`: which columns become which tensors. Fitted on the rows that train, it is a value kept with the model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import torch

from headrace.errors import DatasetError, DefinitionError
from headrace.training.data.beside import categories_beside, numbers_beside
from headrace.training.data.columns import NUMBERS, Floats, check_kind, kind_of, one_array
from headrace.training.data.encoders import Encoder, FittedEncoder, Integers
from headrace.training.data.filters import check_columns
from headrace.training.data.labels import Label, LabelFit, LabelSummary
from headrace.training.data.tensors import TensorBatch

Rows: TypeAlias = pa.RecordBatch | pa.Table


@dataclass(frozen=True, slots=True)
class Category:
    """An encoded column of indices: its name, and how many different ones there may be."""

    name: str
    size: int


@dataclass(frozen=True)
class Encoding:
    """Columns with one or several encoders each, in the order of the tensors' columns, and the label.

    Raises DefinitionError for an encoder that one column has twice, for a label that is a feature, and for no columns
    at all.

    >>> from headrace.training.data.encoders import Hash, Raw
    >>> rows = pa.RecordBatch.from_pydict({"amt": [1.0, None], "card": ["a", "b"], "fraud": [0, 1]})
    >>> fitted = Encoding({"amt": Raw(), "card": [Hash(8), Hash(64)]}, Label("fraud")).fit([rows])
    >>> fitted.numbers, [str(one.name) for one in fitted.categories]
    (('amt__raw', 'amt__raw_missing'), ['card__hash_8', 'card__hash_64'])
    >>> fitted.encode(rows).numbers.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    features: Mapping[str, Encoder | Sequence[Encoder]]
    label: Label | None = None

    def __post_init__(self) -> None:
        counted = Counter(f"{column}__{encoder.name}" for column, encoder in self.pairs)
        twice = [name for name, count in counted.items() if count > 1]
        if twice or not counted:
            msg = f"encoding: {twice[0]!r} is there twice; keep one" if twice else "encoding: no column is encoded"
            raise DefinitionError(msg)
        if self.label is not None and self.label.column in self.features:
            msg = (
                f"encoding: label {self.label.column!r} is among the features, so that the answer would be given with "
            )
            raise DefinitionError(msg + "the question; take it out of them")

    @cached_property
    def pairs(self) -> list[tuple[str, Encoder]]:
        """Each encoder with its column."""
        return [(name, encoder) for name, encoders in self._listed.items() for encoder in encoders]

    @cached_property
    def columns(self) -> list[str]:
        """All columns that are read, each once."""
        label = [] if self.label is None else [self.label.column]
        return list(dict.fromkeys([*self.features, *label]))

    @property
    def _listed(self) -> dict[str, Sequence[Encoder]]:
        """The encoders of each column."""
        return {name: one if isinstance(one, Sequence) else (one,) for name, one in self.features.items()}

    def check(self, schema: pa.Schema) -> None:
        """UnknownColumnError or ColumnTypeError unless rows of a schema can be encoded, label included."""
        self.check_names(schema)
        for column, encoder in self.pairs:
            what = f"encoding: {type(encoder).__name__} of column {column!r}"
            check_kind(what, schema.field(column).type, encoder.takes)
            encoder.check(what, schema.field(column).type)
        if self.label is not None:
            self.label.check(schema.field(self.label.column).type)

    def check_names(self, schema: pa.Schema, *, label: bool = True) -> None:
        """UnknownColumnError unless a schema has all columns, that of the label only where it is asked for."""
        check_columns("encoding", list(self.features), schema)
        if self.label is not None and label:
            check_columns("label", [self.label.column], schema)

    def fit(self, batches: Iterable[Rows]) -> Fitted:
        """Look at all rows that train, once; those whose label is left out are not looked at.

        Raises:
            DatasetError: there are no rows; a label is refused; all labels are one; a column has nothing to fit on.
            UnknownColumnError, ColumnTypeError: a column is not there, or of a type that its encoder does not take.
        """
        fit = EncodingFit(self)
        for rows in batches:
            fit.add(rows)
        return fit.fitted()


@dataclass(frozen=True)
class Fitted:
    """An encoding with all that was found out about the rows that train. Encodes rows alike, however they are batched.

    Attributes:
        encoders: for each of `encoding.pairs` what encodes.
        kinds: for each of them the kind of its column.
        rows: how many were fitted on.
        labels: what was found of them; None without a label.
    """

    encoding: Encoding
    encoders: tuple[FittedEncoder, ...]
    kinds: tuple[str, ...]
    rows: int
    labels: LabelSummary | None

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The name of each column of `TensorBatch.numbers`."""
        named = [(name, part) for name, encoder in self._named for part in encoder.numbers]
        return tuple(f"{name}_{part}" if part else name for name, part in named)

    @cached_property
    def categories(self) -> tuple[Category, ...]:
        """Each column of `TensorBatch.categories`."""
        return tuple(Category(name, size) for name, encoder in self._named for size in encoder.sizes)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def encode(self, rows: Rows, positions: Integers | None = None, *, labels: bool = True) -> TensorBatch:
        """Rows as tensors, without a loop over them; rows whose label is left out are not there.

        Args:
            rows: with the encoded columns, in any order and among others.
            positions: int64 [rows], by default from 0 on.
            labels: False where rows are only scored, and have no label.

        Raises:
            UnknownColumnError, ColumnTypeError: a column is not there, or not of the kind that was fitted on.
            DatasetError: a label is refused.
        """
        columns = self._columns_of(rows.schema, labels=labels)
        places = np.arange(rows.num_rows) if positions is None else positions
        label = self.encoding.label if labels else None
        if label is None:
            return self._encoded(rows, columns, places, None)
        found = label.read(one_array(rows[label.column]), places)
        if found.kept.all():
            return self._encoded(rows, columns, places, found.values)
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        kept = table.filter(pa.array(found.kept))
        return self._encoded(kept, columns, places[found.kept], found.values[found.kept])

    def to_json(self) -> str:
        """Canonical JSON: equal encodings are equal bytes."""
        # Imported here, since that module makes the values of this one.
        from headrace.training.data.encoding_json import fitted_json

        return fitted_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Fitted:
        """What `to_json` wrote; DatasetError, saying where, for anything else."""
        from headrace.training.data.encoding_json import fitted_of

        return fitted_of(text)

    @property
    def _named(self) -> Iterator[tuple[str, FittedEncoder]]:
        for (column, encoder), fitted in zip(self.encoding.pairs, self.encoders, strict=True):
            yield f"{column}__{encoder.name}", fitted

    def _columns_of(self, schema: pa.Schema, *, labels: bool) -> list[int]:
        """Where each encoder's column is, in rows that have all columns and those of the kinds that were fitted on.

        Integers and floats are one kind where both are taken.
        """
        # Micro-batches of one stream have one schema.
        known, found = self._accepted.get(labels, (None, []))
        if schema != known:
            found = self._looked_up(schema, labels=labels)
            self._accepted[labels] = schema, found
        return found

    def _looked_up(self, schema: pa.Schema, *, labels: bool) -> list[int]:
        """`_columns_of` a schema that was not seen before."""
        self.encoding.check_names(schema, label=labels)
        for (column, encoder), kind in zip(self.encoding.pairs, self.kinds, strict=True):
            what = f"encoding: {type(encoder).__name__} of column {column!r}, fitted on {kind},"
            check_kind(what, schema.field(column).type, encoder.takes & NUMBERS if kind in NUMBERS else {kind})
        return [schema.get_field_index(column) for column, _ in self.encoding.pairs]

    @cached_property
    def _accepted(self) -> dict[bool, tuple[pa.Schema, list[int]]]:
        """With labels, and without: the schema that was checked last, and where the columns are in it."""
        return {}

    def _encoded(self, rows: Rows, columns: Sequence[int], positions: Integers, label: Floats | None) -> TensorBatch:
        """All columns side by side."""
        # Once for all encoders: for each it took as long as to subtract a mean.
        with np.errstate(over="ignore", invalid="ignore"):
            pairs = zip(columns, self.encoders, strict=True)
            found = [encoder.encode(one_array(rows.column(place))) for place, encoder in pairs]
        return TensorBatch(
            torch.from_numpy(numbers_beside(found, rows.num_rows)),
            torch.from_numpy(categories_beside(found, rows.num_rows)),
            None if label is None else torch.from_numpy(label),
            torch.from_numpy(positions),
        )


class EncodingFit:
    """Looks at the rows that train, as `Encoding.fit` does, part by part."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._fits = [encoder.fit() for _, encoder in encoding.pairs]
        self._label = None if encoding.label is None else LabelFit(encoding.label)
        self._kinds: tuple[str, ...] = ()
        self._seen = self._rows = 0

    def add(self, rows: Rows, positions: Integers | None = None) -> None:
        """Take in some rows, at these positions, by default behind those before; what is wrong with them is raised.

        But for bad labels, of which `fitted` tells when all are counted.
        """
        self._encoding.check(rows.schema)
        self._kinds = tuple(kind_of(rows.schema.field(column).type) for column, _ in self._encoding.pairs)
        places = np.arange(self._seen, self._seen + rows.num_rows) if positions is None else positions
        kept = self._labelled(rows, places)
        for (column, _), fit in zip(self._encoding.pairs, self._fits, strict=True):
            fit.add(one_array(kept[column]))
        self._seen, self._rows = self._seen + rows.num_rows, self._rows + kept.num_rows

    def fitted(self) -> Fitted:
        """What was found. Raises what `Encoding.fit` raises of labels and of rows that are not there."""
        labels = None if self._label is None or not self._seen else self._label.summary()
        if not self._rows:
            msg = "encoding: there are no rows to fit on"
            raise DatasetError(msg)
        encoders = tuple(fit.fitted(column) for (column, _), fit in zip(self._encoding.pairs, self._fits, strict=True))
        return Fitted(self._encoding, encoders, self._kinds, self._rows, labels)

    def _labelled(self, rows: Rows, positions: Integers) -> Rows:
        """The rows whose label counts."""
        if self._label is None:
            return rows
        found = self._label.add(one_array(rows[self._label.label.column]), positions)
        if found.kept.all():
            return rows
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        return table.filter(pa.array(found.kept))
