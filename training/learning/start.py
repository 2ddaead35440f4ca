"""A learner that begins with a model that there is: fine-tuning, and the job on the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from torch import nn

from headrace.errors import ModelError
from headrace.training.data.encoding import Encoding, Fitted
from headrace.training.learning.artifact import ENCODING, EXAMPLE, check_files, read_json, read_model
from headrace.training.learning.columns import rows_of, schema_of
from headrace.training.learning.run_folder import read_artifact
from headrace.training.learning.spec import OptimizerSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner


@dataclass(frozen=True, slots=True)
class Begun:
    """A model to go on from, as its artifact has it.

    Attributes:
        recipe: what it was learnt by.
        network: with its weights.
        example: one row without a label.
    """

    recipe: Recipe
    fitted: Fitted
    network: nn.Module
    example: pa.RecordBatch

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Begun:
        """The model of an artifact's files; ModelError when they are missing or damaged."""
        check_files(files)
        recipe, _, network = read_model(files)
        example = read_json(files, EXAMPLE)
        row = rows_of([example["row"]], schema_of(example["columns"]))
        return cls(recipe, Fitted.from_json(files[ENCODING]), network, row)

    def check_encoding(self, encoding: Encoding, at: str) -> None:
        """ModelError, beginning with a place, unless it encodes as is declared, as its weights mean nothing else."""
        found = self.fitted.encoding
        _check_same("encoding", encoding.pairs, found.pairs, at)
        _check_same("label", encoding.label, found.label, at)

    def taken_up_by(self, made: TorchLearner, optimizer: OptimizerSpec | None, at: str) -> TorchLearner:
        """A learner that was made to go on from it, with its weights, and with another optimizer where one is given.

        Raises ModelError, beginning with a place, where its weights are not of the network or encoding that the learner
        was made with, or the learner has learned already.
        """
        _check_same("model", made.recipe.model, self.recipe.model, at)
        _check_same("fitted encoding", made.fitted.digest, self.fitted.digest, at)
        try:
            made.go_on_from(self.network, optimizer)
        except ModelError as error:
            msg = f"{at}: step 'learner': {error}"
            raise ModelError(msg) from error
        return made

    def learner(self, recipe: Recipe, device: str = "auto") -> TorchLearner:
        """Who goes on from it by a recipe of the same model; counters and optimizer begin anew."""
        return TorchLearner(recipe, self.fitted, self.example, device, self.network)


def _check_same(what: str, here: object, theirs: object, at: str) -> None:
    if here != theirs:
        msg = f"{at}: {what}: here it is {here!r}, and the version to learn on from has {theirs!r}; "
        raise ModelError(msg + "train anew: `headrace train`")


def learner_from_files(
    files: Mapping[str, bytes], device: str = "auto", optimizer: OptimizerSpec | None = None
) -> TorchLearner:
    """A learner with the weights, the encoding and the recipe of an artifact; its counters and optimizer begin anew.

    `optimizer` takes the place of the recipe's: the rate at which a model goes on is seldom that at which it began.
    Raises ModelError for files that are missing or damaged.
    """
    begun = Begun.of(files)
    return begun.learner(begun.recipe if optimizer is None else replace(begun.recipe, optimizer=optimizer), device)


def learner_from_folder(folder: str, device: str = "auto", optimizer: OptimizerSpec | None = None) -> TorchLearner:
    """`learner_from_files` of a folder that holds them, such as `headrace train` writes; errors name it."""
    try:
        return learner_from_files(read_artifact(Path(folder)), device, optimizer)
    except ModelError as error:
        msg = f"{folder}: {error}"
        raise ModelError(msg) from error


def fine_tuned(
    files: Mapping[str, bytes] | None,
    folder: str | None = None,
    device: str = "cpu",
    optimizer: Mapping[str, Any] | None = None,
) -> TorchLearner:
    """What a streaming trainer names as its `learner`: it goes on from the version to start from, or from a folder.

    `optimizer` is an `OptimizerSpec` as JSON says it, such as `{"name": "sgd", "rate": 0.001}`. The device is `cpu`
    unless another is asked for: a worker of a cluster shares its machine.

    Raises:
        ModelError: there is neither a version nor a folder, or its files are missing or damaged.
    """
    chosen = None if optimizer is None else OptimizerSpec.from_json(optimizer)
    if files is not None:
        return learner_from_files(files, device, chosen)
    if folder is None:
        msg = "nothing to learn on from: start from a version (`headrace learn start FILE --from model@version`), or "
        raise ModelError(msg + "name the folder of an artifact: arguments = {'folder': ...}")
    return learner_from_folder(folder, device, chosen)
