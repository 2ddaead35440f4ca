"""What is learnt of which rows, as plain values for JSON, and back: what a version keeps to be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headrace.errors import DefinitionError, ModelError
from headrace.features.place import Place
from headrace.training.data.encoding_json import encoding_of, encoding_plain
from headrace.training.data.filter_json import filter_of, filter_plain
from headrace.training.learning.definition import TrainingDefinition
from headrace.training.learning.early_stopping import EarlyStopping
from headrace.training.learning.spec import OptimizerSpec, Recipe
from headrace.training.learning.trainer import Plan

#: Raised when the same values would come to mean something else.
FORMAT = 1
#: Where the choice among a label join's facts is kept; without it there was none.
FACTS = "facts"


def definition_plain(definition: TrainingDefinition) -> dict[str, Any]:
    """A definition as plain values: all that decides what is learnt of the same snapshot, and on from it."""
    stopping, tuning = definition.plan.stopping, definition.fine_tuning
    # What was learnt before there was a choice is written as it was.
    chosen = {} if definition.facts is None else {FACTS: definition.facts}
    return {
        "format": FORMAT,
        "name": definition.name,
        "encoding": encoding_plain(definition.encoding),
        "recipe": definition.recipe.to_json(),
        "epochs": definition.plan.epochs,
        "stopping": None if stopping is None else asdict(stopping),
        "splits": {name: [filter_plain(one) for one in filters] for name, filters in definition.splits.items()},
        "batch_rows": definition.batch_rows,
        "event_time": definition.event_time,
        "label_time": definition.label_time,
        "fine_tuning": None if tuning is None else asdict(tuning),
        **chosen,
    }


def check_kept(definition: TrainingDefinition, at: str) -> None:
    """DefinitionError, beginning with a place, for a value that JSON cannot say: no version could keep what was
    learnt by it."""
    for name, value in definition_plain(definition).items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            msg = f"{at}: {name}: a version keeps it as JSON: {error}; "
            raise DefinitionError(msg + f"write plain numbers, such as int(...) of NumPy's; found {value!r}") from error


def definition_of(plain: Mapping[str, Any], where: Place) -> TrainingDefinition:
    """The definition of plain values, said to be written at a place.

    Columns of times and `fine_tuning` are not declared where an earlier headrace wrote them.

    Raises:
        ModelError: they are none, or another headrace wrote them.
        DatasetError: a filter is of a user's own class.
    """
    try:
        if plain["format"] != FORMAT:
            msg = f"training: format {plain['format']!r}; this version of headrace reads {FORMAT}"
            raise ModelError(msg)
        stopping = None if plain["stopping"] is None else EarlyStopping(**plain["stopping"])
        tuning = plain.get("fine_tuning")
        return TrainingDefinition(
            name=plain["name"],
            owner="",
            description="",
            source="",
            encoding=encoding_of(plain["encoding"]),
            recipe=Recipe.from_json(plain["recipe"]),
            plan=Plan(plain["epochs"], stopping),
            splits={name: tuple(map(filter_of, filters)) for name, filters in plain["splits"].items()},
            batch_rows=plain["batch_rows"],
            where=where,
            event_time=plain.get("event_time", ""),
            label_time=plain.get("label_time", ""),
            fine_tuning=None if tuning is None else OptimizerSpec.from_json(tuning),
            facts=plain.get(FACTS),
        )
    except (KeyError, TypeError) as error:
        msg = f"training: is not what headrace writes: {type(error).__name__}: {error}"
        raise ModelError(msg) from error
