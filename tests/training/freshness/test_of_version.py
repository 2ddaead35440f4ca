"""The training of a version that the store knows, and what is said where it does not know enough of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ModelError, TrainingError
from headrace.features.place import Place
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data.filters import EntityShare, RowFilter
from headrace.training.freshness.of_version import training_of
from headrace.training.learning.definition_json import definition_of, definition_plain
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, ScheduleSpec
from headrace.training.models.store import ModelStore
from tests.training.models import trips


class Odd(EntityShare):
    """A filter of a user's own class."""


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return trips.store(tmp_path)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(load_settings(environment={}, folder=tmp_path))


def registered(store: ModelStore, split: RowFilter, **declared: Any) -> str:
    """A version of a training of these rows, as `headrace train` registers it."""
    options: dict[str, Any] = {"owner": "ann", "source": "raw.trips", "encoding": trips.ENCODING, "__doc__": "Late."}
    options |= {"model": ModelSpec("logistic"), "splits": {"train": split}, **declared}
    kind = type("LateTrips", (TrainingPipeline,), options)
    training = {"kind": "full", "definition": definition_plain(kind.definition), "overridden": []}
    facts = trips.facts(store, {"model.json": b"{}"}, training=training, snapshots={"raw.trips": 7})
    return store.register("late_trips", facts, trips.WHY).name


def test_it_is_what_the_version_keeps_over_the_rows_that_it_learned_from(store: ModelStore, platform: Platform) -> None:
    found = training_of(platform, store, registered(store, split := EntityShare(("trip",), 0.0, 0.5)), seed=3).chosen
    assert (found.source, found.recipe.seed, found.splits) == ("raw.trips@7", 3, {"train": (split,)})


def test_it_has_the_columns_of_times_and_the_optimizer_by_which_it_goes_on(
    store: ModelStore, platform: Platform
) -> None:
    tuning = OptimizerSpec("sgd", 0.3, schedule=ScheduleSpec("inverse_sqrt"), clip_norm=1.0)
    declared = {"event_time": "at", "label_time": "known_at", "fine_tuning": tuning}
    name = registered(store, EntityShare(("trip",), 0.0, 0.5), **declared)
    found = training_of(platform, store, name).chosen
    assert {option: getattr(found, option) for option in declared} == declared


def test_a_definition_of_before_these_were_kept_declares_none(store: ModelStore) -> None:
    version = store.version(registered(store, EntityShare(("trip",), 0.0, 0.5)))
    plain = version.facts.training["definition"]
    earlier = {key: value for key, value in plain.items() if key not in ("event_time", "label_time", "fine_tuning")}
    assert len(plain) - len(earlier) == 3
    assert definition_of(earlier, Place("", 0)) == definition_of(plain, Place("", 0))


def test_of_a_filter_of_an_own_class_it_says_that_a_file_helps(store: ModelStore, platform: Platform) -> None:
    name = registered(store, Odd(("trip",), 0.0, 0.5))
    with pytest.raises(ModelError, match=r"late_trips@1: filter .*'.*\.Odd'.*; give the Python file that declares it$"):
        training_of(platform, store, name)


def test_a_device_that_is_not_here_is_refused_before_the_store_is_asked(store: ModelStore, platform: Platform) -> None:
    with pytest.raises(TrainingError, match="device 'gpu': expected auto, cpu"):
        training_of(platform, store, "no_such_model", device="gpu")
