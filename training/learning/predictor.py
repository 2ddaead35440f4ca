"""`Predictor`: a model that was loaded from its files, and answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from headrace.errors import HeadraceError, ModelError, TrainingError
from headrace.training.data.encoding import Fitted
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.artifact import ENCODING, EXAMPLE, read_json, read_model
from headrace.training.learning.columns import row_as_json, rows_of, schema_of, types_of
from headrace.training.learning.losses import LINKS
from headrace.training.learning.machine import is_of_machine
from headrace.training.learning.metrics import Floats
from headrace.training.learning.reproducible import device_of, reproducible
from headrace.training.learning.spec import Recipe

#: How far the answer to the stored example may be off: networks compute in 32 bits, in an order that machines choose.
EXAMPLE_TOLERANCE = 1e-5
#: What files make go wrong, in a network of a user's own too; torch tells of shapes by RuntimeErrors.
OF_FILES = (
    HeadraceError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
)


class Predictor:
    """Answers to rows: the chance of the label 1, or the label itself, by the model's task.

    Attributes:
        columns: the columns that it reads, with their types.
        fitted: how they become tensors.
    """

    def __init__(self, recipe: Recipe, network: nn.Module, fitted: Fitted, columns: pa.Schema, device: str) -> None:
        self.recipe, self.columns, self.fitted = recipe, columns, fitted
        self._device = device_of(device)
        self._network = network.to(self._device).eval()
        self._link = LINKS[recipe.model.task]

    def score(self, rows: pa.RecordBatch | Sequence[Mapping[str, Any]]) -> Floats:
        """The answers [rows] to rows as Arrow has them, or as JSON does.

        Raises RequestError for a row of JSON that lacks a column or has a value of another type; what the encoding
        raises for Arrow's.
        """
        given = rows if isinstance(rows, pa.RecordBatch) else rows_of(rows, self.columns)
        return self.score_tensors(self.fitted.encode(given, labels=False))

    def score_tensors(self, batch: TensorBatch) -> Floats:
        """The answers [rows] to rows that are encoded already."""
        placed = batch.to(self._device)
        with reproducible(), torch.no_grad():
            answers = self._link(self._network(placed.numbers, placed.categories))
        return answers.cpu().numpy().astype(np.float64)


@dataclass(frozen=True, slots=True)
class Example:
    """The stored row of an artifact with the answer that its model gave to it, and the answer that it gives here."""

    row: Mapping[str, Any]
    expected: float
    found: float

    @property
    def is_answered(self) -> bool:
        """Whether the answer is the expected one, but for what machines differ by.

        >>> Example({}, 0.5, 0.500001).is_answered, Example({}, 0.5, 0.51).is_answered
        (True, False)
        """
        return math.isclose(self.found, self.expected, rel_tol=EXAMPLE_TOLERANCE, abs_tol=EXAMPLE_TOLERANCE)


def load(files: Mapping[str, bytes], device: str = "cpu") -> Predictor:
    """The model in an artifact's files, once it has answered the stored example as it should.

    Raises ModelError for files that are missing or damaged, made by another major version of torch, of a module that
    cannot be imported, with weights of another shape, or with another answer to the example.
    """
    predictor, example = asked(files, device)
    if not example.is_answered:
        msg = f"{EXAMPLE}: expected the answer {example.expected!r}, found {example.found!r}; the model is not what it "
        raise ModelError(msg + "was when written")
    return predictor


def asked(files: Mapping[str, bytes], device: str = "cpu") -> tuple[Predictor, Example]:
    """The model in an artifact's files, and what it answers to the stored example; raises as `load`, but for that.

    What the machine lacks, memory or threads, is raised as it is: it says nothing of the model.
    """
    try:
        return _asked(files, device)
    except (ModelError, TrainingError, OSError, MemoryError):
        raise
    except OF_FILES as error:
        if is_of_machine(error):
            raise
        msg = f"the files do not make a model that answers its own example: {type(error).__name__}: {error}; expected "
        raise ModelError(msg + "what headrace wrote: rebuild the version, or train anew") from error


def example_of(row: pa.RecordBatch, answer: float) -> dict[str, Any]:
    """One row with its answer, as `example.json` keeps it. TrainingError for an answer that is not finite."""
    if not math.isfinite(answer):
        msg = f"the model's answer to its example is {answer}, so that nobody could check it: take a lower rate of "
        raise TrainingError(msg + "learning, or look at the numbers of the first row")
    return {"columns": types_of(row.schema), "row": row_as_json(row.to_pylist()[0]), "answer": answer}


def _asked(files: Mapping[str, bytes], device: str) -> tuple[Predictor, Example]:
    recipe, _, network = read_model(files)
    example = read_json(files, EXAMPLE)
    try:
        columns = schema_of(example["columns"])
        row, expected = example["row"], float(example["answer"])
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{EXAMPLE}: {type(error).__name__}: {error}; expected columns, row and answer"
        raise ModelError(msg) from error
    predictor = Predictor(recipe, network, Fitted.from_json(files[ENCODING].decode()), columns, device)
    return predictor, Example(row, expected, float(predictor.score([row])[0]))
